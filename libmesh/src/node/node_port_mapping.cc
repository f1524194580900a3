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

void Node::Impl::UpdateMapped(Instant now) {
  const auto mapped = FindMapped(/*is_middle=*/false);
  const auto middle = FindMapped(/*is_middle=*/true);
  if (mapped == local_.mapped && middle == local_.middle) {
    return;
  }
  local_.mapped = mapped;
  local_.middle = middle;
  for (const auto& peer : peers_) {
    peer->link.HandleLocalAddresses(now);
  }
}

std::optional<ReflexiveAddress> Node::Impl::FindMapped(bool is_middle) const {
  for (const nat::PortMapping& mapping : port_mapping_.mappings) {
    const bool is_wanted =
        is_middle
            ? mapping.standing == nat::MappingStanding::kBehindNat &&
                  mapping.external.address.is_private()
            : mapping.standing == nat::MappingStanding::kVerified ||
                  (mapping.standing == nat::MappingStanding::kUnverified &&
                   !has_stun_);
    if (!is_wanted || !port_mapping_.local ||
        mapping.key.protocol != nat::MappedProtocol::kUdp) {
      continue;
    }
    const Endpoint base{*port_mapping_.local, mapping.key.internal_port};
    if (std::ranges::find(local_.bases, base) != local_.bases.end()) {
      return ReflexiveAddress{mapping.external, base};
    }
  }
  return std::nullopt;
}

}  // namespace natkit::mesh
