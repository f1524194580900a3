#include <algorithm>

#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

/// A path that uses it proves an endpoint of the mesh file.
void ConfirmEndpoint(const std::optional<Endpoint>& claimed,
                     const Endpoint& used, nat::PathSide& side) {
  if (claimed == used && side.mapped_port == nat::MappedPort::kClaimed) {
    side.mapped_port = nat::MappedPort::kReachable;
  }
}

}  // namespace

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
  const nat::PortMapping* mapping = FindOwnMapping();
  if (mapping != nullptr &&
      mapping->standing == nat::MappingStanding::kNotProbed) {
    told_reach_ = nat::InboundReach::kUnknown;  // a new one of the same name
  }
  UpdateMapped(now);
  Settle(now);
}

void Node::Impl::UpdateNetwork(Instant now) {
  nat::PathSide side;
  side.traits = prober_.Observe();
  side.may_be_address_dependent = prober_.MayBeAddressDependent();
  side.mapped_port = DescribeMappedPort();
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
  for (const auto& [id, peer] : peers_) {
    peer->link.HandleLocalAddresses(now);
  }
}

Result<nat::PathDiagnosis> Node::Impl::Explain(Instant now,
                                               std::string_view name) const {
  const NodePeer* found = FindPeer(name);
  if (found == nullptr) {
    return Fail(Errc::kNotFound);
  }
  const NodePeer& peer = *found;
  const bool is_direct = CurrentPath(peer).kind == PathKind::kDirect;
  const bool is_broken = peer.link.Path().direct &&
                         peer.watch.trust() == PathWatch::Trust::kBroken;
  const auto retry_at = peer.watch.NextTimeout();
  nat::PathSide ours = local_.network;
  std::optional<nat::PathSide> theirs = peer.link.remote_network();
  if (is_direct) {
    const ice::SelectedPair pair = *peer.link.Path().direct;
    ConfirmEndpoint(self_.endpoint, pair.local_mapped, ours);
    if (theirs) {
      ConfirmEndpoint(peer.entry.endpoint, pair.remote, *theirs);
    }
  }
  return nat::DiagnosePath(
      {.ours = std::move(ours),
       .theirs = std::move(theirs),
       .is_direct = is_direct,
       .is_plain_punch = is_direct && peer.link.is_plain_punch(),
       .eats_data = is_broken,
       .retry_in = is_broken && retry_at
                       ? std::optional(std::max(*retry_at - now, Duration{}))
                       : std::nullopt,
       .is_active = peer.link.is_active(),
       .has_searched = peer.link.has_searched(now),
       .has_relay = HasRelay(),
       .hard_punch = HardOutcome(peer),
       .we_allow_hard_punch = hard_.is_allowed(),
       .they_allow_hard_punch = peer.entry.hard_nat.is_allowed,
       .fresh_ports = static_cast<uint32_t>(peer.link.fresh_tries())});
}

void Node::Impl::UpdateMapped(Instant now) {
  ProbeMapping(now);
  const auto mapped = FindMapped(/*is_middle=*/false);
  const auto middle = FindMapped(/*is_middle=*/true);
  if (mapped == local_.mapped && middle == local_.middle) {
    UpdateNetwork(now);
    return;
  }
  local_.mapped = mapped;
  local_.middle = middle;
  for (const auto& [id, peer] : peers_) {
    peer->link.HandleLocalAddresses(now);
  }
  UpdateNetwork(now);
}

Endpoint Node::Impl::BaseOf(const nat::PortMapping& mapping) const {
  return {port_mapping_.local.value_or(IpAddress()), mapping.key.internal_port};
}

const nat::PortMapping* Node::Impl::FindOwnMapping() const {
  const auto found = std::ranges::find_if(
      port_mapping_.mappings, [this](const nat::PortMapping& mapping) {
        return mapping.key.protocol == nat::MappedProtocol::kUdp &&
               std::ranges::find(local_.bases, BaseOf(mapping)) !=
                   local_.bases.end();
      });
  return found == port_mapping_.mappings.end() ? nullptr : &*found;
}

std::optional<ReflexiveAddress> Node::Impl::FindMapped(bool is_middle) const {
  using nat::MappingStanding;
  const nat::PortMapping* mapping = FindOwnMapping();
  if (mapping != nullptr) {
    const MappingStanding standing = mapping->standing;
    // One that nobody could try is offered: ICE finds out, at little cost.
    const bool is_wanted =
        is_middle ? standing == MappingStanding::kBehindNat &&
                        mapping->external.address.is_private()
                  : standing == MappingStanding::kVerified ||
                        standing == MappingStanding::kNotProbed ||
                        (standing == MappingStanding::kUnverified &&
                         stun_servers_.empty());
    if (is_wanted) {
      return ReflexiveAddress{mapping->external, BaseOf(*mapping)};
    }
  }
  return is_middle ? GuessMiddle() : std::nullopt;
}

nat::MappedPort Node::Impl::DescribeMappedPort() const {
  const nat::PortMapping* mapping = FindOwnMapping();
  const bool is_verified = mapping != nullptr &&
                           mapping->standing == nat::MappingStanding::kVerified;
  if (self_.endpoint && !is_verified) {
    return nat::MappedPort::kClaimed;
  }
  if (mapping == nullptr) {
    return nat::MappedPort::kNone;
  }
  switch (mapping->standing) {
    case nat::MappingStanding::kVerified:
      return nat::MappedPort::kReachable;
    case nat::MappingStanding::kUnreachable:
      return nat::MappedPort::kUnreachable;
    case nat::MappingStanding::kNotProbed:
    case nat::MappingStanding::kUnverified:
      return nat::MappedPort::kNotProbed;
    case nat::MappingStanding::kBehindNat:
      break;
  }
  return nat::MappedPort::kNone;
}

/// Once STUN servers see us by the mapping's address.
void Node::Impl::ProbeMapping(Instant now) {
  using nat::MappingStanding;
  const nat::PortMapping* mapping = FindOwnMapping();
  std::optional<nat::InboundProber::Target> target;
  if (mapping != nullptr && mapping->standing != MappingStanding::kBehindNat &&
      mapping->standing != MappingStanding::kUnverified) {
    target = {.base = BaseOf(*mapping), .external = mapping->external};
  }
  if (target != inbound_.target()) {
    inbound_.SetTarget(now, target);
    told_reach_ = nat::InboundReach::kUnknown;
  }
}

void Node::Impl::DrainInbound() {
  const auto& target = inbound_.target();
  while (const auto transmit = inbound_.PollTransmit()) {
    udp_out_.AppendCopy(transmit->payload,
                        {.remote = transmit->to, .local = target->base});
  }
  const nat::PortMapping* mapping = FindOwnMapping();
  if (inbound_.reach() == told_reach_ || mapping == nullptr) {
    return;
  }
  told_reach_ = inbound_.reach();
  events_.emplace_back(
      MappingProbed{mapping->key, mapping->external, told_reach_});
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
