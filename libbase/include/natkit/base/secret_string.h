#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/secret.h"

namespace natkit {

/// A secret text of any length. Move-only, wiped when it dies or is replaced,
/// and has no `==`, no stream operator and no hash, so none can leak it by
/// accident.
class SecretString {
 public:
  SecretString() = default;

  /// Copies `text`; wiping that is up to the caller.
  explicit SecretString(std::string_view text)
      : bytes_(text.begin(), text.end()) {}

  SecretString(SecretString&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})) {}

  SecretString& operator=(SecretString&& other) noexcept {
    if (this != &other) {
      WipeBytes(bytes_);
      bytes_ = std::exchange(other.bytes_, {});
    }
    return *this;
  }

  ~SecretString() { WipeBytes(bytes_); }

  SecretString(const SecretString&) = delete;
  SecretString& operator=(const SecretString&) = delete;

  [[nodiscard]] bool is_empty() const { return bytes_.empty(); }

  /// The one way to the text: `grep Expose` lists every reader of a secret.
  [[nodiscard]] std::string_view Expose() const { return AsText(bytes_); }

 private:
  std::vector<uint8_t> bytes_;  // never grows: no copy is left behind
};

}  // namespace natkit
