#include "engine/box.h"

// IPv6 with addresses that stay (RFC 6092: a firewall is the state of a NAT
// without its translation). Packets go the way of IPv4's from RouteOut() and
// RouteIn() on.

namespace natkit::netsim::engine {

Box::Route Box::RouteV6(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (config_.ipv6 == Ipv6Mode::kDrop) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  if (IsForBox(packet)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  // RFC 4291 section 2.5.6: link-local packets stay on their link.
  if (info.source.address.is_link_local() ||
      info.destination.address.is_link_local()) {
    ++counters_.dropped_malformed;
    return std::nullopt;
  }
  if (packet.from == Side::kInside) {
    if (IsExempt(info.destination.address)) {
      return RouteUntranslated(packet, Side::kOutside);
    }
    return info.is_icmp_error() ? RouteErrorOut(packet) : RouteOut(packet);
  }
  if (IsExempt(info.source.address)) {
    return RouteUntranslated(packet, Side::kInside);
  }
  return info.is_icmp_error() ? RouteErrorIn(packet) : RouteIn(packet);
}

}  // namespace natkit::netsim::engine
