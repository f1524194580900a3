#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"

/// IP packets for the tests of the packet filter. Checksums are zero: the
/// filter does not look at them.
namespace natkit::testing {

using Packet = std::vector<uint8_t>;

inline IpAddress Ip(std::string_view text) {
  return IpAddress::Parse(text).value();
}

inline void Append(Packet& packet, ByteView bytes) {
  packet.insert(packet.end(), bytes.begin(), bytes.end());
}

inline void AppendU16(Packet& packet, size_t value) {
  packet.push_back(static_cast<uint8_t>(value >> 8));
  packet.push_back(static_cast<uint8_t>(value));
}

inline void AppendU32(Packet& packet, size_t value) {
  AppendU16(packet, value >> 16);
  AppendU16(packet, value & 0xFFFF);
}

/// The fields of an IPv4 header that tests choose.
struct Ipv4Choice {
  uint16_t id = 0;
  /// Flags and offset: 0x2000 is "more fragments".
  uint16_t fragment = 0;
  std::vector<uint8_t> options;  ///< a multiple of four bytes
};

/// An IPv4 or IPv6 packet, by the family of `source`, with `payload`.
inline Packet IpPacket(const IpAddress& source, const IpAddress& destination,
                       uint8_t protocol, const Packet& payload,
                       const Ipv4Choice& choice = {}) {
  Packet packet;
  if (source.is_v4()) {
    const size_t header = 20 + choice.options.size();
    packet.push_back(static_cast<uint8_t>(0x40 | (header / 4)));
    packet.push_back(0);
    AppendU16(packet, header + payload.size());
    AppendU16(packet, choice.id);
    AppendU16(packet, choice.fragment);
    packet.push_back(64);
    packet.push_back(protocol);
    AppendU16(packet, 0);
  } else {
    AppendU32(packet, 0x60000000);
    AppendU16(packet, payload.size());
    packet.push_back(protocol);
    packet.push_back(64);
  }
  Append(packet, source.bytes());
  Append(packet, destination.bytes());
  if (source.is_v4()) {
    Append(packet, choice.options);
  }
  Append(packet, payload);
  return packet;
}

inline Packet UdpPayload(uint16_t from, uint16_t to, size_t size = 4) {
  Packet payload;
  AppendU16(payload, from);
  AppendU16(payload, to);
  AppendU16(payload, 8 + size);
  AppendU16(payload, 0);
  payload.resize(8 + size);
  return payload;
}

inline Packet TcpPayload(uint16_t from, uint16_t to, uint8_t flags,
                         size_t size = 0) {
  Packet payload;
  AppendU16(payload, from);
  AppendU16(payload, to);
  AppendU32(payload, 0);
  AppendU32(payload, 0);
  payload.push_back(0x50);
  payload.push_back(flags);
  payload.resize(20 + size);
  return payload;
}

/// Type, code 0, a checksum, and `rest`: the second word and what follows.
inline Packet IcmpPayload(uint8_t type, const Packet& rest) {
  Packet payload{type, 0, 0, 0};
  Append(payload, rest);
  return payload;
}

inline Packet Udp(const Endpoint& from, const Endpoint& to) {
  return IpPacket(from.address, to.address, 17, UdpPayload(from.port, to.port));
}

inline Packet Tcp(const Endpoint& from, const Endpoint& to, uint8_t flags) {
  return IpPacket(from.address, to.address, 6,
                  TcpPayload(from.port, to.port, flags));
}

enum class Echo : uint8_t { kRequest, kReply };

inline Packet Ping(const IpAddress& from, const IpAddress& to, Echo echo,
                   uint16_t identifier) {
  const bool is_request = echo == Echo::kRequest;
  const int type = from.is_v4() ? (is_request ? 8 : 0) : is_request ? 128 : 129;
  Packet rest;
  AppendU16(rest, identifier);
  rest.resize(12);
  return IpPacket(from, to, from.is_v4() ? 1 : 58,
                  IcmpPayload(static_cast<uint8_t>(type), rest));
}

/// "Destination unreachable" about `quoted`, of which it holds `size` bytes.
inline Packet Unreachable(const IpAddress& from, const IpAddress& to,
                          const Packet& quoted, size_t size = 1000) {
  Packet rest(4);
  Append(rest, ByteView(quoted).first(std::min(size, quoted.size())));
  return IpPacket(from, to, from.is_v4() ? 1 : 58,
                  IcmpPayload(from.is_v4() ? 3 : 1, rest));
}

/// An IPv6 fragment header before `payload`.
inline Packet FragmentHeader(uint8_t next, size_t offset, bool more,
                             uint32_t id, const Packet& payload) {
  Packet out{next, 0};
  AppendU16(out, offset | (more ? 1 : 0));
  AppendU32(out, id);
  Append(out, payload);
  return out;
}

}  // namespace natkit::testing
