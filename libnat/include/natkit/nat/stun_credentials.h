#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "natkit/base/result.h"
#include "natkit/base/secret.h"
#include "natkit/nat/stun_integrity.h"

namespace natkit::stun {

/// The longest user name that is sent, bytes (RFC 8489 section 14.3).
inline constexpr size_t kMaxUsernameSize = 508;

/// The longest realm or nonce that is sent back: 127 characters of up to six
/// bytes, rounded up as RFC 8489 section 14.9 does.
inline constexpr size_t kMaxRealmSize = 763;

/// Prepares a user name or password as the OpaqueString profile demands
/// (RFC 8265 section 4.2): spaces outside ASCII become U+0020, the rest stays.
///
/// Accepted are printable ASCII and those letters, digits and symbols that
/// normalization form C leaves alone whatever follows them: precomposed Latin,
/// Greek, Cyrillic, Armenian, Hebrew and Arabic letters, kana, ideographs,
/// Hangul syllables, punctuation, symbols. This library does not compose:
/// text with combining marks, jamo or characters that the profile ties to a
/// context must come prepared as one of these or is refused.
/// Errors: kBadLength (empty), kBadEncoding (not UTF-8), kBadValue (a control
/// character), kUnsupported (cannot be prepared here); the offset says where.
[[nodiscard]] Result<std::string> PrepareOpaqueString(std::string_view text);

/// A prepared password of 1 to 256 bytes. Move-only and wiped.
class Password {
 public:
  static constexpr size_t kMaxSize = IntegrityKey::kMaxSize;

  /// Errors: those of PrepareOpaqueString; kBadLength over 256 bytes.
  [[nodiscard]] static Result<Password> Prepare(std::string_view text);

  /// A deliberate second copy; both wipe themselves.
  [[nodiscard]] Password Clone() const;
  /// The one way to the text.
  [[nodiscard]] std::string_view Expose() const;

 private:
  Password() = default;

  Secret<struct PasswordTag, kMaxSize> bytes_;
  size_t size_ = 0;
};

/// A short-term user (RFC 8489 section 9.1); the name has at most 508 bytes.
struct ShortTermCredentials {
  std::string username;
  IntegrityKey key;

  /// Prepares both. Errors: those of PrepareOpaqueString, kBadLength.
  [[nodiscard]] static Result<ShortTermCredentials> Prepare(
      std::string_view username, std::string_view password);
  [[nodiscard]] ShortTermCredentials Clone() const;
};

/// A long-term user (RFC 8489 section 9.2); the name has at most 508 bytes.
struct LongTermCredentials {
  std::string username;
  Password password;

  /// Prepares both. Errors: those of PrepareOpaqueString, kBadLength.
  [[nodiscard]] static Result<LongTermCredentials> Prepare(
      std::string_view username, std::string_view password);
  [[nodiscard]] LongTermCredentials Clone() const;
};

}  // namespace natkit::stun
