#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/netsim/packet.h"

namespace natkit::netsim {

/// An IP header without options or extension headers, and `payload_size` zero
/// bytes after it. The IPv4 checksum is left for FixChecksums. Both addresses
/// have one family and the whole is at most 65,535 bytes.
[[nodiscard]] std::vector<uint8_t> BuildIp(const IpAddress& from,
                                           const IpAddress& to,
                                           uint8_t protocol,
                                           size_t payload_size,
                                           const IpFields& ip);

}  // namespace natkit::netsim
