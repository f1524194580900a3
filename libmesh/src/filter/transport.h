#pragma once

#include <optional>

#include "filter/packet.h"

namespace natkit::mesh {

/// Whether a packet is there as a whole, or quoted by an ICMP error.
enum class Completeness : uint8_t { kWhole, kEmbedded };

/// What follows the IP headers of a packet that is not a later fragment.
struct TransportInput {
  ByteView payload;
  Completeness completeness = Completeness::kWhole;
  /// The datagram goes on in other fragments.
  bool is_first_fragment = false;
};

/// Reads the transport header of `facts.protocol` into `facts`; a verdict if
/// the packet has to go. A first fragment holds the whole header or is
/// kBadFragment (RFC 1858, RFC 7112).
[[nodiscard]] std::optional<Verdict> ParseTransport(const TransportInput& input,
                                                    PacketFacts& facts);

}  // namespace natkit::mesh
