#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "natkit/netsim/link.h"
#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// The largest MTU of an interface: what TAP devices of the kernel take.
inline constexpr uint16_t kLargestInterfaceMtu = 65521;
inline constexpr uint16_t kUsualMtu = 1500;

/// What an interface on a link has: as much as the link carries, but 1500 on
/// smaller ones, whose drops are the point.
[[nodiscard]] inline uint16_t InterfaceMtu(const LinkConfig& link) {
  return std::clamp(link.mtu, kUsualMtu, kLargestInterfaceMtu);
}

/// The MTU of a member's interface on a network: of its own cable (the larger
/// direction), or of the network's link.
[[nodiscard]] inline uint16_t InterfaceMtu(const Scenario& scenario,
                                           std::string_view member,
                                           std::string_view network) {
  for (const Cable& cable : scenario.cables) {
    if (cable.member == member && cable.network == network) {
      return std::max(InterfaceMtu(cable.up), InterfaceMtu(cable.down));
    }
  }
  const auto found = std::ranges::find(
      scenario.networks, network,
      [](const Network& one) { return std::string_view(one.name); });
  return found == scenario.networks.end() ? kUsualMtu
                                          : InterfaceMtu(found->link);
}

/// The way down to a member without a cable of its own: perfect for all that
/// the network's link let pass.
[[nodiscard]] inline LinkConfig WayDown(const LinkConfig& network_link) {
  LinkConfig down;
  down.mtu = std::max(network_link.mtu, kUsualMtu);
  return down;
}

}  // namespace natkit::netsim
