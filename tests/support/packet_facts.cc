#include "packet_facts.h"

namespace natkit::netsim {
namespace {

constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIcmpHeaderSize = 8;
/// Of the packet in an ICMP error (RFC 1812 section 4.3.2.3).
constexpr size_t kMaxQuote = 576 - kIpv4HeaderSize - kIcmpHeaderSize;

size_t TransportHeaderSize(PacketKind kind) {
  return kind == PacketKind::kTcp ? 20 : 8;
}

const char* NameOf(PacketKind kind) {
  switch (kind) {
    case PacketKind::kUdp:
      return "udp";
    case PacketKind::kTcp:
      return "tcp";
    case PacketKind::kEchoRequest:
      return "echo-request";
    case PacketKind::kEchoReply:
      return "echo-reply";
    case PacketKind::kIcmpError:
      return "icmp-error";
  }
  return "?";
}

std::vector<uint8_t> Payload(const PacketFacts& facts) {
  std::vector<uint8_t> payload(facts.payload);
  for (size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<uint8_t>(i * 7 + 1);
  }
  return payload;
}

std::vector<uint8_t> BuildError(const PacketFacts& facts) {
  const std::vector<uint8_t> cause =
      BuildPacket({.kind = facts.quoted_kind,
                   .source = facts.quoted_source,
                   .destination = facts.quoted_destination,
                   .payload = facts.payload});
  std::vector<uint8_t> packet =
      BuildIcmpError(facts.source.address, facts.icmp_type, facts.icmp_code,
                     facts.icmp_rest, cause);
  if (!packet.empty()) {
    packet[8] = facts.ttl;
    FixChecksums(packet);
  }
  return packet;
}

std::optional<PacketKind> KindOf(const PacketInfo& info) {
  if (!info.has_transport) {
    return std::nullopt;
  }
  if (info.is_icmp_error()) {
    return PacketKind::kIcmpError;
  }
  if (info.is_icmp_echo()) {
    return info.icmp_type == 8 ? PacketKind::kEchoRequest
                               : PacketKind::kEchoReply;
  }
  switch (info.protocol) {
    case 17:
      return PacketKind::kUdp;
    case 6:
      return PacketKind::kTcp;
    default:
      return std::nullopt;
  }
}

bool ReadQuote(ByteView quoted, PacketFacts& facts) {
  const auto info = ParseQuotedPacket(quoted);
  const auto kind = info ? KindOf(*info) : std::nullopt;
  if (!kind) {
    return false;
  }
  facts.quoted_kind = *kind;
  facts.quoted_source = info->source;
  facts.quoted_destination = info->destination;
  const bool is_whole = quoted.size() >= info->total_size;
  if (is_whole) {
    facts.payload = static_cast<uint16_t>(
        info->total_size - info->transport_offset - TransportHeaderSize(*kind));
  }
  return !is_whole || HasValidTransportChecksum(quoted, *info);
}

}  // namespace

uint8_t ProtocolOf(PacketKind kind) {
  switch (kind) {
    case PacketKind::kUdp:
      return static_cast<uint8_t>(IpProtocol::kUdp);
    case PacketKind::kTcp:
      return static_cast<uint8_t>(IpProtocol::kTcp);
    case PacketKind::kEchoRequest:
    case PacketKind::kEchoReply:
    case PacketKind::kIcmpError:
      break;
  }
  return static_cast<uint8_t>(IpProtocol::kIcmp);
}

uint8_t PacketFacts::protocol() const {
  return ProtocolOf(kind);
}

size_t PacketFacts::size() const {
  return kIpv4HeaderSize + TransportHeaderSize(kind) + payload;
}

std::string PacketFacts::ToString() const {
  std::string text = std::string(NameOf(kind)) + ' ' + source.ToString() +
                     " > " + destination.ToString() + " ttl " +
                     std::to_string(ttl) + " payload " +
                     std::to_string(payload) + (dont_fragment ? " df" : "");
  if (kind == PacketKind::kTcp) {
    text += " flags " + std::to_string(tcp_flags);
  }
  if (kind == PacketKind::kIcmpError) {
    text += " type " + std::to_string(icmp_type) + '/' +
            std::to_string(icmp_code) + " rest " + std::to_string(icmp_rest) +
            " about " + NameOf(quoted_kind) + ' ' + quoted_source.ToString() +
            " > " + quoted_destination.ToString();
  }
  return text;
}

std::vector<uint8_t> BuildPacket(const PacketFacts& facts) {
  const IpFields ip{.ttl = facts.ttl,
                    .id = static_cast<uint16_t>(facts.payload * 31 + 7),
                    .dont_fragment = facts.dont_fragment};
  const std::vector<uint8_t> payload = Payload(facts);
  switch (facts.kind) {
    case PacketKind::kUdp:
      return BuildUdp(facts.source, facts.destination, payload, ip);
    case PacketKind::kTcp:
      return BuildTcp(facts.source, facts.destination,
                      {.sequence = 1000, .flags = facts.tcp_flags}, payload,
                      ip);
    case PacketKind::kEchoRequest:
      return BuildEcho(facts.source.address, facts.destination.address,
                       EchoKind::kRequest, facts.source.port, 1, payload, ip);
    case PacketKind::kEchoReply:
      return BuildEcho(facts.source.address, facts.destination.address,
                       EchoKind::kReply, facts.destination.port, 1, payload,
                       ip);
    case PacketKind::kIcmpError:
      return BuildError(facts);
  }
  return {};
}

std::optional<PacketFacts> ReadPacket(ByteView bytes) {
  const auto info = ParsePacket(bytes);
  const auto kind = info ? KindOf(*info) : std::nullopt;
  if (!kind || info->total_size != bytes.size() ||
      !HasValidTransportChecksum(bytes, *info)) {
    return std::nullopt;
  }
  PacketFacts facts{.kind = *kind,
                    .source = info->source,
                    .destination = info->destination,
                    .ttl = info->ttl,
                    .dont_fragment = info->has_dont_fragment,
                    .tcp_flags = info->tcp_flags};
  const ByteView transport = bytes.subspan(info->transport_offset);
  if (*kind != PacketKind::kIcmpError) {
    facts.payload =
        static_cast<uint16_t>(transport.size() - TransportHeaderSize(*kind));
    const ByteView payload = transport.last(facts.payload);
    for (size_t i = 0; i < payload.size(); ++i) {
      if (payload[i] != static_cast<uint8_t>(i * 7 + 1)) {
        return std::nullopt;  // a NAT leaves payloads alone (RFC 4787 REQ-10)
      }
    }
    return facts;
  }
  facts.payload = 0;  // of the quoted packet, unless it was cut
  facts.icmp_type = info->icmp_type;
  facts.icmp_code = info->icmp_code;
  ByteReader reader(transport.subspan(4));
  const bool is_read = reader.ReadU32(facts.icmp_rest) &&
                       ReadQuote(transport.subspan(kIcmpHeaderSize), facts);
  return is_read ? std::optional(facts) : std::nullopt;
}

std::optional<PacketFacts> MakeIcmpError(const IpAddress& from, uint8_t type,
                                         uint8_t code, uint32_t rest,
                                         const PacketFacts& cause) {
  if (cause.kind == PacketKind::kIcmpError) {
    return std::nullopt;
  }
  return PacketFacts{
      .kind = PacketKind::kIcmpError,
      .source = {.address = from},
      .destination = {.address = cause.source.address},
      .payload = cause.size() <= kMaxQuote ? cause.payload : uint16_t{0},
      .icmp_type = type,
      .icmp_code = code,
      .icmp_rest = rest,
      .quoted_kind = cause.kind,
      .quoted_source = cause.source,
      .quoted_destination = cause.destination};
}

}  // namespace natkit::netsim
