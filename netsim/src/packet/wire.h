#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/packet.h"

// Numbers and field access that the packet functions share. Callers have
// checked sizes: one comparison per header, not one per field.
namespace natkit::netsim::wire {

inline constexpr size_t kIpv4HeaderSize = 20;  ///< without options
inline constexpr size_t kIpv6HeaderSize = 40;
inline constexpr size_t kUdpHeaderSize = 8;
inline constexpr size_t kTcpHeaderSize = 20;  ///< without options
inline constexpr size_t kIcmpHeaderSize = 8;
inline constexpr size_t kFragmentHeaderSize = 8;

// IPv4 header fields.
inline constexpr size_t kIpv4TotalLength = 2;
inline constexpr size_t kIpv4Id = 4;
inline constexpr size_t kIpv4Fragment = 6;
inline constexpr size_t kIpv4Ttl = 8;
inline constexpr size_t kIpv4Protocol = 9;
inline constexpr size_t kIpv4Checksum = 10;
inline constexpr size_t kIpv4Source = 12;
inline constexpr size_t kIpv4Destination = 16;
inline constexpr uint16_t kDontFragment = 0x4000;
inline constexpr uint16_t kMoreFragments = 0x2000;
inline constexpr uint16_t kOffsetMask = 0x1fff;  ///< in units of 8 bytes

// IPv6 header fields.
inline constexpr size_t kIpv6PayloadLength = 4;
inline constexpr size_t kIpv6NextHeader = 6;
inline constexpr size_t kIpv6HopLimit = 7;
inline constexpr size_t kIpv6Source = 8;
inline constexpr size_t kIpv6Destination = 24;

// Transport header fields.
inline constexpr size_t kUdpLength = 4;
inline constexpr size_t kUdpChecksum = 6;
inline constexpr size_t kTcpDataOffset = 12;
inline constexpr size_t kTcpFlags = 13;
inline constexpr size_t kTcpChecksum = 16;
inline constexpr size_t kIcmpChecksum = 2;
inline constexpr size_t kIcmpId = 4;

inline constexpr uint8_t kUdp = static_cast<uint8_t>(IpProtocol::kUdp);
inline constexpr uint8_t kTcp = static_cast<uint8_t>(IpProtocol::kTcp);
inline constexpr uint8_t kIcmp = static_cast<uint8_t>(IpProtocol::kIcmp);
inline constexpr uint8_t kIcmpv6 = static_cast<uint8_t>(IpProtocol::kIcmpv6);

[[nodiscard]] inline uint16_t Get16(ByteView bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

[[nodiscard]] inline uint32_t Get32(ByteView bytes, size_t at) {
  return static_cast<uint32_t>(Get16(bytes, at)) << 16 | Get16(bytes, at + 2);
}

inline void Put16(MutableBytes bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

inline void Put32(MutableBytes bytes, size_t at, uint32_t value) {
  Put16(bytes, at, static_cast<uint16_t>(value >> 16));
  Put16(bytes, at + 2, static_cast<uint16_t>(value));
}

/// Copies all of `from` to `at`.
inline void PutBytes(MutableBytes bytes, size_t at, ByteView from) {
  if (!from.empty()) {
    std::memcpy(bytes.subspan(at, from.size()).data(), from.data(),
                from.size());
  }
}

[[nodiscard]] inline IpAddress GetV4(ByteView bytes, size_t at) {
  return IpAddress::V4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

[[nodiscard]] inline IpAddress GetV6(ByteView bytes, size_t at) {
  std::array<uint8_t, 16> address;
  std::memcpy(address.data(), bytes.subspan(at, 16).data(), 16);
  return IpAddress::V6(address);
}

[[nodiscard]] inline bool IsV4(ByteView packet) {
  return packet[0] >> 4 == 4;
}

[[nodiscard]] inline size_t Ipv4HeaderLength(ByteView packet) {
  return static_cast<size_t>(packet[0] & 0x0f) * 4;
}

/// Folds a sum of 16-bit words to one's complement 16 bits.
[[nodiscard]] inline uint16_t Fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

/// Whether the checksum of an IPv4 header holds: its words, in whatever byte
/// order, then sum to all ones (RFC 1071 section 2). `size` is 20 to 60.
[[nodiscard]] inline bool HasValidIpv4Checksum(ByteView packet, size_t size) {
  uint64_t sum = 0;
  for (size_t at = 0; at < size; at += 4) {
    uint32_t word = 0;
    std::memcpy(&word, &packet[at], 4);
    sum += word;
  }
  sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
  return Fold(static_cast<uint32_t>(sum)) == 0xffff;
}

/// The pseudo header of UDP, TCP and ICMPv6 (RFC 9293 section 3.1, RFC 8200
/// section 8.1), summed but not complemented.
[[nodiscard]] uint32_t PseudoHeaderSum(const IpAddress& source,
                                       const IpAddress& destination,
                                       uint8_t protocol, size_t length);

/// Where the checksum of a transport header stands in it; 0 if we know none.
[[nodiscard]] inline size_t ChecksumOffset(uint8_t protocol) {
  switch (protocol) {
    case kUdp:
      return kUdpChecksum;
    case kTcp:
      return kTcpChecksum;
    case kIcmp:
    case kIcmpv6:
      return kIcmpChecksum;
    default:
      return 0;
  }
}

/// Query messages with an identifier: echo, timestamp, information and mask
/// of ICMP (RFC 792, RFC 950), echo of ICMPv6.
[[nodiscard]] inline bool IsIcmpQuery(uint8_t protocol, uint8_t type) {
  if (protocol == kIcmpv6) {
    return type == 128 || type == 129;
  }
  return protocol == kIcmp &&
         (type == 0 || type == 8 || (type >= 13 && type <= 18));
}

/// Whether the query comes from the one who asks.
[[nodiscard]] inline bool IsIcmpRequest(uint8_t protocol, uint8_t type) {
  if (protocol == kIcmpv6) {
    return type == 128;
  }
  return type == 8 || type == 13 || type == 15 || type == 17;
}

}  // namespace natkit::netsim::wire
