#include <algorithm>

#include "node/node_impl.h"

namespace natkit::mesh {

PortMappingState DescribePortMapper(const nat::PortMapper& mapper) {
  PortMappingState state{.is_enabled = true,
                         .service = mapper.service(),
                         .router = mapper.router_address(),
                         .mappings = mapper.mappings(),
                         .attempts = mapper.attempts(),
                         .error = mapper.error()};
  if (mapper.gateway()) {
    state.local = mapper.gateway()->local;
  }
  return state;
}

void Node::Impl::SetPortMapping(Instant now, PortMappingState state) {
  port_mapping_ = std::move(state);
  UpdateMapped(now);
  Settle(now);
}

void Node::Impl::UpdateNetwork(Instant now) {
  nat::PathSide side;
  side.traits = prober_.Observe();
  side.has_mapped_port = local_.mapped.has_value() || self_->endpoint;
  side.is_behind_second_nat = std::ranges::any_of(
      port_mapping_.mappings, [](const nat::PortMapping& mapping) {
        return mapping.standing == nat::MappingStanding::kBehindNat;
      });
  side.uses_port_mapping = port_mapping_.is_enabled;
  side.port_mapping_error = port_mapping_.error;
  side.has_ipv6 = std::ranges::any_of(local_.bases, [](const Endpoint& base) {
    const IpAddress& ip = base.address;
    return ip.is_v6() && !ip.is_link_local() && !ip.is_private() &&
           !ip.is_loopback();
  });
  side.power = power_;
  if (side == local_.network) {
    return;
  }
  local_.network = side;
  for (const auto& peer : peers_) {
    peer->link.HandleLocalAddresses(now);
  }
}

Result<nat::PathDiagnosis> Node::Impl::Explain(Instant now,
                                               std::string_view name) const {
  const auto found = std::ranges::find_if(
      peers_, [&](const auto& peer) { return peer->entry.name == name; });
  if (found == peers_.end()) {
    return Fail(Errc::kNotFound);
  }
  const NodePeer& peer = **found;
  return nat::DiagnosePath(
      {.ours = local_.network,
       .theirs = peer.link.remote_network(),
       .is_direct = CurrentPath(peer).kind == PathKind::kDirect,
       .is_active = peer.link.is_active(),
       .has_searched = peer.link.has_searched(now),
       .hard_punch = HardOutcome(peer),
       .fresh_ports = static_cast<uint32_t>(peer.link.fresh_tries())});
}

void Node::Impl::UpdateMapped(Instant now) {
  const auto mapped = FindMapped(/*is_middle=*/false);
  const auto middle = FindMapped(/*is_middle=*/true);
  if (mapped == local_.mapped && middle == local_.middle) {
    UpdateNetwork(now);
    return;
  }
  local_.mapped = mapped;
  local_.middle = middle;
  for (const auto& peer : peers_) {
    peer->link.HandleLocalAddresses(now);
  }
  UpdateNetwork(now);
}

std::optional<ReflexiveAddress> Node::Impl::FindMapped(bool is_middle) const {
  for (const nat::PortMapping& mapping : port_mapping_.mappings) {
    const bool is_wanted =
        is_middle
            ? mapping.standing == nat::MappingStanding::kBehindNat &&
                  mapping.external.address.is_private()
            : mapping.standing == nat::MappingStanding::kVerified ||
                  (mapping.standing == nat::MappingStanding::kUnverified &&
                   stun_servers_.empty());
    if (!is_wanted || !port_mapping_.local ||
        mapping.key.protocol != nat::MappedProtocol::kUdp) {
      continue;
    }
    const Endpoint base{*port_mapping_.local, mapping.key.internal_port};
    if (std::ranges::find(local_.bases, base) != local_.bases.end()) {
      return ReflexiveAddress{mapping.external, base};
    }
  }
  return is_middle ? GuessMiddle() : std::nullopt;
}

/// A router that maps nothing but tells its address, and keeps ports if it can.
std::optional<ReflexiveAddress> Node::Impl::GuessMiddle() const {
  const auto& router = port_mapping_.router;
  if (!router || !router->is_v4() || !router->is_private()) {
    return std::nullopt;
  }
  const auto base = std::ranges::find_if(local_.bases, [&](const auto& each) {
    return each.address == port_mapping_.local;
  });
  if (base == local_.bases.end()) {
    return std::nullopt;
  }
  return ReflexiveAddress{{*router, base->port}, *base};
}

}  // namespace natkit::mesh
