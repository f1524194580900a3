#pragma once

#include <cstdint>
#include <vector>

#include "ipv6/nat64_translate.h"
#include "natkit/base/bytes.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::ipv6 {

// The same for whole packets and for quoted ones, which may be cut: headers of
// the other family, and the transport header with its checksum updated. Empty
// for ICMP messages other than echo.
[[nodiscard]] std::vector<uint8_t> ConvertToV4(ByteView packet,
                                               const PacketInfo& info,
                                               const Ends& ends, uint16_t id);
[[nodiscard]] std::vector<uint8_t> ConvertToV6(ByteView packet,
                                               const PacketInfo& info,
                                               const Ends& ends);

}  // namespace natkit::netsim::ipv6
