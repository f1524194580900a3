#include "fleet/fleet_mtu.h"

#include <algorithm>

namespace natkit::mesh {

namespace {

constexpr uint16_t kEthernetMtu = 1500;
// IP header, UDP header, and WireGuard's 16-byte header and 16-byte tag.
constexpr uint16_t kOverheadIpv4 = 20 + 8 + 32;
constexpr uint16_t kOverheadIpv6 = 40 + 8 + 32;

std::optional<uint16_t> OuterMtu(const MeshFile& file, const NodeEntry& node) {
  return node.fleet.outer_mtu ? node.fleet.outer_mtu : file.fleet.outer_mtu;
}

/// A name may lead to either family, so it counts as IPv6.
bool MayUseIpv6(const NodeEntry& node) {
  return node.endpoint ? node.endpoint->address.is_v6()
                       : !node.fleet.endpoint_name.empty();
}

}  // namespace

uint16_t PairMtu(const MeshFile& file, const NodeEntry& a, const NodeEntry& b) {
  const auto ours = OuterMtu(file, a);
  const auto theirs = OuterMtu(file, b);
  if (!ours && !theirs) {
    return kDefaultInnerMtu;
  }
  const bool may_use_ipv6 = MayUseIpv6(a) || MayUseIpv6(b);
  const uint16_t overhead = may_use_ipv6 ? kOverheadIpv6 : kOverheadIpv4;
  const uint16_t outer =
      std::min(ours.value_or(kEthernetMtu), theirs.value_or(kEthernetMtu));
  return static_cast<uint16_t>(outer - overhead);
}

}  // namespace natkit::mesh
