#include "engine/box.h"
#include "engine/policy.h"
#include "packet/wire.h"

namespace natkit::netsim::engine {
namespace {

constexpr uint8_t kUnreachable = 3;
constexpr uint8_t kTimeExceeded = 11;
constexpr uint8_t kParameterProblem = 12;

/// The packet that an ICMP error quotes.
struct Quoted {
  MutableBytes bytes;
  PacketInfo info;
};

std::optional<Quoted> QuotedBy(const Transit& error) {
  const MutableBytes bytes =
      error.bytes.subspan(error.info.transport_offset + wire::kIcmpHeaderSize);
  const auto info = ParseQuotedPacket(bytes);
  // Where there are no ports the addresses have to do.
  const bool says_whose =
      info && (info->has_transport ||
               (IsPortless(info->protocol) && info->fragment_offset == 0));
  if (!says_whose || info->is_v4() != error.info.is_v4()) {
    return std::nullopt;
  }
  return Quoted{bytes, *info};
}

}  // namespace

bool Box::ReportObstruction(const Transit& packet, Side to) {
  const PacketInfo& info = packet.info;
  const bool is_v4 = info.is_v4();
  if (config_.decrement_ttl && info.ttl <= 1) {
    ++counters_.dropped_ttl;
    SendError(packet, is_v4 ? kTimeExceeded : 3, 0, 0);
    return true;
  }
  if (is_v4 && !info.has_dont_fragment) {
    return false;
  }
  ++counters_.dropped_mtu;
  // RFC 1191 section 4, RFC 4443 section 3.2: with the next link's MTU.
  SendError(packet, is_v4 ? kUnreachable : 2, is_v4 ? 4 : 0, MtuOf(to));
  return true;
}

void Box::SendError(const Transit& packet, uint8_t type, uint8_t code,
                    uint32_t rest) {
  const IpAddress& from = OwnAddress(packet.from, packet.info.is_v4());
  if (from.is_unspecified()) {
    return;
  }
  auto error = BuildIcmpError(from, type, code, rest, packet.bytes);
  if (!error.empty()) {
    ++counters_.icmp_errors_sent;
    Queue(packet.from, std::move(error));
  }
}

/// RFC 5508 REQ-3: the checksums of the error and of the quoted IP header
/// must hold; that of the quoted transport header says nothing.
bool Box::CheckError(const Transit& packet) {
  const PacketInfo& info = packet.info;
  const bool is_carried = !info.is_v4() || info.icmp_type == kUnreachable ||
                          info.icmp_type == kTimeExceeded ||
                          info.icmp_type == kParameterProblem;
  if (!config_.translate_icmp_errors || !is_carried) {
    ++counters_.dropped_policy;
    return false;
  }
  if (info.is_fragment) {
    ++counters_.dropped_fragment;
    return false;
  }
  const auto quoted = QuotedBy(packet);
  if (!HasValidTransportChecksum(packet.bytes, info) || !quoted ||
      (info.is_v4() &&
       InternetChecksum(
           ByteView(quoted->bytes).first(quoted->info.transport_offset)) !=
           0)) {
    ++counters_.dropped_malformed;
    return false;
  }
  return true;
}

Box::Route Box::RouteErrorIn(Transit& packet) {
  if (!CheckError(packet) || !TranslateErrorIn(packet)) {
    return std::nullopt;
  }
  return Side::kInside;
}

Box::Route Box::RouteErrorOut(Transit& packet) {
  if (!config_.policy.icmp) {
    ++counters_.dropped_policy;
    return std::nullopt;
  }
  if (!CheckError(packet) || !TranslateErrorOut(packet)) {
    return std::nullopt;
  }
  return Side::kOutside;
}

/// RFC 5508 REQ-7a: out by the sender's mapping, in by the receiver's.
Box::Route Box::RouteErrorHairpin(Transit& packet) {
  if (!CheckError(packet) || !TranslateErrorOut(packet) ||
      !TranslateErrorIn(packet)) {
    return std::nullopt;
  }
  return Side::kInside;
}

/// About a packet that went out: REQ-4. The sender of the error may be any
/// router, so filtering does not apply; type and code stay.
bool Box::TranslateErrorIn(Transit& packet) {
  auto quoted = QuotedBy(packet);
  std::optional<Endpoint> inside;
  if (quoted->info.source.address == packet.info.destination.address) {
    inside = InsideOfQuoted(quoted->info);
  }
  if (!inside) {
    ++counters_.dropped_unmapped;
    return false;
  }
  if (!CanLeave(packet, Side::kInside)) {
    return false;
  }
  SetSource(quoted->bytes, quoted->info, *inside);
  RewriteDestination(packet.bytes, packet.info, *inside);
  FixChecksums(packet.bytes);
  return true;
}

/// About a packet that came in: REQ-5. An inside router that reports it must
/// not show its own address; a box without translation hides nothing.
bool Box::TranslateErrorOut(Transit& packet) {
  auto quoted = QuotedBy(packet);
  std::optional<Endpoint> external;
  if (quoted->info.source.address == packet.info.destination.address) {
    external = ExternalOfQuoted(quoted->info);
  }
  if (!external) {
    ++counters_.dropped_unmapped;
    return false;
  }
  if (!CanLeave(packet, Side::kOutside)) {
    return false;
  }
  SetDestination(quoted->bytes, quoted->info, *external);
  if (!IsUntranslated(packet.info)) {
    Endpoint shown = *external;
    if (nptv6_ && !packet.info.is_v4()) {
      // RFC 6296: routers inside have outside addresses as hosts have.
      shown.address = nptv6_->out.Map(packet.info.source.address)
                          .value_or(external->address);
    }
    RewriteSource(packet.bytes, packet.info, shown);
  }
  FixChecksums(packet.bytes);
  return true;
}

std::optional<Endpoint> Box::InsideOfQuoted(const PacketInfo& quoted) const {
  if (!IsStateless(quoted)) {
    return state_.FindInsideOf({.protocol = quoted.protocol,
                                .external = quoted.source,
                                .remote = quoted.destination});
  }
  const auto address = InsideAddressOf(quoted.source.address);
  return address ? std::optional(Endpoint{*address, quoted.source.port})
                 : std::nullopt;
}

std::optional<Endpoint> Box::ExternalOfQuoted(const PacketInfo& quoted) {
  if (!IsStateless(quoted)) {
    const Endpoint unused;
    return state_.FindExternalOf(
        {.protocol = quoted.protocol,
         .inside = quoted.destination,
         .remote = quoted.source,
         .fixed_external = HasNapt(quoted) ? nullptr : &unused});
  }
  const auto address = ExternalAddressOf(quoted.destination.address);
  return address ? std::optional(Endpoint{*address, quoted.destination.port})
                 : std::nullopt;
}

}  // namespace natkit::netsim::engine
