#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit::io {

/// Bytes of any number that are wiped when they die. Move-only.
class SecretBytes {
 public:
  explicit SecretBytes(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

  ~SecretBytes();

  SecretBytes(SecretBytes&& other) noexcept
      : bytes_(std::exchange(other.bytes_, {})) {}

  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;

  [[nodiscard]] ByteView Expose() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

/// Reads a whole regular file of up to `max_size` bytes. Errors: kNotFound,
/// kPermissionDenied, kLimitExceeded (it is longer), kBadValue (not a regular
/// file), kIo.
[[nodiscard]] Result<std::vector<uint8_t>> ReadFile(const std::string& path,
                                                    size_t max_size);

/// Reads a file with a secret, as ReadFile(). Errors: also kInsecureFile when
/// the group or others have any permission on it.
[[nodiscard]] Result<SecretBytes> ReadSecretFile(const std::string& path,
                                                 size_t max_size);

/// Replaces or creates `path` with `content`, mode 0600: a crash at any moment
/// leaves the old content or the new. Errors: kNotFound (no such directory),
/// kPermissionDenied, kIo; errno has the system's own reason then.
[[nodiscard]] Result<void> WriteFileAtomically(const std::string& path,
                                               ByteView content);

}  // namespace natkit::io
