#include "engine/nat_state.h"

#include "engine/policy.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {
namespace {

constexpr Endpoint kAnyRemote;

bool IsTcp(uint8_t protocol) {
  return protocol == static_cast<uint8_t>(IpProtocol::kTcp);
}

bool IsIcmp(uint8_t protocol) {
  return protocol == static_cast<uint8_t>(IpProtocol::kIcmp) ||
         protocol == static_cast<uint8_t>(IpProtocol::kIcmpv6);
}

/// The class of a session or mapping that is not TCP's. Of a session it goes
/// by the packets before this one, as in Linux: the first answer, however late,
/// extends it by the short lifetime only.
template <class T>
TimerClass ClassOf(const NatTimeouts& timeouts, Instant now, const T& state) {
  if (IsIcmp(state.protocol)) {
    return TimerClass::kIcmp;
  }
  if (timeouts.other != Duration::zero() && IsPortless(state.protocol)) {
    return TimerClass::kOther;
  }
  return state.has_outbound && state.has_inbound &&
                 now - state.first_packet >= timeouts.assured_after
             ? TimerClass::kUdpAssured
             : TimerClass::kUdpUnreplied;
}

template <class T>
void MarkDirection(T& state, Direction direction) {
  (direction == Direction::kOutbound ? state.has_outbound : state.has_inbound) =
      true;
}

}  // namespace

OutboundVerdict NatState::Outbound(Instant now, const OutboundPacket& packet) {
  const uint32_t session = tables_->sessions.FindByInside(
      packet.protocol, packet.inside, packet.remote);
  if (session == kNone) {
    return NewOutbound(now, packet);
  }
  Touch(now, session, Direction::kOutbound, packet.tcp_flags,
        Refresh::kConfigured);
  return {Verdict::kPass, tables_->sessions[session].external};
}

OutboundVerdict NatState::NewOutbound(Instant now,
                                      const OutboundPacket& packet) {
  if (!IsAllowedOut(config_.policy, packet.protocol, packet.remote.port)) {
    return {.verdict = Verdict::kPolicy};
  }
  if (IsTcp(packet.protocol) && !IsOpeningSegment(packet.tcp_flags) &&
      !(config_.tcp_pickup && IsMiddleSegment(packet.tcp_flags))) {
    return {.verdict = Verdict::kUnmapped};
  }
  if (!HasRoomForSession(now)) {
    return {.verdict = Verdict::kFull};
  }
  Dependence dependence = DependenceOf(packet);
  uint32_t mapping = FindMapping(packet);
  if (mapping != kNone &&
      tables_->sessions.FindByExternal(packet.protocol,
                                       tables_->mappings[mapping].external,
                                       packet.remote) != kNone) {
    // A flow of the box itself has this tuple: this one flow gets another.
    mapping = kNone;
    dependence = Dependence::kAddressAndPortDependent;
  }
  if (mapping == kNone) {
    mapping = MakeMapping(now, packet, dependence);
  }
  if (mapping == kNone || !HasRoomIn(tables_->mappings[mapping])) {
    return {.verdict = Verdict::kFull};
  }
  const uint32_t session = AddSession(now, mapping, packet.remote,
                                      Direction::kOutbound, packet.tcp_flags);
  return {Verdict::kPass, tables_->sessions[session].external};
}

/// Without ports only the remote address tells the flows of two inside hosts
/// apart.
Dependence NatState::DependenceOf(const OutboundPacket& packet) const {
  if (packet.fixed_external != nullptr) {
    return Dependence::kEndpointIndependent;
  }
  return IsPortless(packet.protocol) ? Dependence::kAddressAndPortDependent
                                     : config_.mapping;
}

uint32_t NatState::FindMapping(const OutboundPacket& packet) const {
  const MappingTable& mappings = tables_->mappings;
  if (packet.fixed_external != nullptr ||
      config_.mapping == Dependence::kEndpointIndependent ||
      mappings.forward_count() > 0) {
    const uint32_t mapping =
        mappings.FindByInside(packet.protocol, packet.inside, kAnyRemote);
    if (mapping != kNone) {
      return mapping;
    }
  }
  if (config_.mapping != Dependence::kAddressDependent) {
    return kNone;
  }
  return mappings.FindByInside(packet.protocol, packet.inside,
                               {packet.remote.address, 0});
}

