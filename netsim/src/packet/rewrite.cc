#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/netsim/packet.h"
#include "packet/wire.h"

namespace natkit::netsim {

namespace {

/// What a change of 16-bit words does to a checksum over them: equation 3 of
/// RFC 1624, HC' = ~(~HC + ~m + m').
class ChecksumDelta {
 public:
  void Replace(uint16_t from, uint16_t to) {
    sum_ += static_cast<uint16_t>(~from) + uint32_t{to};
  }

  void Replace(ByteView from, ByteView to) {
    for (size_t i = 0; i < from.size(); i += 2) {
      Replace(wire::Get16(from, i), wire::Get16(to, i));
    }
  }

  [[nodiscard]] uint16_t ApplyTo(uint16_t checksum) const {
    return static_cast<uint16_t>(
        ~wire::Fold(static_cast<uint16_t>(~checksum) + sum_));
  }

 private:
  uint32_t sum_ = 0;
};

/// One's complement has two zeros. Equation 3 cannot tell them apart where
/// all that is summed is zero, which only ICMP, without a pseudo header, can
/// be: an echo reply with identifier 0 and no data, say.
bool SumsToNothing(ByteView packet, const PacketInfo& info) {
  const size_t end = std::min<size_t>(packet.size(), info.total_size);
  const ByteView icmp =
      packet.subspan(info.transport_offset, end - info.transport_offset);
  return info.protocol == wire::kIcmp && icmp[0] == 0 && icmp[1] == 0 &&
         std::ranges::all_of(icmp.subspan(4), [](uint8_t b) { return b == 0; });
}

/// Nothing happens to a checksum that a quoted packet has lost.
void UpdateTransport(MutableBytes packet, const PacketInfo& info,
                     const ChecksumDelta& delta) {
  const size_t at = info.transport_offset + wire::ChecksumOffset(info.protocol);
  if (at + 2 > packet.size()) {
    return;
  }
  const uint16_t old = wire::Get16(packet, at);
  if (info.protocol == wire::kUdp && old == 0) {
    return;  // the sender made none (RFC 768); over IPv6 that is wrong
  }
  uint16_t fresh = delta.ApplyTo(old);
  if (fresh == 0 &&
      (info.protocol == wire::kUdp || SumsToNothing(packet, info))) {
    fresh = 0xffff;
  }
  wire::Put16(packet, at, fresh);
}

/// Which end of a packet.
struct End {
  size_t v4_offset;
  size_t v6_offset;
  size_t port_offset;
};

constexpr End kSourceEnd = {wire::kIpv4Source, wire::kIpv6Source, 0};
constexpr End kDestinationEnd = {wire::kIpv4Destination, wire::kIpv6Destination,
                                 2};

/// `was` is the endpoint of `info` at this end.
void Rewrite(MutableBytes packet, const PacketInfo& info, const End& end,
             Endpoint& was, const Endpoint& to) {
  NATKIT_CHECK(to.address.family() == was.address.family());
  const bool is_v4 = info.is_v4();
  const ByteView fresh = to.address.bytes();
  const MutableBytes address =
      packet.subspan(is_v4 ? end.v4_offset : end.v6_offset, fresh.size());
  ChecksumDelta delta;
  delta.Replace(address, fresh);
  if (is_v4) {
    wire::Put16(packet, wire::kIpv4Checksum,
                delta.ApplyTo(wire::Get16(packet, wire::kIpv4Checksum)));
  }
  std::memcpy(address.data(), fresh.data(), fresh.size());
  was.address = to.address;
  if (!info.has_transport) {
    return;
  }
  if (info.protocol == wire::kUdp || info.protocol == wire::kTcp) {
    delta.Replace(was.port, to.port);
    wire::Put16(packet, info.transport_offset + end.port_offset, to.port);
    was.port = to.port;
  } else if (info.protocol != wire::kIcmpv6) {
    return;  // ICMP has no pseudo header
  }
  UpdateTransport(packet, info, delta);
}

}  // namespace

void RewriteSource(MutableBytes packet, PacketInfo& info, const Endpoint& to) {
  Rewrite(packet, info, kSourceEnd, info.source, to);
}

void RewriteDestination(MutableBytes packet, PacketInfo& info,
                        const Endpoint& to) {
  Rewrite(packet, info, kDestinationEnd, info.destination, to);
}

void RewriteIcmpId(MutableBytes packet, PacketInfo& info, uint16_t id) {
  if (!info.has_transport ||
      !wire::IsIcmpQuery(info.protocol, info.icmp_type)) {
    return;
  }
  ChecksumDelta delta;
  delta.Replace(info.icmp_id, id);
  wire::Put16(packet, info.transport_offset + wire::kIcmpId, id);
  UpdateTransport(packet, info, delta);
  info.icmp_id = id;
  (wire::IsIcmpRequest(info.protocol, info.icmp_type) ? info.source
                                                      : info.destination)
      .port = id;
}

void DecrementTtl(MutableBytes packet, PacketInfo& info) {
  --info.ttl;
  if (!info.is_v4()) {
    packet[wire::kIpv6HopLimit] = info.ttl;
    return;
  }
  ChecksumDelta delta;
  const uint16_t before = wire::Get16(packet, wire::kIpv4Ttl);
  packet[wire::kIpv4Ttl] = info.ttl;
  delta.Replace(before, wire::Get16(packet, wire::kIpv4Ttl));
  wire::Put16(packet, wire::kIpv4Checksum,
              delta.ApplyTo(wire::Get16(packet, wire::kIpv4Checksum)));
}

}  // namespace natkit::netsim
