#pragma once

#include <cstdint>
#include <expected>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/mesh/packet_filter.h"

namespace natkit::mesh {

/// IP protocol numbers that the filter knows by name.
inline constexpr uint8_t kProtocolIcmp = 1;
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr uint8_t kProtocolSctp = 132;

/// Bits of the TCP header's flags (RFC 9293, section 3.1).
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpAck = 0x10;

/// What a packet is for the filter.
enum class PacketKind : uint8_t {
  kPorts,          ///< TCP, UDP, SCTP
  kEchoRequest,    ///< ICMP or ICMPv6
  kEchoReply,      ///< ICMP or ICMPv6
  kIcmpError,      ///< ICMP or ICMPv6, about another packet
  kOther,          ///< any other protocol, and other ICMP messages
  kLaterFragment,  ///< a fragment that is not the first of its datagram
};

/// Where a fragment belongs (RFC 791, section 3.2; RFC 8200, section 4.5).
struct FragmentPlace {
  uint32_t id = 0;
  /// IPv4 tells datagrams apart by it as well; 0 in IPv6.
  uint8_t protocol = 0;
  uint32_t begin = 0;  ///< bytes into the datagram
  uint32_t end = 0;
};

/// One packet as the filter sees it. Views point into the packet.
struct PacketFacts {
  IpAddress source;
  IpAddress destination;
  PacketKind kind = PacketKind::kOther;
  uint8_t protocol = 0;
  uint8_t tcp_flags = 0;
  /// Of kPorts; of an echo its identifier in both; else 0.
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  std::optional<FragmentPlace> fragment;
  /// The packet that an ICMP error is about, as far as it is there.
  ByteView embedded;
};

/// Reads one packet to its transport header. Errors: the verdicts kMalformed,
/// kSourceRoute, kBadTcpFlags, kBadFragment, kLinkIcmp. Bounded by eight
/// extension headers; does not allocate.
[[nodiscard]] std::expected<PacketFacts, Verdict> ParsePacket(ByteView packet);

/// Reads the start of a packet that an ICMP error quotes: it may be cut after
/// the first eight bytes of the transport header.
[[nodiscard]] std::expected<PacketFacts, Verdict> ParseEmbedded(
    ByteView packet);

/// Whether packets with this end belong into a tunnel: not multicast,
/// link-local, broadcast, loopback, unspecified or an IPv4 address in IPv6.
[[nodiscard]] bool IsTunnelAddress(const IpAddress& ip);

}  // namespace natkit::mesh
