#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"

namespace natkit::ice {

/// An ICE password. Wiped when it dies or changes; no stream operator and no
/// `==`, so it cannot leak by accident.
class Password {
 public:
  Password() = default;
  // Not explicit: a text becomes a password, never the other way around.
  Password(std::string_view text);

  Password(const char* text) : Password(std::string_view(text)) {}

  Password(const std::string& text) : Password(std::string_view(text)) {}

  Password(const Password& other) = default;
  Password& operator=(const Password& other);
  Password(Password&& other) noexcept;
  Password& operator=(Password&& other) noexcept;
  ~Password();

  bool operator==(const Password&) const = delete;  // not constant-time
  [[nodiscard]] bool EqualsConstantTime(const Password& other) const;

  /// The one way to the characters; the view lives as long as this object does
  /// and is not changed.
  [[nodiscard]] std::string_view Expose() const;

 private:
  std::vector<uint8_t> bytes_;
};

/// The username fragment and password of one side of one ICE session (RFC 8445
/// section 5.3).
struct Credentials {
  std::string ufrag;
  Password password;
};

/// Bounds of RFC 8445 section 5.3, in ice-chars.
inline constexpr size_t kMinUfrag = 4;
inline constexpr size_t kMaxUfrag = 256;
inline constexpr size_t kMinPassword = 22;
inline constexpr size_t kMaxPassword = 256;

/// Makes an 8-character ufrag (48 bits) and a 24-character password (144 bits).
[[nodiscard]] Credentials MakeCredentials(Rng& rng);

/// Errors: kBadCredentials if a part is out of bounds or not ice-chars.
[[nodiscard]] Result<void> CheckCredentials(const Credentials& credentials);

}  // namespace natkit::ice
