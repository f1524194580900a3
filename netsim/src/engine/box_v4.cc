#include <algorithm>
#include <utility>

#include "engine/alg.h"
#include "engine/box.h"
#include "engine/policy.h"
#include "packet/wire.h"

namespace natkit::netsim::engine {
namespace {

/// RFC 5508 REQ-10: echo must, timestamp and mask may be translated,
/// information requests should not.
bool IsTranslatableQuery(const PacketInfo& info) {
  return wire::IsIcmpQuery(info.protocol, info.icmp_type) &&
         info.icmp_type != 15 && info.icmp_type != 16;
}

/// A session of queries begins with a request from inside (RFC 5508 3.1).
bool IsReply(const PacketInfo& info) {
  return wire::IsIcmpQuery(info.protocol, info.icmp_type) &&
         !wire::IsIcmpRequest(info.protocol, info.icmp_type);
}

bool IsEchoRequest(const PacketInfo& info) {
  return info.is_icmp_echo() &&
         wire::IsIcmpRequest(info.protocol, info.icmp_type);
}

}  // namespace

Box::Route Box::RouteV4(Transit& packet) {
  return packet.from == Side::kInside ? RouteFromInside(packet)
                                      : RouteFromOutside(packet);
}

Box::Route Box::RouteFromInside(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (IsForBox(packet)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  if (config_.translation != Translation::kNone &&
      state_.pool().Contains(info.destination.address)) {
    return RouteHairpin(packet);
  }
  if (IsExempt(info.destination.address)) {
    return RouteUntranslated(packet, Side::kOutside);
  }
  return info.is_icmp_error() ? RouteErrorOut(packet) : RouteOut(packet);
}

Box::Route Box::RouteFromOutside(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (state_.pool().Contains(info.source.address)) {
    ++counters_.dropped_malformed;  // nobody else has our address
    return std::nullopt;
  }
  const bool is_ours = state_.pool().Contains(info.destination.address);
  if (config_.translation != Translation::kNone && !is_ours) {
    if (IsExempt(info.source.address) &&
        !info.destination.address.is_multicast()) {
      return RouteUntranslated(packet, Side::kInside);
    }
    ++counters_.dropped_unmapped;
    return std::nullopt;
  }
  if (IsForBox(packet)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  return info.is_icmp_error() ? RouteErrorIn(packet) : RouteIn(packet);
}

/// RFC 6888 REQ-6.
bool Box::IsExempt(const IpAddress& remote) const {
  return std::ranges::any_of(config_.exempt, [&](const IpPrefix& prefix) {
    return prefix.Contains(remote);
  });
}

std::optional<IpAddress> Box::ExternalAddressOf(const IpAddress& inside) {
  if (inside.is_v4() && config_.translation == Translation::kOneToOne) {
    return state_.pool().BindHost(inside);
  }
  return inside.is_v6() && nptv6_ ? nptv6_->out.Map(inside) : inside;
}

std::optional<IpAddress> Box::InsideAddressOf(const IpAddress& external) const {
  if (external.is_v4() && config_.translation == Translation::kOneToOne) {
    return state_.pool().HostOf(external);
  }
  return external.is_v6() && nptv6_ ? nptv6_->in.Map(external) : external;
}

Box::Route Box::RouteUntranslated(const Transit& packet, Side to) {
  return CanLeave(packet, to) ? Route(to) : std::nullopt;
}

bool Box::CanTranslate(const PacketInfo& info) const {
  switch (info.protocol) {
    case wire::kUdp:
    case wire::kTcp:
      return true;
    case wire::kIcmp:
      return IsTranslatableQuery(info) || !HasNapt(info);
    default:
      return !HasNapt(info) || IsSharedPortless(info);
  }
}

Box::Route Box::RouteOut(Transit& packet) {
  if (!CanTranslate(packet.info)) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  if (HasNapt(packet.info) && IsReply(packet.info)) {
    ++counters_.dropped_unmapped;  // nobody outside can have asked
    return std::nullopt;
  }
  if (!CanLeave(packet, Side::kOutside)) {
    return std::nullopt;
  }
  const auto external = ExternalOf(packet);
  if (!external) {
    return std::nullopt;
  }
  if (config_.alg != Alg::kNone && HasAlg(packet.info)) [[unlikely]] {
    return RouteByAlg(packet, Endpoint(packet.info.source), *external);
  }
  SetSource(packet.bytes, packet.info, *external);
  return Side::kOutside;
}

/// The endpoint that the packet's source is mapped to; nullopt if the packet
/// was dropped.
std::optional<Endpoint> Box::ExternalOf(Transit& packet) {
  const PacketInfo& info = packet.info;
  const bool has_napt = HasNapt(info);
  Endpoint fixed;
  if (!has_napt) {
    const auto address = ExternalAddressOf(info.source.address);
    if (!address) {
      ++counters_.dropped_full;
      return std::nullopt;
    }
    fixed = {*address, info.source.port};
  }
  if (IsStateless(info)) {
    if (IsAllowedOut(config_.policy, info.protocol, info.destination.port)) {
      return fixed;
    }
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  return MapOut(packet, {.protocol = info.protocol,
                         .tcp_flags = info.tcp_flags,
                         .inside = info.source,
                         .remote = info.destination,
                         .fixed_external = has_napt ? nullptr : &fixed});
}

std::optional<Endpoint> Box::MapOut(const Transit& packet,
                                    const OutboundPacket& flow) {
  const OutboundVerdict verdict = state_.Outbound(now_, flow);
  if (verdict.verdict == Verdict::kPass) [[likely]] {
    if (!pending_syns_.is_empty() && (flow.tcp_flags & kTcpSyn) != 0) {
      pending_syns_.Cancel(verdict.external, flow.remote);
    }
    return verdict.external;
  }
  if (verdict.verdict == Verdict::kFull) {
    ++counters_.dropped_full;
    if (config_.limits.when_full == WhenFull::kIcmp) {
      const bool is_v4 = packet.info.is_v4();
      SendError(packet, is_v4 ? 3 : 1, is_v4 ? 13 : 1, 0);
    }
  } else {
    ++(verdict.verdict == Verdict::kPolicy ? counters_.dropped_policy
                                           : counters_.dropped_unmapped);
  }
  return std::nullopt;
}

Box::Route Box::RouteIn(Transit& packet) {
  if (HasNapt(packet.info) && IsEchoRequest(packet.info)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  if (!CanTranslate(packet.info)) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  // What cannot go on is not traffic of its flow; what nobody inside wants is
  // not answered either.
  if (IsObstructed(packet, Side::kInside) && IsKnownInbound(packet.info) &&
      ReportObstruction(packet, Side::kInside)) {
    return std::nullopt;
  }
  const auto inside = InsideOf(packet, packet.info.source);
  if (!inside) {
    return std::nullopt;
  }
  if (config_.alg != Alg::kNone && HasAlg(packet.info)) [[unlikely]] {
    return RouteByAlg(packet, Endpoint(packet.info.destination), *inside);
  }
  SetDestination(packet.bytes, packet.info, *inside);
  return Side::kInside;
}

bool Box::HasAlg(const PacketInfo& info) const {
  constexpr uint16_t kSipPort = 5060;
  return info.is_v4() && info.protocol == wire::kUdp && !info.is_fragment &&
         (config_.alg == Alg::kGeneric || info.source.port == kSipPort ||
          info.destination.port == kSipPort);
}

/// Header and payload of a packet between the sides: from the inside its source
/// becomes `to`, from the outside its destination.
Box::Route Box::RouteByAlg(Transit& packet, const Endpoint& from,
                           const Endpoint& to) {
  const bool is_out = packet.from == Side::kInside;
  const auto set = is_out ? SetSource : SetDestination;
  const Side side = is_out ? Side::kOutside : Side::kInside;
  if (config_.alg == Alg::kGeneric) {
    RewriteBinaryEndpoints(packet.bytes, packet.info, from, to);
  } else if (auto bytes =
                 RewriteTextEndpoints(packet.bytes, packet.info, from, to)) {
    const auto info = ParsePacket(*bytes);
    Transit changed = {packet.from, MutableBytes(*bytes), *info};
    set(changed.bytes, changed.info, to);
    if (const Route out = Finish(changed, side)) {
      Queue(*out, *std::move(bytes));
    }
    return std::nullopt;
  }
  set(packet.bytes, packet.info, to);
  return side;
}

bool Box::IsKnownInbound(const PacketInfo& info) const {
  if (IsStateless(info)) {
    return InsideAddressOf(info.destination.address).has_value();
  }
  return state_
      .FindInsideOf({.protocol = info.protocol,
                     .tcp_flags = info.tcp_flags,
                     .external = info.destination,
                     .remote = info.source})
      .has_value();
}

/// Whom the packet, coming from `remote` as seen outside, is for; nullopt if
/// it was dropped.
std::optional<Endpoint> Box::InsideOf(Transit& packet, const Endpoint& remote) {
  const PacketInfo& info = packet.info;
  if (IsStateless(info)) {
    const auto address = InsideAddressOf(info.destination.address);
    if (!address) {
      RefuseUnsolicited(packet, remote, Verdict::kUnmapped);
      return std::nullopt;
    }
    return Endpoint{*address, info.destination.port};
  }
  return MapIn(packet, {.protocol = info.protocol,
                        .tcp_flags = info.tcp_flags,
                        .external = info.destination,
                        .remote = remote});
}

std::optional<Endpoint> Box::MapIn(Transit& packet, const InboundPacket& flow) {
  const InboundVerdict verdict = state_.Inbound(now_, flow);
  if (verdict.verdict == Verdict::kPass) [[likely]] {
    return verdict.inside;
  }
  if (verdict.verdict == Verdict::kFull) {
    ++counters_.dropped_full;
  } else {
    RefuseUnsolicited(packet, flow.remote, verdict.verdict);
  }
  return std::nullopt;
}

/// RFC 4787 section 6: both ends behind this box. The packet passes both of
/// its mappings and the receiver's filter; only what it then shows as its
/// source differs.
Box::Route Box::RouteHairpin(Transit& packet) {
  PacketInfo& info = packet.info;
  if (HasNapt(info) && IsEchoRequest(info)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  // An external address alone names no inside host.
  if (config_.hairpinning == Hairpinning::kNone || IsSharedPortless(info)) {
    RefuseUnsolicited(packet, info.source, Verdict::kUnmapped);
    return std::nullopt;
  }
  if (info.is_icmp_error()) {
    return RouteErrorHairpin(packet);
  }
  if (!CanTranslate(info) || (HasNapt(info) && IsReply(info))) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  if (!CanLeave(packet, Side::kInside)) {
    return std::nullopt;
  }
  const auto external = ExternalOf(packet);
  if (!external) {
    return std::nullopt;
  }
  const auto inside = InsideOf(packet, *external);
  if (!inside) {
    return std::nullopt;
  }
  if (config_.hairpinning == Hairpinning::kExternalSource) {
    SetSource(packet.bytes, info, *external);
  }
  SetDestination(packet.bytes, info, *inside);
  return Side::kInside;
}

void Box::RefuseUnsolicited(Transit& packet, const Endpoint& remote,
                            Verdict verdict) {
  ++(verdict == Verdict::kFiltered ? counters_.dropped_filtered
                                   : counters_.dropped_unmapped);
  const PacketInfo& info = packet.info;
  const bool can_begin =
      info.protocol == wire::kUdp ||
      (info.protocol == wire::kTcp && IsOpeningSegment(info.tcp_flags));
  if (config_.poisonable && can_begin && packet.from == Side::kOutside &&
      HasNapt(info) && verdict != Verdict::kSwallowed) {
    state_.AddLocalFlow(now_, {.protocol = info.protocol,
                               .tcp_flags = info.tcp_flags,
                               .external = info.destination,
                               .remote = remote});
  }
  // To its own side a box is a host like others, by any of its addresses.
  if (config_.unsolicited == Unsolicited::kReject ||
      (packet.from == Side::kInside && verdict == Verdict::kUnmapped)) {
    Reject(packet);
  } else if (packet.from == Side::kOutside && can_begin && !info.is_fragment &&
             info.protocol == wire::kTcp) {
    pending_syns_.Add(now_, info.destination, remote, packet.bytes);
  }
}

/// RFC 5382 REQ-4: port unreachable, in the name of the address that the SYN
/// was for. IPv6 firewalls speak for themselves: communication
/// administratively prohibited (RFC 6092 REC-34).
void Box::RefuseDueSyns() {
  while (now_ >= pending_syns_.next_due()) {
    const PendingSyn& syn = pending_syns_.front();
    const bool is_v4 = syn.external.address.is_v4();
    const IpAddress& own = OwnAddress(Side::kOutside, is_v4);
    auto error = BuildIcmpError(
        is_v4 || own.is_unspecified() ? syn.external.address : own,
        is_v4 ? 3 : 1, is_v4 ? 3 : 1, 0, syn.quote());
    if (!error.empty()) {
      ++counters_.icmp_errors_sent;
      Queue(Side::kOutside, std::move(error));
    }
    pending_syns_.Pop();
  }
}

}  // namespace natkit::netsim::engine
