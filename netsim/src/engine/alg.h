#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/packet.h"

// Application level gateways (RFC 2663 section 2.9): what meddling boxes do to
// the payload of UDP datagrams, which are whole and over IPv4.
namespace natkit::netsim::engine {

/// Wherever the payload has the four bytes of `from.address`, at any offset,
/// it then has those of `to.address`; and where the port of `from` stands right
/// before them, as in MAPPED-ADDRESS, or right after them, that of `to`. This
/// is what XOR-MAPPED-ADDRESS hides from (RFC 8489 section 14.2). The length
/// stays; a wrong checksum stays wrong, none stays none.
void RewriteBinaryEndpoints(MutableBytes packet, const PacketInfo& info,
                            const Endpoint& from, const Endpoint& to);

/// The packet with `from.address` exchanged for `to.address` wherever it stands
/// as text, and `from.port` where it follows with a colon, as in the headers of
/// SIP (RFC 3261) and the descriptions in it (RFC 4566). Content-Length follows
/// if it was right; lengths and checksums do. nullopt if nothing stands there
/// or the packet would be too long.
[[nodiscard]] std::optional<std::vector<uint8_t>> RewriteTextEndpoints(
    ByteView packet, const PacketInfo& info, const Endpoint& from,
    const Endpoint& to);

}  // namespace natkit::netsim::engine
