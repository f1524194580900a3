#pragma once

#include <cstdint>

namespace natkit::mesh {

/// Ports of a transport protocol, both ends included. All of them by default.
struct PortRange {
  uint16_t first = 0;
  uint16_t last = 65535;
  bool operator==(const PortRange&) const = default;
};

}  // namespace natkit::mesh
