#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/packet.h"

// Stateless translation of single packets between IPv6 and IPv4 (RFC 7915).
// What their endpoints become is the caller's: RFC 6146's bindings.
namespace natkit::netsim::ipv6 {

/// Longer IPv4 packets made from IPv6 must not be cut on their way; shorter
/// ones may (RFC 7915 section 5.1). An IPv6 packet of 1280 bytes, which every
/// link takes, becomes this long.
inline constexpr size_t kMaxCuttableV4 = 1260;

/// The IPv6 address that stands for an IPv4 address (RFC 6052 section 2.2);
/// `prefix` is a /96.
[[nodiscard]] IpAddress Embed(const IpPrefix& prefix, const IpAddress& v4);

/// nullopt if the address is not of the prefix.
[[nodiscard]] std::optional<IpAddress> Extract(const IpPrefix& prefix,
                                               const IpAddress& v6);

/// The endpoints of a translated packet. As in PacketInfo the identifier of an
/// echo is the port of the one who asks.
struct Ends {
  Endpoint source;
  Endpoint destination;
};

/// The protocol that carries the same on the other side: ICMP and ICMPv6
/// change places.
[[nodiscard]] uint8_t OtherProtocol(uint8_t protocol);

/// What extension headers say about translation (RFC 7915 section 5.1).
struct ExtensionVerdict {
  bool can_translate = false;
  /// A routing header with stops left: the offset of their count, of which an
  /// ICMPv6 parameter problem tells.
  std::optional<uint32_t> unreached_stop;
};

[[nodiscard]] ExtensionVerdict CheckExtensions(ByteView packet);

/// Whether a source route option names hops that are still to come; such a
/// packet is refused (RFC 7915 section 4.1).
[[nodiscard]] bool HasSourceRoute(ByteView packet);

/// How long the packet is on the other side.
[[nodiscard]] size_t TranslatedSize(const PacketInfo& info);

/// Whether the IPv4 packet that an IPv6 packet becomes has DF (RFC 7915
/// section 5.1: above 1260 bytes, and without a fragment header).
[[nodiscard]] bool GetsDontFragment(ByteView packet, const PacketInfo& info);

// One whole UDP, TCP or echo packet, or a fragment of UDP or TCP. The TTL
// stays; transport checksums are updated, so that wrong ones stay wrong, but
// one that UDP over IPv4 has left out is computed (RFC 7915 section 4.5).
// `packet` is exactly what `info` was read from. Empty: it cannot be
// translated.

/// `id` becomes the identification, unless the packet gets DF.
[[nodiscard]] std::vector<uint8_t> TranslateToV4(ByteView packet,
                                                 const PacketInfo& info,
                                                 const Ends& ends, uint16_t id);
/// IPv4 fragments get a fragment header with the same identification.
[[nodiscard]] std::vector<uint8_t> TranslateToV6(ByteView packet,
                                                 const PacketInfo& info,
                                                 const Ends& ends);

/// Where a translated ICMP error goes, and what its quoted packet becomes.
struct ErrorEnds {
  IpAddress source;
  IpAddress destination;
  Ends quoted;
};

/// The translator's own links: no error tells of a larger MTU than they have.
struct LinkMtus {
  uint16_t v4 = 1500;
  uint16_t v6 = 1500;
};

// An ICMP error with the packet that it quotes (RFC 7915 sections 4.2, 4.3,
// 5.2 and 5.3), cut to what errors may be long. RFC 4884's extensions are left
// out. Empty: it has no counterpart, or what it quotes is not understood.
[[nodiscard]] std::vector<uint8_t> TranslateErrorToV4(ByteView packet,
                                                      const PacketInfo& info,
                                                      const ErrorEnds& ends,
                                                      const LinkMtus& mtus);
[[nodiscard]] std::vector<uint8_t> TranslateErrorToV6(ByteView packet,
                                                      const PacketInfo& info,
                                                      const ErrorEnds& ends,
                                                      const LinkMtus& mtus);

}  // namespace natkit::netsim::ipv6