InboundVerdict NatState::Inbound(Instant now, const InboundPacket& packet) {
  const uint32_t index = tables_->sessions.FindByExternal(
      packet.protocol, packet.external, packet.remote);
  if (index == kNone) {
    return NewInbound(now, packet);
  }
  const Session& session = tables_->sessions[index];
  if (session.is_local()) {
    // A segment that could not begin the flow does not prolong it: conntrack
    // takes it for invalid.
    if (!IsTcp(packet.protocol) || IsOpeningSegment(packet.tcp_flags)) {
      StartTimer(now, index, session.timer.timer_class);
    }
    return {.verdict = Verdict::kSwallowed};
  }
  Touch(now, index, Direction::kInbound, packet.tcp_flags,
        Refresh::kConfigured);
  return {Verdict::kPass, session.inside};
}

InboundVerdict NatState::NewInbound(Instant now, const InboundPacket& packet) {
  auto verdict = Verdict::kPass;
  const uint32_t mapping = FindAdmitting(packet, verdict);
  if (verdict != Verdict::kPass) {
    return {.verdict = verdict};
  }
  const Endpoint inside = tables_->mappings[mapping].inside;
  if (!NeedsSession(tables_->mappings[mapping])) {
    TouchMapping(now, mapping, Direction::kInbound, Refresh::kConfigured);
    return {Verdict::kPass, inside};
  }
  if (IsTcp(packet.protocol) && !IsOpeningSegment(packet.tcp_flags)) {
    return {.verdict = Verdict::kUnmapped};
  }
  const uint32_t same =
      tables_->sessions.FindByInside(packet.protocol, inside, packet.remote);
  if (same != kNone) {
    return JoinInbound(now, packet, same);
  }
  // Room is not made by eviction: the mapping itself might have to go.
  if (tables_->sessions.size() >= config_.limits.max_sessions ||
      !HasRoomIn(tables_->mappings[mapping])) {
    return {.verdict = Verdict::kFull};
  }
  AddSession(now, mapping, packet.remote, Direction::kInbound,
             packet.tcp_flags);
  return {Verdict::kPass, inside};
}

/// The two have a session already, by another external endpoint of the inside
/// one: a second lease. To the inside host it is all one: a datagram passes
/// and the answer leaves by the older endpoint; a second connection between
/// the same two endpoints is not possible.
InboundVerdict NatState::JoinInbound(Instant now, const InboundPacket& packet,
                                     uint32_t session) {
  if (IsTcp(packet.protocol)) {
    return {.verdict = Verdict::kFiltered};
  }
  Touch(now, session, Direction::kInbound, packet.tcp_flags,
        Refresh::kConfigured);
  return {Verdict::kPass, tables_->sessions[session].inside};
}

/// Filtering behavior (RFC 4787 section 5). Forwards have their own.
uint32_t NatState::FindAdmitting(const InboundPacket& packet,
                                 Verdict& verdict) const {
  const uint32_t mapping =
      tables_->mappings.FindByExternal(packet.protocol, packet.external);
  if (mapping == kNone) {
    verdict = Verdict::kUnmapped;
    return kNone;
  }
  if (tables_->mappings[mapping].is_forward) {
    if (ForwardAdmits(mapping, packet.remote)) {
      return mapping;
    }
    verdict = Verdict::kFiltered;
    return kNone;
  }
  if (IsPortless(packet.protocol) && SharesAddress(mapping)) {
    verdict = Verdict::kFiltered;  // any of several hosts could be meant
    return kNone;
  }
  if (config_.filtering == Dependence::kEndpointIndependent) {
    return mapping;
  }
  if (config_.filtering == Dependence::kAddressDependent) {
    const uint32_t session = tables_->sessions.FindByRemoteAddress(
        packet.protocol, packet.external, packet.remote.address);
    if (session != kNone) {
      return tables_->sessions[session].mapping;
    }
  }
  verdict = Verdict::kFiltered;
  return kNone;
}

/// Whether an admitted packet makes a session. Where it does not, it passes by
/// its mapping alone, and the answer is mapped as any outbound packet: under
/// an address(-and-port)-dependent mapping it leaves from another port.
bool NatState::NeedsSession(const Mapping& mapping) const {
  if (IsTcp(mapping.protocol) || mapping.is_forward) {
    return true;
  }
  return !HasOwnTimer(mapping) &&
         mapping.dependence == Dependence::kEndpointIndependent &&
         config_.refresh.inbound && !IsIcmp(mapping.protocol);
}

