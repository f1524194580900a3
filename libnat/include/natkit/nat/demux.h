#pragma once

#include <cstdint>

#include "natkit/base/bytes.h"

namespace natkit::nat {

/// Which protocol a datagram on the shared UDP socket belongs to.
enum class DatagramKind : uint8_t { kStun, kWireGuard, kDisco, kUnknown };

/// Tells the protocols of one UDP socket apart by form alone; no datagram
/// satisfies two of the tests.
///
/// STUN: top two bits zero, the cookie at byte 4, a length field that is a
/// multiple of 4 and says the datagram's size (RFC 8489 section 5). WireGuard:
/// type 1 to 4 in a little-endian word and that type's size, 148, 92, 64 or at
/// least 32 bytes (WireGuard paper, section 5.4). Disco: its 6-byte magic and
/// at least the 62 bytes before the sealed box. A kind says nothing about
/// authenticity.
[[nodiscard]] DatagramKind Classify(ByteView datagram);

}  // namespace natkit::nat
