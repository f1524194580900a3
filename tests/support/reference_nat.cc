#include "reference_nat.h"

#include <algorithm>

namespace natkit::netsim {
namespace {

constexpr uint8_t kUnreachable = 3;
constexpr uint8_t kPortUnreachable = 3;
constexpr uint8_t kFragmentationNeeded = 4;
constexpr uint8_t kAdministrativelyProhibited = 13;
constexpr uint8_t kTimeExceeded = 11;

Outcome Dropped(Fate fate) {
  Outcome outcome;
  outcome.fate = fate;
  return outcome;
}

Outcome Forwarded(Fate fate, Side to, const PacketFacts& packet) {
  Outcome outcome;
  outcome.fate = fate;
  outcome.side = to;
  outcome.forwarded = packet;
  return outcome;
}

std::string NameOf(Fate fate) {
  constexpr const char* kNames[] = {"forwarded-out", "forwarded-in", "hairpin",
                                    "filtered",      "unmapped",     "policy",
                                    "full",          "ttl",          "mtu",
                                    "malformed",     "answered"};
  return kNames[static_cast<size_t>(fate)];
}

/// A SYN that acknowledges something answers another.
bool BeginsConnection(const PacketFacts& segment) {
  return (segment.tcp_flags & (kTcpSyn | kTcpAck)) == kTcpSyn;
}

/// Answers begin nothing.
bool BeginsFlow(const PacketFacts& packet) {
  return packet.kind == PacketKind::kUdp ||
         (packet.kind == PacketKind::kTcp && BeginsConnection(packet));
}

/// The RST that answers `segment` (RFC 9293 section 3.10.7.1).
PacketFacts MakeReset(const PacketFacts& segment) {
  const bool has_ack = (segment.tcp_flags & kTcpAck) != 0;
  return {
      .kind = PacketKind::kTcp,
      .source = segment.destination,
      .destination = segment.source,
      .payload = 0,
      .tcp_flags = static_cast<uint8_t>(has_ack ? kTcpRst : kTcpRst | kTcpAck)};
}

}  // namespace

std::string Outcome::ToString() const {
  std::string text = NameOf(fate);
  if (side) {
    text += *side == Side::kInside ? " in: " : " out: ";
    text += forwarded.ToString();
  }
  for (const auto& [to, packet] : queued) {
    text += to == Side::kInside ? "; queued in: " : "; queued out: ";
    text += packet.ToString();
  }
  return text;
}

ReferenceNat::ReferenceNat(NatConfig config, Peek peek)
    : config_(std::move(config)), peek_(std::move(peek)) {
  pool_ = config_.external;
  LoseState();
}

Outcome ReferenceNat::Handle(Instant now, Side from, const PacketFacts& packet,
                             const std::optional<PacketFacts>& observed) {
  Advance(now);
  observed_.reset();
  if (observed) {
    observed_ = observed->kind == PacketKind::kIcmpError
                    ? observed->quoted_source
                    : observed->destination;
  }
  if (is_udp_blocked_ && packet.kind == PacketKind::kUdp) {
    tally_["udp blocked"]++;
    return Dropped(Fate::kPolicy);
  }
  Outcome outcome = from == Side::kInside ? HandleInside(now_, packet)
                                          : HandleOutside(now_, packet);
  // A router takes one off whatever it passes on (RFC 1812 section 5.3.1).
  if (outcome.side && config_.decrement_ttl) {
    outcome.forwarded.ttl--;
  }
  tally_[NameOf(outcome.fate)]++;
  return outcome;
}

Outcome ReferenceNat::HandleInside(Instant now, const PacketFacts& packet) {
  const bool is_to_us = IsOwn(packet.destination.address);
  if (packet.kind == PacketKind::kEchoReply && !IsStateless() &&
      !(IsExempt(packet.destination.address) && !is_to_us)) {
    // A reply to nothing has no query session (RFC 5508 section 3.1) and none
    // to be translated by; a firewall has nothing against it.
    if (config_.translation == Translation::kNone && !is_to_us) {
      return ForwardUntranslated(Side::kInside, packet);
    }
    return Dropped(is_to_us && Hairpins() ? Fate::kPolicy : Fate::kUnmapped);
  }
  if (IsStateless() && !is_to_us) {
    return Route(packet, Side::kInside);
  }
  if (!is_to_us && IsExempt(packet.destination.address)) {
    return ForwardUntranslated(Side::kInside, packet);
  }
  if (packet.kind == PacketKind::kIcmpError) {
    return HandleErrorOut(packet);
  }
  if (is_to_us && packet.kind == PacketKind::kEchoRequest) {
    return AnswerEcho(packet, Side::kInside);
  }
  if (is_to_us && !Hairpins()) {
    // For the box itself then.
    return RefuseUnsolicited(now, packet, Side::kInside, Fate::kUnmapped);
  }
  const Side to = is_to_us ? Side::kInside : Side::kOutside;
  if (auto refused = CheckRoute(packet, Side::kInside, to)) {
    return *refused;
  }
  if (!PolicyAllows(packet) && !IsKnownFlow(packet)) {
    return Dropped(Fate::kPolicy);  // it is about how flows begin
  }
  if (config_.translation == Translation::kOneToOne &&
      !OneToOneAddress(packet.source.address)) {
    return Dropped(Fate::kFull);  // not a limit: no ICMP error
  }
  if (IsStray(
          FindOutbound(packet.protocol(), packet.source, packet.destination),
          packet.destination, packet)) {
    return Dropped(Fate::kUnmapped);
  }
  Mapping* mapping = Outbound(now, packet);
  if (mapping == nullptr) {
    Outcome outcome = Dropped(Fate::kFull);
    if (config_.limits.when_full == WhenFull::kIcmp) {
      tally_["icmp when full"]++;
      Send(outcome, Side::kInside,
           MakeIcmpError(config_.inside_address, kUnreachable,
                         kAdministrativelyProhibited, 0, packet));
    }
    return outcome;
  }
  if (is_to_us) {
    return Hairpin(now, packet, mapping->external);
  }
  PacketFacts translated = packet;
  translated.source = mapping->external;
  return Forwarded(Fate::kForwardedOut, Side::kOutside, translated);
}

/// RFC 4787 section 6: after its own translation the packet meets the
/// receiver's mapping and filter as one from outside would. Filters see the
/// sender's external endpoint in both forms, since that is what the receiver
/// sends to.
Outcome ReferenceNat::Hairpin(Instant now, const PacketFacts& packet,
                              const Endpoint& external) {
  Mapping* target =
      FindInbound(packet.protocol(), packet.destination, external);
  if (target == nullptr || IsStray(target, external, packet)) {
    const bool is_mapped = std::ranges::any_of(mappings_, [&](const auto& m) {
      return m.protocol == packet.protocol() &&
             m.external == packet.destination;
    });
    tally_["hairpin refused"]++;
    return RefuseUnsolicited(
        now, packet, Side::kInside,
        is_mapped && target == nullptr ? Fate::kFiltered : Fate::kUnmapped);
  }
  if (Mapping* older = FindOlder(*target, external, Side::kOutside)) {
    if (packet.kind == PacketKind::kTcp) {
      return RefuseUnsolicited(now, packet, Side::kInside, Fate::kFiltered);
    }
    target = older;
  }
  PacketFacts translated = packet;
  if (config_.hairpinning == Hairpinning::kExternalSource) {
    translated.source = external;
  }
  translated.destination = target->inside;
  if (MakesSession(*target, external, Side::kOutside) &&
      !HasRoomForSession(*target)) {
    return Dropped(Fate::kFull);
  }
  Touch(now, *target, external, Side::kOutside, packet.tcp_flags);
  return Forwarded(Fate::kHairpinned, Side::kInside, translated);
}

/// A box is a host too and answers (RFC 1812 section 4.3.3.6).
Outcome ReferenceNat::AnswerEcho(const PacketFacts& packet, Side from) {
  PacketFacts reply = packet;
  reply.kind = PacketKind::kEchoReply;
  reply.source = packet.destination;
  reply.destination = packet.source;
  reply.ttl = PacketFacts{}.ttl;
  reply.dont_fragment = false;
  Outcome outcome = Dropped(Fate::kAnswered);
  Send(outcome, from, reply);
  return outcome;
}

Outcome ReferenceNat::HandleOutside(Instant now, const PacketFacts& packet) {
  if (IsOwn(packet.source.address)) {
    return Dropped(Fate::kMalformed);  // a martian (RFC 1812 section 5.3.7)
  }
  const bool is_firewall = config_.translation == Translation::kNone;
  if (is_firewall && IsOwn(packet.destination.address) &&
      packet.kind != PacketKind::kIcmpError) {
    return RefuseUnsolicited(now, packet, Side::kOutside, Fate::kUnmapped);
  }
  if (IsStateless()) {
    return Route(packet, Side::kOutside);
  }
  if (!is_firewall && !IsOwn(packet.destination.address)) {
    // The way back of exempt destinations; nothing else is routed inside.
    return IsExempt(packet.source.address)
               ? ForwardUntranslated(Side::kOutside, packet)
               : Dropped(Fate::kUnmapped);
  }
  if (is_firewall && IsExempt(packet.source.address)) {
    return ForwardUntranslated(Side::kOutside, packet);
  }
  if (packet.kind == PacketKind::kIcmpError) {
    return HandleErrorIn(packet, Side::kOutside);
  }
  Mapping* mapping =
      FindInbound(packet.protocol(), packet.destination, packet.source);
  if (mapping == nullptr) {
    const bool is_mapped = std::ranges::any_of(mappings_, [&](const auto& m) {
      return m.protocol == packet.protocol() &&
             m.external == packet.destination;
    });
    return RefuseUnsolicited(now, packet, Side::kOutside,
                             is_mapped ? Fate::kFiltered : Fate::kUnmapped);
  }
  if (auto refused = CheckRoute(packet, Side::kOutside, Side::kInside)) {
    return *refused;
  }
  if (mapping != nullptr && IsStray(mapping, packet.source, packet)) {
    return RefuseUnsolicited(now, packet, Side::kOutside, Fate::kUnmapped);
  }
  if (Mapping* older = FindOlder(*mapping, packet.source, Side::kOutside)) {
    if (packet.kind == PacketKind::kTcp) {
      return RefuseUnsolicited(now, packet, Side::kOutside, Fate::kFiltered);
    }
    mapping = older;
  }
  if (MakesSession(*mapping, packet.source, Side::kOutside) &&
      !HasRoomForSession(*mapping)) {
    return Dropped(Fate::kFull);
  }
  Touch(now, *mapping, packet.source, Side::kOutside, packet.tcp_flags);
  PacketFacts translated = packet;
  translated.destination = mapping->inside;
  return Forwarded(Fate::kForwardedIn, Side::kInside, translated);
}

Outcome ReferenceNat::RefuseUnsolicited(Instant now, const PacketFacts& packet,
                                        Side from, Fate fate) {
  Outcome outcome = Dropped(fate);
  // A firewall refuses in the name of the host behind it.
  const bool is_own = IsOwn(packet.destination.address);
  if (!is_own && config_.translation != Translation::kNone) {
    return outcome;
  }
  if (IsBoxFlow(packet.protocol(), packet.destination, packet.source)) {
    outcome.fate = Fate::kUnmapped;  // it belongs to the box by now
  }
  if (config_.poisonable && is_own && from == Side::kOutside &&
      BeginsFlow(packet)) {
    std::erase_if(box_flows_, [&](const BoxFlow& flow) {
      return flow.protocol == packet.protocol() &&
             flow.external == packet.destination &&
             flow.remote == packet.source;
    });
    box_flows_.push_back({.protocol = packet.protocol(),
                          .external = packet.destination,
                          .remote = packet.source,
                          .expires = now + LifetimeOf(now, packet.protocol(),
                                                      now, false, nullptr)});
    tally_["box flow"]++;
  }
  // Inside hosts are told what is not there (RFC 1122 section 3.2.2.1); who is
  // outside only if configured.
  const bool is_told = from == Side::kInside && fate == Fate::kUnmapped;
  if (is_told || config_.unsolicited == Unsolicited::kReject) {
    if (packet.kind == PacketKind::kUdp) {
      tally_["reject udp"]++;
      Send(outcome, from,
           MakeIcmpError(packet.destination.address, kUnreachable,
                         kPortUnreachable, 0, packet));
    }
    if (packet.kind == PacketKind::kTcp && (packet.tcp_flags & kTcpRst) == 0) {
      tally_["reject tcp"]++;
      Send(outcome, from, MakeReset(packet));
    }
  }
  return outcome;
}

/// RFC 5508 REQ-5: translated by the mapping that the quoted packet came
/// through; without one it goes nowhere. Never refreshes (RFC 7857 section 8).
Outcome ReferenceNat::HandleErrorOut(const PacketFacts& packet) {
  const bool is_to_us = IsOwn(packet.destination.address);
  if (is_to_us && !Hairpins()) {
    return Dropped(Fate::kUnmapped);
  }
  if (!config_.translate_icmp_errors || (!is_to_us && !config_.policy.icmp)) {
    return Dropped(Fate::kPolicy);
  }
  const Mapping* mapping =
      FindOutbound(ProtocolOf(packet.quoted_kind), packet.quoted_destination,
                   packet.quoted_source);
  if (mapping == nullptr) {
    return Dropped(Fate::kUnmapped);
  }
  PacketFacts translated = packet;
  if (config_.translation != Translation::kNone) {
    translated.source.address = mapping->external.address;
  }
  translated.quoted_destination = mapping->external;
  if (IsOwn(packet.destination.address)) {
    if (!Hairpins()) {
      return Dropped(Fate::kUnmapped);
    }
    return HandleErrorIn(translated, Side::kInside);
  }
  if (auto refused = CheckRoute(packet, Side::kInside, Side::kOutside)) {
    return *refused;
  }
  tally_["icmp error out"]++;
  return Forwarded(Fate::kForwardedOut, Side::kOutside, translated);
}

/// RFC 5508 REQ-4 and REQ-7. The quoted packet must be one that the mapping
/// could have sent: its destination passes the filter. The outer source does
/// not matter (RFC 4787 REQ-12a).
Outcome ReferenceNat::HandleErrorIn(const PacketFacts& packet, Side from) {
  if (!config_.translate_icmp_errors) {
    return Dropped(Fate::kPolicy);
  }
  const Mapping* mapping =
      FindInbound(ProtocolOf(packet.quoted_kind), packet.quoted_source,
                  packet.quoted_destination);
  if (mapping == nullptr) {
    return Dropped(Fate::kUnmapped);
  }
  if (auto refused = CheckRoute(packet, from, Side::kInside)) {
    return *refused;
  }
  PacketFacts translated = packet;
  translated.destination.address = mapping->inside.address;
  translated.quoted_source = mapping->inside;
  const bool is_hairpin = from == Side::kInside;
  tally_[is_hairpin ? "icmp error hairpin" : "icmp error in"]++;
  return Forwarded(is_hairpin ? Fate::kHairpinned : Fate::kForwardedIn,
                   Side::kInside, translated);
}

/// A TCP segment of no connection that the box has seen begin. It makes no
/// state and does not pass, as in Linux; RFC 6146 section 3.5.2.2 would let it
/// through an existing mapping.
bool ReferenceNat::IsStray(Mapping* mapping, const Endpoint& remote,
                           const PacketFacts& packet) {
  return packet.kind == PacketKind::kTcp && !BeginsConnection(packet) &&
         (mapping == nullptr || FindSession(*mapping, remote) == nullptr);
}

/// What translates nothing has no addresses to come back by.
bool ReferenceNat::Hairpins() const {
  return config_.hairpinning != Hairpinning::kNone &&
         config_.translation != Translation::kNone;
}

/// A router without filter keeps no state; one-to-one NAT without filter only
/// remembers who owns which address.
bool ReferenceNat::IsStateless() const {
  return (config_.translation == Translation::kNone ||
          config_.translation == Translation::kOneToOne) &&
         config_.filtering == Dependence::kEndpointIndependent;
}

/// Basic NAT (RFC 3022 section 2.1): addresses change, ports stay. Also with
/// Translation::kNone, which changes nothing.
Outcome ReferenceNat::Route(const PacketFacts& packet, Side from) {
  if (config_.translation == Translation::kNone ||
      (from == Side::kInside ? IsExempt(packet.destination.address)
                             : IsExempt(packet.source.address) &&
                                   !IsOwn(packet.destination.address))) {
    return ForwardUntranslated(from, packet);
  }
  const Side to = from == Side::kInside ? Side::kOutside : Side::kInside;
  PacketFacts translated = packet;
  if (from == Side::kInside) {
    if (auto refused = CheckRoute(packet, from, to)) {
      return *refused;
    }
    const auto external = OneToOneAddress(packet.source.address);
    if (!external) {
      return Dropped(Fate::kFull);
    }
    translated.source.address = *external;
    if (packet.kind == PacketKind::kIcmpError) {
      translated.quoted_destination.address = *external;
    }
  } else {
    const auto pool = Pool();
    const auto own = std::ranges::find(pool, packet.destination.address);
    const auto index = static_cast<size_t>(own - pool.begin());
    if (index >= one_to_one_.size()) {
      return RefuseUnsolicited(now_, packet, from, Fate::kUnmapped);
    }
    translated.destination.address = one_to_one_[index];
    if (packet.kind == PacketKind::kIcmpError) {
      translated.quoted_source.address = one_to_one_[index];
    }
  }
  if (from == Side::kOutside) {
    if (auto refused = CheckRoute(packet, from, to)) {
      return *refused;
    }
  }
  tally_["one to one"]++;
  return Forwarded(
      from == Side::kInside ? Fate::kForwardedOut : Fate::kForwardedIn, to,
      translated);
}

/// The i-th host that sends anything owns the i-th address.
std::optional<IpAddress> ReferenceNat::OneToOneAddress(const IpAddress& host) {
  const auto known = std::ranges::find(one_to_one_, host);
  const auto index = static_cast<size_t>(known - one_to_one_.begin());
  const auto pool = Pool();
  if (index >= pool.size()) {
    return std::nullopt;
  }
  if (known == one_to_one_.end()) {
    one_to_one_.push_back(host);
  }
  return pool[index];
}

Outcome ReferenceNat::ForwardUntranslated(Side from,
                                          const PacketFacts& packet) {
  const Side to = from == Side::kInside ? Side::kOutside : Side::kInside;
  if (auto refused = CheckRoute(packet, from, to)) {
    return *refused;
  }
  tally_["untranslated"]++;
  return Forwarded(
      from == Side::kInside ? Fate::kForwardedOut : Fate::kForwardedIn, to,
      packet);
}

/// What any router checks before it passes a packet on; before any state
/// changes, since the packet goes nowhere.
std::optional<Outcome> ReferenceNat::CheckRoute(const PacketFacts& packet,
                                                Side from, Side to) {
  const IpAddress us =
      from == Side::kInside ? config_.inside_address : Pool().front();
  if (config_.decrement_ttl && packet.ttl <= 1) {
    Outcome outcome = Dropped(Fate::kTtl);
    Send(outcome, from, MakeIcmpError(us, kTimeExceeded, 0, 0, packet));
    return outcome;
  }
  const uint16_t mtu =
      to == Side::kInside ? config_.inside_mtu : config_.outside_mtu;
  if (packet.kind != PacketKind::kIcmpError && packet.dont_fragment &&
      packet.size() > mtu) {
    Outcome outcome = Dropped(Fate::kMtu);
    Send(outcome, from,
         MakeIcmpError(us, kUnreachable, kFragmentationNeeded, mtu, packet));
    return outcome;
  }
  return std::nullopt;
}

bool ReferenceNat::IsKnownFlow(const PacketFacts& packet) {
  Mapping* mapping =
      FindOutbound(packet.protocol(), packet.source, packet.destination);
  return mapping != nullptr &&
         FindSession(*mapping, packet.destination) != nullptr;
}

bool ReferenceNat::PolicyAllows(const PacketFacts& packet) const {
  const NatPolicy& policy = config_.policy;
  const auto allows = [&](const std::vector<uint16_t>& ports) {
    return ports.empty() ||
           std::ranges::find(ports, packet.destination.port) != ports.end();
  };
  switch (packet.kind) {
    case PacketKind::kUdp:
      return policy.udp && allows(policy.udp_ports);
    case PacketKind::kTcp:
      return policy.tcp && allows(policy.tcp_ports);
    case PacketKind::kEchoRequest:
    case PacketKind::kEchoReply:
      return policy.icmp;
    case PacketKind::kIcmpError:
      break;
  }
  return true;  // it belongs to the flow that it is about
}

bool ReferenceNat::IsExempt(const IpAddress& address) const {
  return std::ranges::any_of(config_.exempt, [&](const IpPrefix& prefix) {
    return prefix.Contains(address);
  });
}

bool ReferenceNat::IsOwn(const IpAddress& address) const {
  return std::ranges::any_of(
      Pool(), [&](const IpAddress& own) { return own == address; });
}

std::span<const IpAddress> ReferenceNat::Pool() const {
  if (config_.address_lifetime > Duration::zero()) {
    return std::span(pool_).subspan(address_index_ % pool_.size(), 1);
  }
  return pool_;
}

void ReferenceNat::Send(Outcome& outcome, Side to,
                        const std::optional<PacketFacts>& error) {
  if (error) {
    outcome.queued.emplace_back(to, *error);
  }
}

std::vector<std::string> ReferenceNat::TakeProblems() {
  return std::exchange(problems_, {});
}

void ReferenceNat::Complain(const std::string& text) {
  problems_.push_back(text);
}

}  // namespace natkit::netsim