bool NatState::Refreshes(Direction direction, Refresh refresh) const {
  return refresh == Refresh::kAlways ||
         (direction == Direction::kOutbound ? config_.refresh.outbound
                                            : config_.refresh.inbound);
}

void NatState::Touch(Instant now, uint32_t session, Direction direction,
                     uint8_t tcp_flags, Refresh refresh) {
  Session& state = tables_->sessions[session];
  const TimerClass timer_class = ClassOf(config_.timeouts, now, state);
  MarkDirection(state, direction);
  if (Evicts()) {
    MarkUsed(session);
  }
  if (IsTcp(state.protocol)) {
    TouchTcp(now, session, direction, tcp_flags);
    return;
  }
  if (HasOwnTimer(tables_->mappings[state.mapping])) {
    TouchMapping(now, state.mapping, direction, refresh);
  } else if (Refreshes(direction, refresh)) {
    StartTimer(now, session, timer_class);
  }
}

void NatState::TouchTcp(Instant now, uint32_t session, Direction direction,
                        uint8_t tcp_flags) {
  TcpState& tcp = tables_->sessions[session].tcp;
  if (const auto timer_class = AdvanceTcp(tcp, direction, tcp_flags)) {
    StartTimer(now, session, *timer_class);
  }
}

void NatState::TouchMapping(Instant now, uint32_t mapping, Direction direction,
                            Refresh refresh) {
  Mapping& state = tables_->mappings[mapping];
  MarkDirection(state, direction);
  if (HasOwnTimer(state) && Refreshes(direction, refresh)) {
    const Instant expires = tables_->mapping_timers.Start(
        now, mapping, ClassOf(config_.timeouts, now, state));
    next_expiry_ = std::min(next_expiry_, expires);
  }
}

void NatState::StartTimer(Instant now, uint32_t session,
                          TimerClass timer_class) {
  const Instant expires =
      tables_->session_timers.Start(now, session, timer_class);
  next_expiry_ = std::min(next_expiry_, expires);
}

/// Keeps the orders that eviction goes by.
void NatState::MarkUsed(uint32_t session) {
  const uint32_t index = tables_->sessions[session].mapping;
  Mapping& mapping = tables_->mappings[index];
  mapping.sessions.MoveToBack(tables_->sessions.slab(), session);
  tables_->mappings.recent.MoveToBack(tables_->mappings.slab(), index);
  tables_->hosts[mapping.host].mappings.MoveToBack(tables_->mappings.slab(),
                                                   index);
}

void NatState::AddLocalFlow(Instant now, const InboundPacket& packet) {
  if (tables_->sessions.size() >= config_.limits.max_sessions) {
    return;
  }
  Session session;
  session.protocol = packet.protocol;
  session.external = packet.external;
  session.remote = packet.remote;
  session.first_packet = now;
  session.has_inbound = true;
  StartTimer(now, tables_->sessions.Add(session),
             IsTcp(packet.protocol) ? TimerClass::kTcpOpening
                                    : TimerClass::kUdpUnreplied);
}

std::optional<Endpoint> NatState::FindExternalOf(
    const OutboundPacket& packet) const {
  const uint32_t session = tables_->sessions.FindByInside(
      packet.protocol, packet.inside, packet.remote);
  if (session != kNone) {
    return tables_->sessions[session].external;
  }
  const uint32_t mapping = FindMapping(packet);
  return mapping == kNone ? std::nullopt
                          : std::optional(tables_->mappings[mapping].external);
}

std::optional<Endpoint> NatState::FindInsideOf(
    const InboundPacket& packet) const {
  const uint32_t session = tables_->sessions.FindByExternal(
      packet.protocol, packet.external, packet.remote);
  if (session != kNone) {
    return tables_->sessions[session].is_local()
               ? std::nullopt
               : std::optional(tables_->sessions[session].inside);
  }
  auto verdict = Verdict::kPass;
  const uint32_t mapping = FindAdmitting(packet, verdict);
  return mapping == kNone ? std::nullopt
                          : std::optional(tables_->mappings[mapping].inside);
}

}  // namespace natkit::netsim::engine
