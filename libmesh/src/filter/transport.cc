#include "filter/transport.h"

namespace natkit::mesh {

namespace {

constexpr size_t kTcpHeaderSize = 20;
constexpr size_t kUdpHeaderSize = 8;
constexpr size_t kSctpHeaderSize = 12;
constexpr size_t kIcmpHeaderSize = 8;
// What an ICMP error quotes at least (RFC 792).
constexpr size_t kQuotedSize = 8;

bool Has(const TransportInput& input, size_t size) {
  return input.payload.size() >=
         (input.completeness == Completeness::kWhole ? size : kQuotedSize);
}

Verdict CutShort(const TransportInput& input) {
  return input.is_first_fragment ? Verdict::kBadFragment : Verdict::kMalformed;
}

bool ReadPorts(ByteView payload, PacketFacts& facts) {
  facts.kind = PacketKind::kPorts;
  ByteReader in(payload);
  return in.ReadU16(facts.source_port) && in.ReadU16(facts.destination_port);
}

// Flags that no TCP sends together; scanners do, and stacks differ in what they
// make of them.
bool IsPossible(uint8_t flags) {
  const bool syn = (flags & kTcpSyn) != 0;
  const bool fin = (flags & kTcpFin) != 0;
  const bool rst = (flags & kTcpRst) != 0;
  const bool ack = (flags & kTcpAck) != 0;
  if (syn) {
    return !fin && !rst;
  }
  return rst ? !fin : ack;
}

std::optional<Verdict> ParseTcp(const TransportInput& input,
                                PacketFacts& facts) {
  if (!Has(input, kTcpHeaderSize) || !ReadPorts(input.payload, facts)) {
    return CutShort(input);
  }
  if (input.completeness == Completeness::kEmbedded) {
    return std::nullopt;
  }
  const size_t header_size = (input.payload[12] >> 4) * size_t{4};
  if (header_size < kTcpHeaderSize) {
    return Verdict::kMalformed;
  }
  if (header_size > input.payload.size()) {
    return CutShort(input);
  }
  facts.tcp_flags = input.payload[13];
  if (!IsPossible(facts.tcp_flags)) {
    return Verdict::kBadTcpFlags;
  }
  return std::nullopt;
}

std::optional<Verdict> ParseUdp(const TransportInput& input,
                                PacketFacts& facts) {
  if (!Has(input, kUdpHeaderSize) || !ReadPorts(input.payload, facts)) {
    return CutShort(input);
  }
  ByteReader in(input.payload.subspan(4));
  uint16_t size = 0;
  (void)in.ReadU16(size);
  const bool is_cut =
      input.is_first_fragment || input.completeness == Completeness::kEmbedded;
  if (size < kUdpHeaderSize || (!is_cut && size > input.payload.size())) {
    return Verdict::kMalformed;
  }
  return std::nullopt;
}

std::optional<Verdict> ParseSctp(const TransportInput& input,
                                 PacketFacts& facts) {
  if (!Has(input, kSctpHeaderSize) || !ReadPorts(input.payload, facts)) {
    return CutShort(input);
  }
  return std::nullopt;
}

enum class IcmpKind : uint8_t {
  kEchoRequest,
  kEchoReply,
  kError,
  kLink,
  kOther
};

IcmpKind KindOfIcmpv4(uint8_t type) {
  switch (type) {
    case 0:
      return IcmpKind::kEchoReply;
    case 8:
      return IcmpKind::kEchoRequest;
    case 3:   // destination unreachable
    case 11:  // time exceeded
    case 12:  // parameter problem
      return IcmpKind::kError;
    case 4:   // source quench (RFC 6633)
    case 5:   // redirect
    case 9:   // router advertisement
    case 10:  // router solicitation
      return IcmpKind::kLink;
    default:
      return IcmpKind::kOther;
  }
}

IcmpKind KindOfIcmpv6(uint8_t type) {
  if (type == 128) {
    return IcmpKind::kEchoRequest;
  }
  if (type == 129) {
    return IcmpKind::kEchoReply;
  }
  if (type >= 1 && type <= 4) {
    return IcmpKind::kError;
  }
  // Multicast listeners, neighbor discovery, redirects, mobile prefixes and
  // kin: RFC 4890, section 4.3, keeps them on their link.
  const bool is_link = (type >= 130 && type <= 143) || type == 148 ||
                       type == 149 || (type >= 151 && type <= 153);
  return is_link ? IcmpKind::kLink : IcmpKind::kOther;
}

void TakeEcho(ByteView payload, PacketKind kind, PacketFacts& facts) {
  ByteReader in(payload.subspan(4));
  (void)in.ReadU16(facts.source_port);
  facts.destination_port = facts.source_port;
  facts.kind = kind;
}

std::optional<Verdict> ParseIcmp(const TransportInput& input,
                                 PacketFacts& facts) {
  if (!Has(input, kIcmpHeaderSize)) {
    return CutShort(input);
  }
  const uint8_t type = input.payload[0];
  switch (facts.protocol == kProtocolIcmp ? KindOfIcmpv4(type)
                                          : KindOfIcmpv6(type)) {
    case IcmpKind::kEchoRequest:
      TakeEcho(input.payload, PacketKind::kEchoRequest, facts);
      return std::nullopt;
    case IcmpKind::kEchoReply:
      TakeEcho(input.payload, PacketKind::kEchoReply, facts);
      return std::nullopt;
    case IcmpKind::kError:
      facts.kind = PacketKind::kIcmpError;
      facts.embedded = input.payload.subspan(kIcmpHeaderSize);
      return std::nullopt;
    case IcmpKind::kLink:
      return Verdict::kLinkIcmp;
    case IcmpKind::kOther:
      facts.kind = PacketKind::kOther;
      return std::nullopt;
  }
  return Verdict::kMalformed;
}

}  // namespace

std::optional<Verdict> ParseTransport(const TransportInput& input,
                                      PacketFacts& facts) {
  // ICMP of the other family is one more protocol without meaning to us.
  const uint8_t icmp = facts.source.is_v4() ? kProtocolIcmp : kProtocolIcmpv6;
  if (facts.protocol == icmp) {
    return ParseIcmp(input, facts);
  }
  switch (facts.protocol) {
    case kProtocolTcp:
      return ParseTcp(input, facts);
    case kProtocolUdp:
      return ParseUdp(input, facts);
    case kProtocolSctp:
      return ParseSctp(input, facts);
    default:
      facts.kind = PacketKind::kOther;
      return std::nullopt;
  }
}

}  // namespace natkit::mesh
