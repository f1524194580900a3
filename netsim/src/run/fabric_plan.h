#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fabric/fabric.h"
#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// The network interface at the member's end of a fabric port.
struct PortDevice {
  size_t port = 0;
  size_t namespace_index = 0;  ///< in Plan::namespaces
  std::string interface;       ///< "eth0", "lan0" or "wan0"
  uint16_t mtu = 1500;
};

/// A scenario's networks in user space.
struct FabricPlan {
  FabricConfig config;
  std::vector<std::string> networks;  ///< by FabricPort::network
  std::vector<PortDevice> devices;    ///< of every port that is no box's

  /// The position of a box in FabricConfig::boxes.
  [[nodiscard]] std::optional<size_t> FindBox(std::string_view name) const;
  /// The ports of a member; all, or the one on `network` if that is not empty.
  [[nodiscard]] std::vector<size_t> FindPorts(std::string_view member,
                                              std::string_view network) const;
};

[[nodiscard]] FabricPlan MakeFabricPlan(const Scenario& scenario,
                                        uint64_t seed);

}  // namespace natkit::netsim
