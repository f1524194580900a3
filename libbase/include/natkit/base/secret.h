#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "natkit/base/bytes.h"

namespace natkit {

/// Overwrites `bytes` with zeros in a way that is not optimised away.
void WipeBytes(MutableBytes bytes);

/// Compares in time that depends on the lengths alone.
[[nodiscard]] bool EqualsConstantTime(ByteView a, ByteView b);

/// N secret bytes. Move-only, wiped when it dies or is moved from, and has no
/// stream operator and no hash, so none can leak it by accident.
template <class Tag, size_t N>
class Secret {
 public:
  static constexpr size_t kSize = N;

  /// All zeros.
  Secret() = default;

  explicit Secret(std::span<const uint8_t, N> from) {
    std::copy(from.begin(), from.end(), bytes_.begin());
  }

  Secret(Secret&& other) noexcept : bytes_(other.bytes_) {
    WipeBytes(other.bytes_);
  }

  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      WipeBytes(other.bytes_);
    }
    return *this;
  }

  ~Secret() { WipeBytes(bytes_); }

  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  bool operator==(const Secret&) const = delete;  // not constant-time

  /// A deliberate second copy; both wipe themselves.
  [[nodiscard]] Secret Clone() const { return Secret(Expose()); }

  [[nodiscard]] bool EqualsConstantTime(const Secret& other) const {
    return natkit::EqualsConstantTime(bytes_, other.bytes_);
  }

  /// True when every byte is zero; constant time.
  [[nodiscard]] bool is_zero() const {
    const std::array<uint8_t, N> zeros{};
    return natkit::EqualsConstantTime(bytes_, zeros);
  }

  /// The one way to the bytes: `grep Expose` lists every reader of a secret.
  [[nodiscard]] std::span<const uint8_t, N> Expose() const { return bytes_; }

  /// The one way to fill the bytes in place.
  [[nodiscard]] std::span<uint8_t, N> ExposeMutable() { return bytes_; }

 private:
  std::array<uint8_t, N> bytes_{};
};

}  // namespace natkit
