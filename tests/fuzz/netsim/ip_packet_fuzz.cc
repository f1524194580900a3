#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/netsim/packet.h"
#include "packet/ipv6_headers.h"

namespace {

using natkit::ByteReader;
using natkit::ByteView;
using natkit::Endpoint;
using natkit::IpAddress;
using natkit::netsim::PacketInfo;
using natkit::netsim::ParsePacket;
using Bytes = std::vector<uint8_t>;

bool IsIntact(ByteView packet) {
  const auto info = ParsePacket(packet);
  return info && natkit::netsim::HasValidTransportChecksum(packet, *info);
}

void RewriteAll(Bytes& packet, PacketInfo& info, uint32_t seed) {
  std::vector<uint8_t> address(info.is_v4() ? 4 : 16);
  for (size_t i = 0; i < address.size(); ++i) {
    address[i] = static_cast<uint8_t>(seed >> (i % 4 * 8));
  }
  const Endpoint to{IpAddress::FromBytes(address).value(),
                    static_cast<uint16_t>(seed)};
  natkit::netsim::RewriteSource(packet, info, to);
  natkit::netsim::RewriteDestination(packet, info, to);
  natkit::netsim::RewriteIcmpId(packet, info, to.port);
  natkit::netsim::DecrementTtl(packet, info);
}

/// What was right stays right, and `info` says what is in the bytes.
void CheckRewrite(Bytes packet, PacketInfo info, uint32_t seed) {
  const bool was_intact = IsIntact(packet);
  RewriteAll(packet, info, seed);
  const auto again = ParsePacket(packet);
  NATKIT_CHECK(again.has_value());
  NATKIT_CHECK(again->source == info.source);
  NATKIT_CHECK(again->destination == info.destination);
  NATKIT_CHECK(again->ttl == info.ttl);
  NATKIT_CHECK(again->icmp_id == info.icmp_id);
  // Sums of nothing but zeros are ambiguous in one's complement; only ICMP has
  // no pseudo header to rule them out.
  NATKIT_CHECK(IsIntact(packet) == was_intact ||
               (!was_intact && info.protocol == 1));
}

/// Where the part that fragments share ends, less a fragment header.
size_t PayloadOffset(ByteView packet, const PacketInfo& info) {
  if (info.is_v4()) {
    return info.transport_offset;
  }
  const auto headers =
      natkit::netsim::WalkIpv6Headers(packet.first(info.total_size));
  return headers.fragment_header != 0 ? headers.fragment_header + 8
                                      : headers.unfragmentable_end;
}

void CheckFragments(ByteView packet, const PacketInfo& info, size_t mtu) {
  const auto fragments = natkit::netsim::FragmentPacket(packet, mtu, 7);
  if (fragments.size() <= 1) {
    return;
  }
  Bytes payload;
  for (const Bytes& fragment : fragments) {
    const auto part = ParsePacket(fragment);
    NATKIT_CHECK(part && part->is_fragment && fragment.size() <= mtu);
    NATKIT_CHECK(part->fragment_offset ==
                 info.fragment_offset + payload.size());
    NATKIT_CHECK(part->has_more_fragments ==
                 (&fragment != &fragments.back() || info.has_more_fragments));
    const ByteView rest =
        ByteView(fragment).subspan(PayloadOffset(fragment, *part));
    payload.insert(payload.end(), rest.begin(), rest.end());
  }
  NATKIT_CHECK(std::ranges::equal(
      payload,
      packet.first(info.total_size).subspan(PayloadOffset(packet, info))));
}

void CheckPacket(const Bytes& packet, uint32_t seed) {
  const auto info = ParsePacket(packet);
  if (!info) {
    return;
  }
  NATKIT_CHECK(info->total_size <= packet.size());
  NATKIT_CHECK(info->transport_offset <= info->total_size);
  CheckRewrite(packet, *info, seed);
  CheckFragments(packet, *info, 48 + seed % 1500);
  const IpAddress router = info->is_v4()
                               ? IpAddress::V4(192, 0, 2, 1)
                               : IpAddress::Parse("2001:db8::1").value();
  const Bytes error =
      natkit::netsim::BuildIcmpError(router, 3, 0, seed, packet);
  NATKIT_CHECK(error.empty() || IsIntact(error));
}

void CheckQuoted(Bytes packet, uint32_t seed) {
  if (auto info = natkit::netsim::ParseQuotedPacket(packet)) {
    RewriteAll(packet, *info, seed);
    const auto again = natkit::netsim::ParseQuotedPacket(packet);
    NATKIT_CHECK(again && again->source == info->source);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ByteReader reader(ByteView(data, size));
  uint32_t seed = 0;
  if (!reader.ReadU32(seed)) {
    return 0;
  }
  const ByteView rest = reader.ReadRest();
  Bytes packet(rest.begin(), rest.end());
  CheckPacket(packet, seed);
  CheckQuoted(packet, seed);
  natkit::netsim::FixChecksums(packet);
  CheckPacket(packet, seed);
  return 0;
}
