#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace natkit::netsim::engine {

/// The ports that a mapping may get: first, first + stride, ... up to last.
struct PortWindow {
  uint32_t first = 1;
  uint32_t last = 0;
  uint32_t stride = 1;  ///< 2 where parity is kept

  [[nodiscard]] uint32_t size() const {
    return first > last ? 0 : (last - first) / stride + 1;
  }

  [[nodiscard]] uint16_t At(uint32_t i) const {
    return static_cast<uint16_t>(first + i * stride);
  }

  [[nodiscard]] bool Contains(uint32_t port) const {
    return port >= first && port <= last && (port - first) % stride == 0;
  }
};

/// Which ports of one protocol on one external address are taken, a bit each.
class PortSet {
 public:
  [[nodiscard]] bool IsTaken(uint16_t port) const {
    return (words_[port / 64] >> port % 64 & 1) != 0;
  }

  void Take(uint16_t port) { words_[port / 64] |= uint64_t{1} << port % 64; }

  void Release(uint16_t port) {
    words_[port / 64] &= ~(uint64_t{1} << port % 64);
  }

  /// The first free port of the window at or after `from`, which need not be
  /// of the window; looks at 64 ports at a time.
  [[nodiscard]] std::optional<uint16_t> FindFree(const PortWindow& window,
                                                 uint32_t from) const;

 private:
  std::array<uint64_t, 1024> words_{};
};

}  // namespace natkit::netsim::engine
