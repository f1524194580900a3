#include <algorithm>

#include "engine/nat_state.h"
#include "engine/policy.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {
namespace {

constexpr Endpoint kAnyRemote;

/// A flow whose external tuple must be free. Where ports are shared, or the
/// box has flows of its own, a free port alone does not say so.
class TupleVeto final : public PortVeto {
 public:
  TupleVeto(const SessionTable& sessions, const Mapping& mapping,
            const Endpoint& remote)
      : sessions_(sessions), mapping_(mapping), remote_(remote) {}

  [[nodiscard]] bool IsVetoed(uint16_t port) const override {
    return sessions_.FindByExternal(mapping_.protocol,
                                    {mapping_.external.address, port},
                                    remote_) != kNone;
  }

 private:
  const SessionTable& sessions_;
  const Mapping& mapping_;
  const Endpoint& remote_;
};

}  // namespace

bool NatState::HasRoomForSession(Instant now) {
  while (tables_->sessions.size() >= config_.limits.max_sessions) {
    if (!Evicts() || !EvictOldest(now)) {
      return false;
    }
  }
  return true;
}

bool NatState::HasRoomIn(const Mapping& mapping) const {
  const size_t limit = config_.limits.sessions_per_mapping;
  return limit == 0 || mapping.session_count < limit || Evicts();
}

uint32_t NatState::MakeMapping(Instant now, const OutboundPacket& packet,
                               Dependence dependence) {
  HostTable& hosts = tables_->hosts;
  const uint32_t host = hosts.Acquire(packet.inside.address);
  ++hosts[host].mapping_count;  // so that evictions leave the host alone
  const uint32_t mapping = HasRoomForMapping(now, host)
                               ? AddMapping(now, packet, dependence, host)
                               : kNone;
  if (mapping == kNone) {
    --hosts[host].mapping_count;
    hosts.ReleaseIfIdle(now, host);
  }
  return mapping;
}

/// The host's count already includes the mapping that asks. The rate comes
/// first: whom it holds up evicts nobody.
bool NatState::HasRoomForMapping(Instant now, uint32_t host) {
  const NatLimits& limits = config_.limits;
  const uint32_t rate = limits.new_mappings_per_second;
  if (rate != 0 && !tables_->hosts.HasAllowance(now, host, rate)) {
    return false;
  }
  if (limits.mappings_per_host != 0 &&
      tables_->hosts[host].mapping_count > limits.mappings_per_host &&
      (!Evicts() || !EvictOldestOf(now, host))) {
    return false;
  }
  if (tables_->mappings.size() >= limits.max_mappings &&
      (!Evicts() || !EvictOldest(now))) {
    return false;
  }
  if (rate != 0) {
    tables_->hosts.TakeAllowance(now, host, rate);
  }
  return true;
}

uint32_t NatState::AddMapping(Instant now, const OutboundPacket& packet,
                              Dependence dependence, uint32_t host) {
  const bool is_shed = packet.fixed_external == nullptr && IsShedding();
  Mapping mapping;
  mapping.inside = packet.inside;
  mapping.protocol = packet.protocol;
  mapping.dependence =
      is_shed ? Dependence::kAddressAndPortDependent : dependence;
  mapping.key_remote = mapping.dependence == Dependence::kAddressDependent
                           ? Endpoint{packet.remote.address, 0}
                           : kAnyRemote;
  mapping.host = host;
  mapping.first_packet = now;
  if (!AllocateExternal(now, packet, mapping)) {
    return kNone;
  }
  const uint32_t index = tables_->mappings.Add(mapping);
  tables_->hosts[host].mappings.PushBack(tables_->mappings.slab(), index);
  ++counters_.mappings_made;
  return index;
}

