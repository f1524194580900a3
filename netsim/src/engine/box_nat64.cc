#include <algorithm>
#include <utility>

#include "engine/box.h"
#include "ipv6/nat64_translate.h"
#include "packet/wire.h"

// NAT64 (RFC 6146): IPv6 inside, IPv4 outside. State sees the inside host's
// IPv6 endpoint, the external and the remote IPv4 endpoint, and ICMP for both
// kinds of it. Translated packets change their size and therefore leave by the
// queue; hairpinned ones (section 3.8) stay IPv6 and are rewritten in place.

namespace natkit::netsim::engine {
namespace {

constexpr uint8_t kUnreachable4 = 3;
constexpr uint8_t kFragmentationNeeded = 4;
constexpr uint8_t kSourceRouteFailed = 5;
constexpr uint8_t kTimeExceeded4 = 11;
constexpr uint8_t kTooBig6 = 2;
constexpr uint8_t kTimeExceeded6 = 3;
constexpr uint8_t kParameterProblem6 = 4;
constexpr uint32_t kHeaderGrowth = 20;
constexpr size_t kLeastMtu6 = 1280;

bool IsEcho(const PacketInfo& info, bool is_request) {
  return info.is_icmp_echo() &&
         wire::IsIcmpRequest(info.protocol, info.icmp_type) == is_request;
}

bool IsCarried(const PacketInfo& info) {
  return info.protocol == wire::kUdp || info.protocol == wire::kTcp ||
         info.is_icmp_echo() || info.is_icmp_error();
}

/// Fragmented ICMP is not translated (RFC 7915 section 1.1): its checksums
/// differ by the length of the whole. Nor is what UDP would have to be
/// reassembled for (section 4.5).
bool IsUntranslatableFragment(const PacketInfo& info, ByteView transport) {
  return info.is_fragment &&
         (info.protocol == wire::kIcmp || info.protocol == wire::kIcmpv6 ||
          (info.is_v4() && info.protocol == wire::kUdp && info.has_transport &&
           wire::Get16(transport, wire::kUdpChecksum) == 0));
}

/// UDP without a checksum that can have one, or must (RFC 8200 section 8.1).
bool LacksChecksum(const Transit& packet, ByteView transport) {
  const PacketInfo& info = packet.info;
  return info.protocol == wire::kUdp && info.has_transport &&
         wire::Get16(transport, wire::kUdpChecksum) == 0 &&
         (!info.is_v4() || !UdpPayload(packet.bytes, info));
}

/// Whether an IPv4 address that stood in an IPv6 one may be a destination.
bool IsHost(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_loopback() &&
         address.bytes()[0] < 224;
}

}  // namespace

/// What cannot be translated whatever state says. True if it was dropped.
bool Box::IsRefusedByNat64(const Transit& packet) {
  const PacketInfo& info = packet.info;
  const ByteView transport =
      ByteView(packet.bytes).subspan(info.transport_offset);
  if (IsUntranslatableFragment(info, transport)) {
    ++counters_.dropped_fragment;
    return true;
  }
  if (LacksChecksum(packet, transport)) {
    ++counters_.dropped_malformed;
    return true;
  }
  if (info.is_v4() && ipv6::HasSourceRoute(packet.bytes)) {
    ++counters_.dropped_policy;
    SendError(packet, kUnreachable4, kSourceRouteFailed, 0);
    return true;
  }
  if (!info.is_v4()) {
    const auto extensions = ipv6::CheckExtensions(packet.bytes);
    if (extensions.unreached_stop) {
      SendError(packet, kParameterProblem6, 0, *extensions.unreached_stop);
    }
    if (!extensions.can_translate) {
      ++counters_.dropped_policy;
      return true;
    }
  }
  return false;
}

Box::Route Box::RouteNat64(Transit& packet) {
  const PacketInfo& info = packet.info;
  const bool is_inside = packet.from == Side::kInside;
  if (is_inside == info.is_v4()) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  return is_inside ? RouteNat64FromInside(packet)
                   : RouteNat64FromOutside(packet);
}

Box::Route Box::RouteNat64FromInside(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (IsForBox(packet)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  const auto remote =
      ipv6::Extract(config_.nat64_prefix, info.destination.address);
  if (!remote) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  // RFC 6146 section 3.5: a source of the prefix would loop.
  if (!IsHost(*remote) || info.source.address.is_link_local() ||
      config_.nat64_prefix.Contains(info.source.address)) {
    ++counters_.dropped_malformed;
    return std::nullopt;
  }
  if (IsRefusedByNat64(packet)) {
    return std::nullopt;
  }
  if (state_.pool().Contains(*remote)) {
    return RouteNat64Hairpin(packet, *remote);
  }
  if (info.is_icmp_error()) {
    RouteNat64ErrorOut(packet);
  } else {
    RouteNat64Out(packet, *remote);
  }
  return std::nullopt;
}

void Box::RouteNat64Out(Transit& packet, const IpAddress& remote) {
  const PacketInfo& info = packet.info;
  if (!IsCarried(info) || IsEcho(info, false)) {
    ++(IsCarried(info) ? counters_.dropped_unmapped : counters_.dropped_policy);
    return;
  }
  if (!CanCross(packet)) {
    return;
  }
  const Endpoint outer = {remote, info.destination.port};
  const auto external =
      MapOut(packet, {.protocol = ipv6::OtherProtocol(info.protocol),
                      .tcp_flags = info.tcp_flags,
                      .inside = info.source,
                      .remote = outer});
  if (external) {
    Cross(packet, {*external, outer});
  }
}

Box::Route Box::RouteNat64FromOutside(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (state_.pool().Contains(info.source.address) ||
      !IsHost(info.source.address)) {
    ++counters_.dropped_malformed;
  } else if (!state_.pool().Contains(info.destination.address)) {
    ++counters_.dropped_unmapped;
  } else if (IsEcho(info, true)) {
    DeliverLocally(packet);
  } else if (!IsRefusedByNat64(packet)) {
    if (info.is_icmp_error()) {
      RouteNat64ErrorIn(packet);
    } else {
      RouteNat64In(packet);
    }
  }
  return std::nullopt;
}

void Box::RouteNat64In(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (!IsCarried(info)) {
    ++counters_.dropped_policy;
    return;
  }
  if (IsKnownInbound(info) && !CanCross(packet)) {
    return;
  }
  const auto inside = InsideOf(packet, info.source);
  if (inside) {
    const IpAddress source =
        ipv6::Embed(config_.nat64_prefix, info.source.address);
    Cross(packet, {{source, info.source.port}, *inside});
  }
}

/// RFC 6146 section 3.8: both ends inside. Nothing has to change its family.
Box::Route Box::RouteNat64Hairpin(Transit& packet, const IpAddress& external) {
  PacketInfo& info = packet.info;
  if (IsEcho(info, true)) {
    DeliverLocally(packet);
    return std::nullopt;
  }
  if (config_.hairpinning == Hairpinning::kNone) {
    RefuseUnsolicited(packet, info.source, Verdict::kUnmapped);
    return std::nullopt;
  }
  if (info.is_icmp_error()) {
    return RouteNat64ErrorHairpin(packet);
  }
  if (info.protocol != wire::kUdp && info.protocol != wire::kTcp) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  if (!CanLeave(packet, Side::kInside)) {
    return std::nullopt;
  }
  const Endpoint target = {external, info.destination.port};
  const auto source = MapOut(packet, {.protocol = info.protocol,
                                      .tcp_flags = info.tcp_flags,
                                      .inside = info.source,
                                      .remote = target});
  if (!source) {
    return std::nullopt;
  }
  const auto inside = MapIn(packet, {.protocol = info.protocol,
                                     .tcp_flags = info.tcp_flags,
                                     .external = target,
                                     .remote = *source});
  if (!inside) {
    return std::nullopt;
  }
  if (config_.hairpinning == Hairpinning::kExternalSource) {
    SetSource(
        packet.bytes, info,
        {ipv6::Embed(config_.nat64_prefix, source->address), source->port});
  }
  SetDestination(packet.bytes, info, *inside);
  return Side::kInside;
}

/// Whether the packet may go to the other side; if not, its sender is told.
bool Box::CanCross(const Transit& packet) {
  const PacketInfo& info = packet.info;
  const bool is_v4 = info.is_v4();
  if (config_.decrement_ttl && info.ttl <= 1) {
    ++counters_.dropped_ttl;
    SendError(packet, is_v4 ? kTimeExceeded4 : kTimeExceeded6, 0, 0);
    return false;
  }
  const bool has_df = is_v4 ? info.has_dont_fragment
                            : ipv6::GetsDontFragment(packet.bytes, info);
  const size_t mtu = MtuOf(is_v4 ? Side::kInside : Side::kOutside);
  if (!has_df || ipv6::TranslatedSize(info) <= mtu) {
    return true;
  }
  ++counters_.dropped_mtu;
  if (is_v4) {
    const uint32_t growth =
        kHeaderGrowth + (info.is_fragment ? wire::kFragmentHeaderSize : 0);
    SendError(packet, kUnreachable4, kFragmentationNeeded,
              static_cast<uint32_t>(mtu) - growth);
  } else {
    SendError(packet, kTooBig6, 0,
              static_cast<uint32_t>(std::max(mtu + kHeaderGrowth, kLeastMtu6)));
  }
  return false;
}

/// Sends the packet to the other side; with a first fragment, those that
/// waited for it.
void Box::Cross(Transit& packet, const ipv6::Ends& ends) {
  const PacketInfo& info = packet.info;
  const uint16_t id = info.is_v4() ? info.fragment_id : next_fragment_id_++;
  CrossAs(packet, ends, id);
  if (!info.is_fragment) {
    return;
  }
  const FragmentKey key = {packet.from, info.protocol, info.fragment_id,
                           info.source.address, info.destination.address};
  const FragmentRule rule = {info.is_v4() ? Side::kInside : Side::kOutside, id,
                             ends.source.address, ends.destination.address};
  fragments_.AddRule(now_, key, rule);
  for (std::vector<uint8_t>& bytes : fragments_.TakeHeld(key)) {
    const auto held_info = ParsePacket(bytes);
    Transit held = {key.from, MutableBytes(bytes), *held_info};
    CrossLaterFragment(held, rule);
  }
}

void Box::CrossLaterFragment(const Transit& packet, const FragmentRule& rule) {
  if (!IsRefusedByNat64(packet) && CanCross(packet)) {
    CrossAs(packet, {{rule.source, 0}, {rule.destination, 0}}, rule.id);
  }
}

void Box::CrossAs(const Transit& packet, const ipv6::Ends& ends, uint16_t id) {
  const PacketInfo& info = packet.info;
  std::vector<uint8_t> bytes =
      info.is_v4() ? ipv6::TranslateToV6(packet.bytes, info, ends)
                   : ipv6::TranslateToV4(packet.bytes, info, ends, id);
  size_t mtu = MtuOf(info.is_v4() ? Side::kInside : Side::kOutside);
  if (info.is_v4() && !info.has_dont_fragment) {
    // RFC 7915 section 4: nobody will learn of a smaller MTU on the way.
    mtu = std::min(mtu, kLeastMtu6);
  }
  Launch(packet.from, std::move(bytes), mtu);
}

/// Queues a translated packet, cut to the MTU.
void Box::Launch(Side from, std::vector<uint8_t> bytes, size_t mtu) {
  auto info = ParsePacket(bytes);
  if (!info) {
    ++counters_.dropped_mtu;  // too large for one IPv6 packet
    return;
  }
  const Side to = from == Side::kInside ? Side::kOutside : Side::kInside;
  Count(from, to);
  if (config_.decrement_ttl) {
    DecrementTtl(bytes, *info);
  }
  if (bytes.size() <= mtu) {
    Queue(to, std::move(bytes));
    return;
  }
  for (auto& fragment : FragmentPacket(bytes, mtu, next_fragment_id_++)) {
    Queue(to, std::move(fragment));
  }
}

/// Launches a translated error; one without a counterpart is dropped.
void Box::LaunchError(const Transit& packet, std::vector<uint8_t> bytes) {
  if (bytes.empty()) {
    ++counters_.dropped_policy;
    return;
  }
  const Side to = packet.from == Side::kInside ? Side::kOutside : Side::kInside;
  Launch(packet.from, std::move(bytes), MtuOf(to));
}

/// An IPv4 router or host about a packet that went out (RFC 6146 section
/// 3.5.1.2).
void Box::RouteNat64ErrorIn(Transit& packet) {
  if (!CheckError(packet)) {
    return;
  }
  const PacketInfo& info = packet.info;
  const auto quoted = ParseQuotedPacket(packet.bytes.subspan(
      size_t{info.transport_offset} + wire::kIcmpHeaderSize));
  std::optional<Endpoint> inside;
  if (quoted->source.address == info.destination.address) {
    inside = state_.FindInsideOf({.protocol = quoted->protocol,
                                  .external = quoted->source,
                                  .remote = quoted->destination});
  }
  if (!inside) {
    ++counters_.dropped_unmapped;
    return;
  }
  if (!CanCross(packet)) {
    return;
  }
  const IpPrefix& prefix = config_.nat64_prefix;
  const ipv6::ErrorEnds ends = {
      ipv6::Embed(prefix, info.source.address),
      inside->address,
      {*inside,
       {ipv6::Embed(prefix, quoted->destination.address),
        quoted->destination.port}}};
  LaunchError(packet, ipv6::TranslateErrorToV6(packet.bytes, info, ends,
                                               LinkMtusOfNat64()));
}

/// The external endpoint of the inside host that a quoted packet was sent to,
/// and the IPv4 endpoint that sent it.
std::optional<ipv6::Ends> Box::Nat64EndsOfQuoted(const Transit& packet) {
  const PacketInfo& info = packet.info;
  const auto quoted = ParseQuotedPacket(packet.bytes.subspan(
      size_t{info.transport_offset} + wire::kIcmpHeaderSize));
  const auto remote =
      ipv6::Extract(config_.nat64_prefix, quoted->source.address);
  if (!remote || quoted->source.address != info.destination.address) {
    ++counters_.dropped_unmapped;
    return std::nullopt;
  }
  const Endpoint source = {*remote, quoted->source.port};
  const auto external =
      state_.FindExternalOf({.protocol = ipv6::OtherProtocol(quoted->protocol),
                             .inside = quoted->destination,
                             .remote = source});
  if (!external) {
    ++counters_.dropped_unmapped;
    return std::nullopt;
  }
  return ipv6::Ends{source, *external};
}

/// An inside router or host about a packet that came in (RFC 6146 section
/// 3.5.1.1). Its own address has no IPv4 form: the external one stands for it.
void Box::RouteNat64ErrorOut(Transit& packet) {
  if (!config_.policy.icmp) {
    ++counters_.dropped_policy;
    return;
  }
  if (!CheckError(packet)) {
    return;
  }
  const auto quoted = Nat64EndsOfQuoted(packet);
  if (!quoted || !CanCross(packet)) {
    return;
  }
  const ipv6::ErrorEnds ends = {quoted->destination.address,
                                quoted->source.address, *quoted};
  LaunchError(packet, ipv6::TranslateErrorToV4(packet.bytes, packet.info, ends,
                                               LinkMtusOfNat64()));
}

Box::Route Box::RouteNat64ErrorHairpin(Transit& packet) {
  if (!CheckError(packet)) {
    return std::nullopt;
  }
  const auto ends = Nat64EndsOfQuoted(packet);
  if (!ends) {
    return std::nullopt;
  }
  const MutableBytes bytes = packet.bytes.subspan(
      size_t{packet.info.transport_offset} + wire::kIcmpHeaderSize);
  auto quoted = ParseQuotedPacket(bytes);
  const auto inside = state_.FindInsideOf({.protocol = quoted->protocol,
                                           .external = ends->source,
                                           .remote = ends->destination});
  if (!inside) {
    ++counters_.dropped_unmapped;
    return std::nullopt;
  }
  if (!CanLeave(packet, Side::kInside)) {
    return std::nullopt;
  }
  const IpAddress shown =
      ipv6::Embed(config_.nat64_prefix, ends->destination.address);
  SetSource(bytes, *quoted, *inside);
  SetDestination(bytes, *quoted, {shown, ends->destination.port});
  RewriteSource(packet.bytes, packet.info, {shown, 0});
  RewriteDestination(packet.bytes, packet.info, {inside->address, 0});
  FixChecksums(packet.bytes);
  return Side::kInside;
}

}  // namespace natkit::netsim::engine
