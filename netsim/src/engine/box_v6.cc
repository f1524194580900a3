#include "engine/box.h"

// IPv6 with addresses that stay (RFC 6092: a firewall is the state of a NAT
// without its translation), or whose prefix a rule exchanges (RFC 6296).
// Packets go the way of IPv4's from RouteOut() and RouteIn() on.

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
    return RouteV6Out(packet);
  }
  if (IsExempt(info.source.address)) {
    return RouteUntranslated(packet, Side::kInside);
  }
  return info.is_icmp_error() ? RouteErrorIn(packet) : RouteIn(packet);
}

std::optional<Box::Nptv6> Box::MakeNptv6(const NatConfig& config) {
  if (config.ipv6 != Ipv6Mode::kNptv6) {
    return std::nullopt;
  }
  const IpPrefix& inside = *config.inside_prefix6;
  const IpPrefix& outside = *config.outside_prefix6;
  return Nptv6{.out = {inside, outside}, .in = {outside, inside}};
}

Box::Route Box::RouteV6Out(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (nptv6_) {
    if (!nptv6_->out.Map(info.source.address)) {
      ++counters_.dropped_policy;
      return std::nullopt;
    }
    if (config_.outside_prefix6->Contains(info.destination.address)) {
      return RouteHairpin(packet);
    }
  }
  return info.is_icmp_error() ? RouteErrorOut(packet) : RouteOut(packet);
}

}  // namespace natkit::netsim::engine
