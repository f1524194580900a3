#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim {

/// The kinds of packet that the NAT tests send.
enum class PacketKind : uint8_t {
  kUdp,
  kTcp,
  kEchoRequest,
  kEchoReply,
  kIcmpError,
};

/// One IPv4 packet as a tester thinks of it, without bytes. Echo identifiers
/// are ports, as in PacketInfo.
struct PacketFacts {
  PacketKind kind = PacketKind::kUdp;
  Endpoint source{};
  Endpoint destination{};
  uint8_t ttl = 64;
  uint16_t payload = 8;  ///< bytes after the transport header
  bool dont_fragment = false;
  uint8_t tcp_flags = 0;
  // ICMP errors only: what they say, and which packet they quote.
  uint8_t icmp_type = 0;
  uint8_t icmp_code = 0;
  uint32_t icmp_rest = 0;
  PacketKind quoted_kind = PacketKind::kUdp;
  Endpoint quoted_source{};
  Endpoint quoted_destination{};

  bool operator==(const PacketFacts&) const = default;

  /// Of the IP header.
  [[nodiscard]] uint8_t protocol() const;
  /// The IP packet in bytes; not for ICMP errors.
  [[nodiscard]] size_t size() const;
  /// One line for people.
  [[nodiscard]] std::string ToString() const;
};

[[nodiscard]] uint8_t ProtocolOf(PacketKind kind);

/// The bytes of a packet; checksums are right, also those inside a quote.
[[nodiscard]] std::vector<uint8_t> BuildPacket(const PacketFacts& facts);

/// Reads a packet back; nullopt if it is malformed, has a wrong checksum
/// anywhere (a quoted packet that is whole counts) or is of no known kind.
[[nodiscard]] std::optional<PacketFacts> ReadPacket(ByteView bytes);

/// The ICMP error that a router sends from `from` about `cause`; nullopt if
/// there must be none (RFC 1122 section 3.2.2).
[[nodiscard]] std::optional<PacketFacts> MakeIcmpError(
    const IpAddress& from, uint8_t type, uint8_t code, uint32_t rest,
    const PacketFacts& cause);

}  // namespace natkit::netsim
