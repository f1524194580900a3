#pragma once

#include <cstddef>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim {

/// The size of the packet that WriteUdp makes.
[[nodiscard]] size_t UdpPacketSize(AddressFamily family, size_t payload_size);

/// BuildUdp() into a buffer of exactly UdpPacketSize() bytes.
void WriteUdp(MutableBytes out, const Endpoint& from, const Endpoint& to,
              ByteView payload, const IpFields& ip);

}  // namespace natkit::netsim