bool NatState::AllocateExternal(Instant now, const OutboundPacket& packet,
                                Mapping& mapping) {
  if (packet.fixed_external != nullptr) {
    mapping.external = *packet.fixed_external;
    return true;
  }
  if (IsPortless(packet.protocol)) {
    return TakeAddress(packet, mapping);
  }
  const bool overloads =
      config_.port_assignment == PortAssignment::kPreserveOverload;
  mapping.is_sticky = overloads && !IsShedding();
  if (mapping.is_sticky && ReuseExternal(packet, mapping)) {
    return true;
  }
  const TupleVeto veto(tables_->sessions, mapping, packet.remote);
  PortRequest request = {.protocol = packet.protocol,
                         .inside = packet.inside,
                         .host = mapping.host,
                         .blocks = &tables_->hosts[mapping.host].blocks};
  request.is_shed = IsShedding();
  request.veto = overloads || config_.poisonable ? &veto : nullptr;
  ChooseAddress(packet, mapping, request);
  if (!AllocatePort(now, mapping, request) &&
      (!Evicts() || !EvictOldestFor(now, mapping, request, packet.remote) ||
       !AllocatePort(now, mapping, request))) {
    return false;
  }
  if (request.is_shed || !overloads) {
    mapping.port_source = !request.is_shed && allocator_.HasOwnedBlocks()
                              ? PortSource::kOwnBlock
                              : PortSource::kOwn;
  }
  return true;
}

/// Without ports: an address on which nobody else has a flow of the protocol
/// with the remote one.
bool NatState::TakeAddress(const OutboundPacket& packet, Mapping& mapping) {
  PortRequest unused;
  ChooseAddress(packet, mapping, unused);
  const uint32_t tries = IsBoundToAddress() ? 1 : pool_.size();
  for (uint32_t i = 0; i < tries; ++i) {
    mapping.external = {pool_.At(mapping.pool_index), 0};
    if (tables_->sessions.FindByExternal(packet.protocol, mapping.external,
                                         packet.remote) == kNone) {
      return true;
    }
    mapping.pool_index = pool_.Next(mapping.pool_index);
  }
  return false;
}

/// Linux overloads with preference: an inside endpoint keeps the external one
/// of its newest flow toward other destinations too, if nobody has it there.
bool NatState::ReuseExternal(const OutboundPacket& packet,
                             Mapping& mapping) const {
  const uint32_t newest =
      tables_->mappings.FindNewestOf(packet.protocol, packet.inside);
  if (newest == kNone) {
    return false;
  }
  const Mapping& before = tables_->mappings[newest];
  if (tables_->sessions.FindByExternal(packet.protocol, before.external,
                                       packet.remote) != kNone) {
    return false;
  }
  mapping.external = before.external;
  mapping.pool_index = before.pool_index;
  return true;
}

void NatState::ChooseAddress(const OutboundPacket& packet, Mapping& mapping,
                             PortRequest& request) {
  mapping.pool_index = pool_.Choose(packet.inside.address);
  if (const auto fixed = allocator_.FixedAddressFor(packet.inside.address)) {
    mapping.pool_index = *fixed;
  }
  if (const auto before = FindPredecessor(packet)) {
    if (const auto index = pool_.IndexOf(before->address)) {
      mapping.pool_index = *index;
      request.successor = static_cast<uint16_t>(before->port + 1);
    }
  }
}

/// On the address that was chosen; with arbitrary pooling else on another.
bool NatState::AllocatePort(Instant now, Mapping& mapping,
                            PortRequest& request) {
  const uint32_t tries = IsBoundToAddress() ? 1 : pool_.size();
  for (uint32_t i = 0; i < tries; ++i) {
    request.pool_index = mapping.pool_index;
    mapping.external.address = pool_.At(mapping.pool_index);
    if (const auto port = allocator_.Allocate(now, request)) {
      mapping.external.port = *port;
      return true;
    }
    request.successor.reset();
    if (!IsBoundToAddress()) {
      mapping.pool_index = pool_.Next(mapping.pool_index);
    }
  }
  return false;
}

