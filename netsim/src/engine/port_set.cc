#include "engine/port_set.h"

#include <algorithm>
#include <bit>

namespace natkit::netsim::engine {
namespace {

/// The bits of a word's ports that have the window's parity.
uint64_t StrideMask(const PortWindow& window) {
  if (window.stride == 1) {
    return ~uint64_t{0};
  }
  return window.first % 2 == 0 ? 0x5555555555555555 : 0xAAAAAAAAAAAAAAAA;
}

}  // namespace

std::optional<uint16_t> PortSet::FindFree(const PortWindow& window,
                                          uint32_t from) const {
  const uint64_t stride = StrideMask(window);
  uint32_t at = std::max(from, window.first);
  while (at <= window.last) {
    const uint64_t free = ~words_[at / 64] & stride & (~uint64_t{0} << at % 64);
    if (free != 0) {
      const uint32_t port =
          at / 64 * 64 + static_cast<uint32_t>(std::countr_zero(free));
      return port <= window.last ? std::optional(static_cast<uint16_t>(port))
                                 : std::nullopt;
    }
    at = (at / 64 + 1) * 64;
  }
  return std::nullopt;
}

}  // namespace natkit::netsim::engine
