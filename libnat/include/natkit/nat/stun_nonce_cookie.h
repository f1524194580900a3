#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace natkit::stun {

/// What a server of RFC 8489 says of itself at the start of its NONCE, where
/// an attacker cannot remove it (section 9.2, "nonce cookie").
struct SecurityFeatures {
  bool password_algorithms = false;  ///< bit 0
  bool username_anonymity = false;   ///< bit 1
  bool operator==(const SecurityFeatures&) const = default;
};

/// Size of a nonce cookie, bytes: `obMatJos2` and 24 bits in base64.
inline constexpr size_t kNonceCookieSize = 13;

/// The features that a NONCE begins with; none without a cookie.
///
/// The published text counts bits from the left, its test vector and erratum
/// 6268 from the right, and there are peers of both kinds: both are read.
[[nodiscard]] SecurityFeatures ReadNonceCookie(std::string_view nonce);

/// The 13 characters of the cookie, bits counted from the right.
[[nodiscard]] std::string WriteNonceCookie(const SecurityFeatures& features);

}  // namespace natkit::stun