/// What the port before this one of the same host is mapped to (contiguity).
std::optional<Endpoint> NatState::FindPredecessor(
    const OutboundPacket& packet) const {
  if (!config_.keep_contiguity || packet.inside.port == 0 ||
      packet.protocol == static_cast<uint8_t>(IpProtocol::kIcmp)) {
    return std::nullopt;
  }
  const Endpoint inside = {packet.inside.address,
                           static_cast<uint16_t>(packet.inside.port - 1)};
  const OutboundPacket before = {
      .protocol = packet.protocol, .inside = inside, .remote = packet.remote};
  return FindExternalOf(before);
}

uint32_t NatState::AddSession(Instant now, uint32_t mapping,
                              const Endpoint& remote, Direction direction,
                              uint8_t tcp_flags) {
  Mapping& owner = tables_->mappings[mapping];
  Session session;
  session.inside = owner.inside;
  session.external = owner.external;
  session.remote = remote;
  session.protocol = owner.protocol;
  session.mapping = mapping;
  session.first_packet = now;
  // Of a connection that is picked up the handshake is taken for granted; it
  // is established once the other side acknowledges too.
  const bool is_middle = IsMiddleSegment(tcp_flags);
  session.tcp.has_syn[0] = is_middle;
  session.tcp.has_syn[1] = is_middle;
  const uint32_t index = tables_->sessions.Add(session);
  owner.sessions.PushBack(tables_->sessions.slab(), index);
  ++owner.session_count;
  Touch(now, index, direction, tcp_flags, Refresh::kAlways);
  const size_t limit = config_.limits.sessions_per_mapping;
  if (limit != 0 && owner.session_count > limit) {
    RemoveSession(now, owner.sessions.head());
  }
  return index;
}

/// Forwards are never evicted.
bool NatState::EvictOldest(Instant now) {
  const Slab<Mapping>& slab = tables_->mappings.slab();
  uint32_t index = tables_->mappings.recent.head();
  while (index != kNone && slab[index].is_forward) {
    index = tables_->mappings.recent.Next(slab, index);
  }
  if (index == kNone) {
    return false;
  }
  RemoveMapping(now, index);
  ++counters_.mappings_evicted;
  return true;
}

bool NatState::EvictOldestOf(Instant now, uint32_t host) {
  const Slab<Mapping>& slab = tables_->mappings.slab();
  const auto& mappings = tables_->hosts[host].mappings;
  uint32_t index = mappings.head();
  while (index != kNone && slab[index].is_forward) {
    index = mappings.Next(slab, index);
  }
  if (index == kNone) {
    return false;
  }
  RemoveMapping(now, index);
  ++counters_.mappings_evicted;
  return true;
}

/// Frees a port that the mapping to be could then have; if there is none,
/// nobody loses a mapping for nothing.
bool NatState::EvictOldestFor(Instant now, const Mapping& mapping,
                              const PortRequest& request,
                              const Endpoint& remote) {
  constexpr int kMaxSteps = 4096;
  const Slab<Mapping>& slab = tables_->mappings.slab();
  uint32_t index = tables_->mappings.recent.head();
  for (int i = 0; i < kMaxSteps && index != kNone; ++i) {
    if (IsHelpfulVictim(index, mapping, request, remote)) {
      RemoveMapping(now, index);
      ++counters_.mappings_evicted;
      return true;
    }
    index = tables_->mappings.recent.Next(slab, index);
  }
  return false;
}

bool NatState::IsHelpfulVictim(uint32_t index, const Mapping& mapping,
                               const PortRequest& request,
                               const Endpoint& remote) const {
  const Mapping& victim = tables_->mappings[index];
  if (victim.is_forward || victim.protocol != mapping.protocol ||
      (IsBoundToAddress() && victim.pool_index != mapping.pool_index) ||
      !allocator_.CouldGive(request, victim.pool_index, victim.external.port)) {
    return false;
  }
  // A flow of the box itself may hold the port toward this very remote.
  const uint32_t session = tables_->sessions.FindByExternal(
      victim.protocol, victim.external, remote);
  return session == kNone || tables_->sessions[session].mapping == index;
}

}  // namespace natkit::netsim::engine
