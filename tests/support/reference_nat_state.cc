// The reference NAT's mappings and sessions, and what time does to them.

#include <algorithm>
#include <chrono>
#include <tuple>

#include "reference_nat.h"

namespace natkit::netsim {

namespace {

constexpr auto kTcp = static_cast<uint8_t>(IpProtocol::kTcp);
constexpr auto kUdp = static_cast<uint8_t>(IpProtocol::kUdp);

/// Whether a mapping or filter entry for `known` serves `remote`.
bool Covers(Dependence dependence, const Endpoint& known,
            const Endpoint& remote) {
  switch (dependence) {
    case Dependence::kEndpointIndependent:
      return true;
    case Dependence::kAddressDependent:
      return known.address == remote.address;
    case Dependence::kAddressAndPortDependent:
      return known == remote;
  }
  return false;
}

/// RST or FIN both ways.
bool IsEnding(const ReferenceNat::Session& session) {
  return session.is_reset || (session.has_fin_out && session.has_fin_in);
}

}  // namespace

void ReferenceNat::Advance(Instant now) {
  now_ = std::max(now_, now);
  if (config_.address_lifetime > Duration::zero()) {
    // Counted from the last change or reboot.
    while (address_since_ + config_.address_lifetime <= now_) {
      address_since_ += config_.address_lifetime;
      address_index_++;
      LoseState();
      tally_["readdress"]++;
    }
  }
  for (size_t i = mappings_.size(); i-- > 0;) {
    const Instant expiry =
        mappings_[i].is_static ? Instant::max() : ExpiryOf(mappings_[i]);
    if (expiry <= now_) {
      tally_["expiry"]++;
      Remove(i, expiry);
    }
    if (expiry > now_ && SessionsExpire(mappings_[i])) {
      std::erase_if(mappings_[i].sessions,
                    [&](const Session& s) { return s.expires <= now_; });
    }
  }
  std::erase_if(box_flows_,
                [&](const BoxFlow& flow) { return flow.expires <= now_; });
  std::erase_if(created_, [&](const auto& created) {
    return now_ - created.first >= std::chrono::seconds(1);
  });
  std::erase_if(resting_, [&](const Resting& r) { return r.until <= now_; });
}

/// TCP connections and whoever came through a forward end on their own, in
/// either scope.
bool ReferenceNat::SessionsExpire(const Mapping& mapping) const {
  return config_.timer_scope == TimerScope::kSession || mapping.is_forward ||
         mapping.protocol == kTcp;
}

/// A mapping lives as long as its timer, where it has one of its own, else as
/// long as its last session. TCP always counts by session: one connection must
/// not end another (RFC 5382 REQ-5).
Instant ReferenceNat::ExpiryOf(const Mapping& mapping) const {
  if (mapping.is_forward || (config_.timer_scope == TimerScope::kMapping &&
                             mapping.protocol != kTcp)) {
    return mapping.expires;
  }
  Instant latest{};
  for (const Session& session : mapping.sessions) {
    latest = std::max(latest, session.expires);
  }
  return latest;
}

/// A port rests from the moment at which its mapping ended, whenever that is
/// noticed.
void ReferenceNat::Remove(size_t index, Instant when) {
  const Mapping& mapping = mappings_[index];
  if (config_.port_quarantine > Duration::zero() &&
      config_.translation == Translation::kNapt) {
    resting_.push_back({.protocol = mapping.protocol,
                        .external = mapping.external,
                        .until = when + config_.port_quarantine});
  }
  mappings_.erase(mappings_.begin() + static_cast<ptrdiff_t>(index));
}

void ReferenceNat::LoseState() {
  mappings_.clear();
  box_flows_.clear();
  resting_.clear();
  created_.clear();
  one_to_one_.clear();
  last_port_.clear();
  for (const StaticForward& forward : config_.forwards) {
    mappings_.push_back(
        {.protocol = forward.protocol,
         .inside = forward.inside,
         .external = {.address = Pool().front(), .port = forward.external_port},
         .is_forward = true,
         .is_suggested = true,
         .is_static = true});
  }
}

void ReferenceNat::Reboot(Instant now, std::optional<IpAddress> new_external) {
  Advance(now);
  if (new_external) {
    pool_.front() = *new_external;
    tally_["reboot with address"]++;
  }
  LoseState();
  address_since_ = now_;
  tally_["reboot"]++;
}

void ReferenceNat::SetUdpBlocked(bool is_blocked) {
  is_udp_blocked_ = is_blocked;
}

ReferenceNat::Mapping* ReferenceNat::Outbound(Instant now,
                                              const PacketFacts& packet) {
  const Endpoint& remote = packet.destination;
  Need need{
      .protocol = packet.protocol(), .inside = packet.source, .remote = remote};
  Mapping* mapping = FindOutbound(need.protocol, need.inside, remote);
  if (mapping != nullptr && FindSession(*mapping, remote) == nullptr &&
      IsTupleTaken(*mapping, remote)) {
    // Someone else has this 5-tuple outside; the packet gets a mapping of its
    // own, as in Linux.
    tally_["tuple clash"]++;
    need.is_exact = true;
    mapping = nullptr;
  }
  if (mapping == nullptr) {
    mapping = Create(now, need);
    if (mapping == nullptr) {
      return nullptr;
    }
  } else if (FindSession(*mapping, remote) == nullptr &&
             !HasRoomForSession(*mapping)) {
    return nullptr;
  }
  Touch(now, *mapping, remote, Side::kInside, packet.tcp_flags);
  return mapping;
}

/// A flow stays with the mapping it came in by, however mappings depend on the
/// remote (RFC 5382 REQ-2: connections from outside work). Else the most
/// specific mapping wins: one made for this remote alone.
ReferenceNat::Mapping* ReferenceNat::FindOutbound(uint8_t protocol,
                                                  const Endpoint& inside,
                                                  const Endpoint& remote) {
  Mapping* best = nullptr;
  for (Mapping& mapping : mappings_) {
    if (mapping.protocol == protocol && mapping.inside == inside &&
        FindSession(mapping, remote) != nullptr) {
      return &mapping;
    }
    if (mapping.protocol == protocol && mapping.inside == inside &&
        Serves(mapping, remote) &&
        (best == nullptr || mapping.dependence > best->dependence)) {
      best = &mapping;
    }
  }
  return best;
}

/// Whether packets to `remote` may use the mapping. One that serves a single
/// remote endpoint does so by its session with it: where that ended, others
/// (from outside, by an endpoint-independent filter) do not bring it back.
bool ReferenceNat::Serves(const Mapping& mapping, const Endpoint& remote) {
  return Covers(mapping.dependence, mapping.remote, remote) &&
         (mapping.dependence != Dependence::kAddressAndPortDependent ||
          FindSession(mapping, remote) != nullptr);
}

/// Overloaded ports have several mappings: the one that talks to `remote`
/// first, then a forward, then any whose filter lets it in; which one is the
/// engine's choice. None if the box itself talks to `remote` from there.
ReferenceNat::Mapping* ReferenceNat::FindInbound(uint8_t protocol,
                                                 const Endpoint& external,
                                                 const Endpoint& remote) {
  std::vector<Mapping*> accepting;
  for (Mapping& mapping : mappings_) {
    if (mapping.protocol != protocol || mapping.external != external) {
      continue;
    }
    if (FindSession(mapping, remote) != nullptr) {
      return &mapping;
    }
    if (Accepts(mapping, remote)) {
      accepting.push_back(&mapping);
    }
  }
  if (accepting.empty() || IsBoxFlow(protocol, external, remote)) {
    return nullptr;
  }
  for (Mapping* mapping : accepting) {
    if (mapping->is_forward) {
      return mapping;
    }
  }
  return accepting.size() == 1 ? accepting.front() : ChosenOf(accepting);
}

/// The one that the packet went to. Of several for that inside endpoint the
/// one that was refreshed.
ReferenceNat::Mapping* ReferenceNat::ChosenOf(
    const std::vector<Mapping*>& accepting) const {
  tally_["overloaded choice"]++;
  Mapping* chosen = accepting.front();
  std::vector<MappingView> views = peek_();
  for (Mapping* mapping : accepting) {
    if (!observed_ || mapping->inside != *observed_) {
      continue;
    }
    chosen = mapping;
    const auto same = std::ranges::find_if(views, [&](const MappingView& view) {
      return view.protocol == mapping->protocol &&
             view.inside == mapping->inside &&
             view.external == mapping->external &&
             view.expires_at == ExpiryOf(*mapping);
    });
    if (same == views.end()) {
      break;
    }
    views.erase(same);
  }
  return chosen;
}

/// A port forward is open to everyone; it is what forwards are for.
bool ReferenceNat::Accepts(const Mapping& mapping,
                           const Endpoint& remote) const {
  return mapping.is_forward ||
         config_.filtering == Dependence::kEndpointIndependent ||
         std::ranges::any_of(mapping.sessions, [&](const Session& session) {
           return Covers(config_.filtering, session.remote, remote);
         });
}

bool ReferenceNat::IsTupleTaken(const Mapping& mapping,
                                const Endpoint& remote) const {
  const bool is_other =
      std::ranges::any_of(mappings_, [&](const Mapping& other) {
        return &other != &mapping && other.protocol == mapping.protocol &&
               other.external == mapping.external &&
               std::ranges::any_of(other.sessions, [&](const Session& s) {
                 return s.remote == remote;
               });
      });
  return is_other || IsBoxFlow(mapping.protocol, mapping.external, remote);
}

/// The mapping by which the inside endpoint talks to `remote` already, where a
/// packet through this one would begin a session: to the inside host they
/// would be one and the same, so the older one takes the packet.
ReferenceNat::Mapping* ReferenceNat::FindOlder(Mapping& mapping,
                                               const Endpoint& remote,
                                               Side from) {
  if (!MakesSession(mapping, remote, from)) {
    return nullptr;
  }
  for (Mapping& other : mappings_) {
    if (&other != &mapping && other.protocol == mapping.protocol &&
        other.inside == mapping.inside &&
        FindSession(other, remote) != nullptr) {
      return &other;
    }
  }
  return nullptr;
}

bool ReferenceNat::IsBoxFlow(uint8_t protocol, const Endpoint& external,
                             const Endpoint& remote) const {
  return std::ranges::any_of(box_flows_, [&](const BoxFlow& flow) {
    return flow.protocol == protocol && flow.external == external &&
           flow.remote == remote;
  });
}

const ReferenceNat::Session* ReferenceNat::FindSession(const Mapping& mapping,
                                                       const Endpoint& remote) {
  const auto found = std::ranges::find(
      mapping.sessions, remote, [](const Session& s) { return s.remote; });
  return found == mapping.sessions.end() ? nullptr : &*found;
}

ReferenceNat::Session* ReferenceNat::FindSession(Mapping& mapping,
                                                 const Endpoint& remote) {
  const auto found = std::ranges::find(
      mapping.sessions, remote, [](const Session& s) { return s.remote; });
  return found == mapping.sessions.end() ? nullptr : &*found;
}

bool ReferenceNat::Refreshes(Side from) const {
  return from == Side::kInside ? config_.refresh.outbound
                               : config_.refresh.inbound;
}

void ReferenceNat::Touch(Instant now, Mapping& mapping, const Endpoint& remote,
                         Side from, uint8_t tcp_flags) {
  // A flow that begins counts as a packet that makes the mapping live.
  TouchMapping(
      now, mapping, from,
      mapping.sessions.empty() ||
          (from == Side::kInside && FindSession(mapping, remote) == nullptr));
  Session* session = FindSession(mapping, remote);
  const bool is_new = session == nullptr;
  if (is_new) {
    if (!MakesSession(mapping, remote, from) || !HasRoomForSession(mapping)) {
      return;
    }
    mapping.sessions.push_back({.remote = remote, .first = now});
    session = &mapping.sessions.back();
  }
  mapping.last_used = now;
  session->touched = ++touches_;
  TouchSession(now, mapping, *session, from, tcp_flags, is_new);
}

/// What comes in unasked begins a connection if it is TCP, and a flow of its
/// own through a forward. Else it is a flow of
/// its own if it can make one live longer and its mapping is for every remote;
/// if not it needs no state to pass and makes none.
bool ReferenceNat::MakesSession(Mapping& mapping, const Endpoint& remote,
                                Side from) {
  if (FindSession(mapping, remote) != nullptr) {
    return false;
  }
  return from == Side::kInside || mapping.protocol == kTcp ||
         mapping.is_forward ||
         (mapping.protocol == kUdp && Refreshes(from) &&
          SessionsExpire(mapping) &&
          mapping.dependence == Dependence::kEndpointIndependent);
}

/// Makes room where the oldest may go.
bool ReferenceNat::HasRoomForSession(Mapping& mapping) {
  if (mapping.sessions.size() < config_.limits.sessions_per_mapping) {
    return true;
  }
  tally_["sessions full"]++;
  if (config_.limits.when_full != WhenFull::kEvictOldest) {
    return false;
  }
  tally_["session evicted"]++;
  mapping.sessions.erase(std::ranges::min_element(
      mapping.sessions, {}, [](const Session& s) { return s.touched; }));
  return true;
}

void ReferenceNat::TouchMapping(Instant now, Mapping& mapping, Side from,
                                bool is_new) {
  if (mapping.sessions.empty()) {
    mapping.first = now;
  }
  (from == Side::kInside ? mapping.has_out : mapping.has_in) = true;
  if (!mapping.is_forward && (is_new || Refreshes(from))) {
    mapping.expires =
        now + LifetimeOf(now, mapping.protocol, mapping.first,
                         mapping.has_out && mapping.has_in, nullptr);
  }
}

void ReferenceNat::TouchSession(Instant now, Mapping& mapping, Session& session,
                                Side from, uint8_t tcp_flags, bool is_new) {
  const bool is_out = from == Side::kInside;
  // As in conntrack, the first answer does not make it assured, the packet
  // after it does.
  const bool was_two_way = session.has_out && session.has_in;
  if (mapping.protocol == kTcp && IsEnding(session) &&
      (tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn) {
    // The ports are used again (RFC 9293 section 3.6.1).
    session = {
        .remote = session.remote, .first = now, .touched = session.touched};
  }
  const bool is_closed = session.has_fin_out && session.has_fin_in;
  const bool is_reset_again = session.is_reset && (tcp_flags & kTcpRst) != 0;
  if (is_closed || is_reset_again) {
    return;  // RFC 6146 section 3.5.2.2: nothing makes the end come later
  }
  (is_out ? session.has_out : session.has_in) = true;
  if ((tcp_flags & kTcpSyn) != 0) {
    (is_out ? session.has_syn_out : session.has_syn_in) = true;
  }
  if ((tcp_flags & kTcpFin) != 0) {
    (is_out ? session.has_fin_out : session.has_fin_in) = true;
  }
  if ((tcp_flags & kTcpAck) != 0 && (tcp_flags & kTcpRst) == 0) {
    // Acknowledges the other side's SYN, if there was one.
    session.has_ack_out |= is_out && session.has_syn_in;
    session.has_ack_in |= !is_out && session.has_syn_out;
  }
  // RFC 6146 section 3.5.2.2: a reset session that goes on is not reset.
  session.is_reset = (tcp_flags & kTcpRst) != 0;
  const Instant until = now + LifetimeOf(now, mapping.protocol, session.first,
                                         was_two_way, &session);
  // TCP goes by its state, whoever sends.
  if (is_new || mapping.protocol == kTcp || Refreshes(from)) {
    session.expires = until;
  }
}

Duration ReferenceNat::LifetimeOf(Instant now, uint8_t protocol, Instant first,
                                  bool is_two_way,
                                  const Session* session) const {
  const NatTimeouts& timeouts = config_.timeouts;
  if (protocol == kUdp) {
    const bool is_assured = is_two_way && now - first >= timeouts.assured_after;
    return is_assured ? timeouts.udp_assured : timeouts.udp_unreplied;
  }
  if (protocol != kTcp) {
    return timeouts.icmp;
  }
  if (session == nullptr) {
    return timeouts.tcp_opening;
  }
  if (IsEnding(*session)) {
    return timeouts.tcp_closing;
  }
  // Both ends have left SYN-RECEIVED (RFC 9293 section 3.3.2).
  return session->has_ack_out && session->has_ack_in ? timeouts.tcp_established
                                                     : timeouts.tcp_opening;
}

std::vector<MappingView> ReferenceNat::Mappings() const {
  std::vector<MappingView> views;
  for (const Mapping& mapping : mappings_) {
    views.push_back({.protocol = mapping.protocol,
                     .inside = mapping.inside,
                     .external = mapping.external,
                     .expires_at = mapping.is_static
                                       ? std::nullopt
                                       : std::optional(ExpiryOf(mapping))});
  }
  std::ranges::sort(views, {}, [](const MappingView& v) {
    return std::tuple(v.protocol, v.inside, v.external, v.expires_at);
  });
  return views;
}

void ReferenceNat::AddForward(Instant now, const ForwardRequest& request,
                              const Result<Endpoint>& given) {
  Advance(now);
  if (!given) {
    return;
  }
  const Need need{.protocol = request.protocol, .inside = request.inside};
  // A renewal keeps its port (RFC 6887 section 11.3); who must have another
  // gets one more lease.
  const auto existing = std::ranges::find_if(mappings_, [&](const Mapping& m) {
    return m.is_forward && m.protocol == request.protocol &&
           m.inside == request.inside &&
           (!request.must_be_suggested ||
            m.external.port == request.suggested_port);
  });
  if (existing != mappings_.end()) {
    if (existing->external != *given) {
      Complain("renewed forward moved to " + given->ToString());
    }
    existing->expires = now_ + request.lifetime;
    return;
  }
  if (request.must_be_suggested && given->port != request.suggested_port) {
    Complain("forward got another port than it had to be");
  }
  if (!IsOwn(given->address) || !IsFree(need, *given)) {
    Complain("forward got an external endpoint that is taken: " +
             given->ToString());
  }
  tally_["forward added"]++;
  mappings_.push_back({.protocol = request.protocol,
                       .inside = request.inside,
                       .external = *given,
                       .first = now_,
                       .expires = now_ + request.lifetime,
                       .last_used = now_,
                       .is_forward = true,
                       .is_suggested = given->port == request.suggested_port});
}

bool ReferenceNat::RemoveForward(Instant now, uint8_t protocol,
                                 const Endpoint& inside) {
  Advance(now);
  size_t removed = 0;
  for (size_t i = mappings_.size(); i-- > 0;) {
    const Mapping& mapping = mappings_[i];
    if (mapping.is_forward && !mapping.is_static &&
        mapping.protocol == protocol &&
        mapping.inside.address == inside.address &&
        (inside.port == 0 || mapping.inside.port == inside.port)) {
      Remove(i, now_);
      removed++;
    }
  }
  return removed > 0;
}

}  // namespace natkit::netsim
