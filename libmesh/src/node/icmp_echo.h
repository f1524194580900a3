#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"

namespace natkit::mesh {

/// An ICMP or ICMPv6 echo, request or reply, as IP packet content.
struct IcmpEcho {
  IpAddress source;
  IpAddress destination;
  uint16_t identifier = 0;
  uint16_t sequence = 0;
  bool is_reply = false;
};

/// Builds an echo request with 56 bytes of data, 84 bytes over IPv4 (RFC 792)
/// and 104 over IPv6 (RFC 4443). Both addresses are of one family.
[[nodiscard]] std::vector<uint8_t> BuildEchoRequest(const IcmpEcho& echo);

/// Parses an echo request or reply; nullopt for any other packet. Fragments
/// and packets with IP options or extension headers are other packets.
[[nodiscard]] std::optional<IcmpEcho> ParseEcho(ByteView packet);

}  // namespace natkit::mesh
