#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"

namespace natkit::netsim {

/// Numbers of the IP protocol field (RFC 5237 registry).
enum class IpProtocol : uint8_t {
  kIcmp = 1,
  kTcp = 6,
  kUdp = 17,
  kIcmpv6 = 58,
};

/// TCP flag bits (RFC 9293 section 3.1).
inline constexpr uint8_t kTcpFin = 0x01;
inline constexpr uint8_t kTcpSyn = 0x02;
inline constexpr uint8_t kTcpRst = 0x04;
inline constexpr uint8_t kTcpPsh = 0x08;
inline constexpr uint8_t kTcpAck = 0x10;

/// What a NAT needs to know of one IP packet; read once, by ParsePacket.
/// Offsets count from the first byte of the IP header.
struct PacketInfo {
  /// Source and destination. Ports are those of UDP and TCP. The identifier of
  /// an ICMP query stands as the port of the one who asks: the source of a
  /// request, the destination of a reply. All other ports are 0.
  Endpoint source;
  Endpoint destination;
  uint8_t protocol = 0;     ///< of the transport header; any number may occur
  uint8_t ttl = 0;          ///< or hop limit
  uint16_t total_size = 0;  ///< the IP packet, by its own header
  uint16_t transport_offset = 0;  ///< where the transport header begins
  uint16_t fragment_id = 0;       ///< 16 bits of IPv4, low 16 bits of IPv6
  uint16_t fragment_offset = 0;   ///< in bytes
  bool is_fragment = false;       ///< first, middle or last
  bool has_more_fragments = false;
  bool has_dont_fragment = false;  ///< IPv4 only
  /// False for a fragment other than the first, for a transport header that is
  /// cut short and for protocols other than UDP, TCP, ICMP and ICMPv6: ports
  /// and the fields below are then zero.
  bool has_transport = false;
  uint8_t tcp_flags = 0;
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  uint16_t icmp_id = 0;  ///< echo, timestamp and mask queries (RFC 792)

  [[nodiscard]] bool is_v4() const { return source.address.is_v4(); }

  /// ICMP error messages quote the packet that caused them.
  [[nodiscard]] bool is_icmp_error() const;
  /// Echo request or reply, of either family.
  [[nodiscard]] bool is_icmp_echo() const;
};

/// Reads one IPv4 or IPv6 packet. nullopt for what a router would drop
/// silently: other versions, a header or total length that contradicts the
/// bytes, an IPv4 header checksum that is wrong. Trailing bytes beyond the
/// total length are ignored. Does not allocate.
[[nodiscard]] std::optional<PacketInfo> ParsePacket(ByteView packet);

/// The same for the packet inside an ICMP error: it may be cut anywhere after
/// 8 bytes of transport, and its header checksum is not looked at.
[[nodiscard]] std::optional<PacketInfo> ParseQuotedPacket(ByteView quoted);

/// The Internet checksum (RFC 1071), already complemented; `sum` carries an
/// earlier partial sum.
[[nodiscard]] uint16_t InternetChecksum(ByteView bytes, uint32_t sum = 0);

/// Whether the UDP, TCP, ICMP or ICMPv6 checksum of a whole (not fragmented)
/// packet is right; true for a UDP checksum of zero over IPv4 and for
/// protocols without one that we know.
[[nodiscard]] bool HasValidTransportChecksum(ByteView packet,
                                             const PacketInfo& info);

/// Computes the IPv4 header checksum and the transport checksum of a whole
/// packet and stores them.
void FixChecksums(MutableBytes packet);

// In-place rewriting. Checksums (IPv4 header, transport with its pseudo
// header) are updated incrementally (RFC 1624), so a wrong one stays wrong.
// `info` is what ParsePacket or ParseQuotedPacket said and is kept in step; a
// checksum that a quoted packet has lost is not missed. The new address has
// the family of the old one. Ports of packets other than UDP and TCP, and of
// fragments after the first, are not written.
void RewriteSource(MutableBytes packet, PacketInfo& info, const Endpoint& to);
void RewriteDestination(MutableBytes packet, PacketInfo& info,
                        const Endpoint& to);
/// The identifier of an ICMP query; other packets are left alone.
void RewriteIcmpId(MutableBytes packet, PacketInfo& info, uint16_t id);
/// Takes one from TTL or hop limit; the caller has checked that it is over 1.
void DecrementTtl(MutableBytes packet, PacketInfo& info);

/// What the builders below share.
struct IpFields {
  uint8_t ttl = 64;
  uint16_t id = 0;
  bool dont_fragment = false;
};

/// A whole UDP datagram with checksums. Both endpoints have one family; the
/// payload is at most 65,507 bytes over IPv4.
[[nodiscard]] std::vector<uint8_t> BuildUdp(const Endpoint& from,
                                            const Endpoint& to,
                                            ByteView payload,
                                            const IpFields& ip = {});

/// The fields of a TCP segment that tests and the small TCP of the gateway
/// use.
struct TcpFields {
  uint32_t sequence = 0;
  uint32_t acknowledgement = 0;
  uint8_t flags = 0;
  uint16_t window = 65535;
  uint16_t mss = 0;  ///< the option of that name (RFC 9293 3.7.1); 0: none
};

[[nodiscard]] std::vector<uint8_t> BuildTcp(const Endpoint& from,
                                            const Endpoint& to,
                                            const TcpFields& tcp,
                                            ByteView payload,
                                            const IpFields& ip = {});

/// An echo request (`is_reply` false) or reply; ICMPv6 for IPv6 addresses.
enum class EchoKind : uint8_t { kRequest, kReply };
[[nodiscard]] std::vector<uint8_t> BuildEcho(const IpAddress& from,
                                             const IpAddress& to, EchoKind kind,
                                             uint16_t id, uint16_t sequence,
                                             ByteView payload,
                                             const IpFields& ip = {});

/// An ICMP or ICMPv6 error from `from` to the source of `cause`, quoting as
/// much of it as the standards allow (RFC 1812 section 4.3.2.3: 576 bytes;
/// RFC 4443 section 2.4: 1280). `rest` is the word after the checksum, such as
/// the next-hop MTU. Empty if no error may be sent about `cause` (it is an
/// ICMP error itself, a fragment other than the first, or not from one host;
/// RFC 1122 section 3.2.2).
[[nodiscard]] std::vector<uint8_t> BuildIcmpError(const IpAddress& from,
                                                  uint8_t type, uint8_t code,
                                                  uint32_t rest,
                                                  ByteView cause);

/// Cuts an IPv4 packet into fragments of at most `mtu` bytes (multiple-of-8
/// payloads, RFC 791 section 3.2), whatever its DF flag says. The packet
/// itself if it fits; nothing if it is malformed or its header leaves no room.
/// IPv6 packets get a fragment header with identification `id6` (RFC 8200
/// section 4.5); fragments are cut further and keep theirs.
[[nodiscard]] std::vector<std::vector<uint8_t>> FragmentPacket(ByteView packet,
                                                               size_t mtu,
                                                               uint32_t id6);

/// The payload of a UDP datagram; nullopt for other packets, and for a UDP
/// length that contradicts the packet.
[[nodiscard]] std::optional<ByteView> UdpPayload(ByteView packet,
                                                 const PacketInfo& info);

}  // namespace natkit::netsim
