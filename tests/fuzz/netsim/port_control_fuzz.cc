#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/packet.h"
#include "portmap/pcp_message.h"

namespace {

using natkit::ByteReader;
using natkit::ByteView;
using natkit::ByteWriter;
using natkit::Instant;
using natkit::IpAddress;
using natkit::netsim::NatEngine;
using natkit::netsim::Side;
using Bytes = std::vector<uint8_t>;

constexpr size_t kQuota = 4;
constexpr size_t kHosts = 4;
constexpr IpAddress kInside = IpAddress::V4(192, 168, 1, 1);

natkit::netsim::NatConfig MakeConfig() {
  natkit::netsim::NatConfig config;
  config.external = {IpAddress::V4(203, 0, 113, 1)};
  config.inside_address = kInside;
  config.services = {.nat_pmp = true, .pcp = true, .max_per_host = kQuota};
  return config;
}

/// What a body reads as, it is written as.
void CheckRoundTrip(ByteView datagram) {
  ByteReader in(datagram);
  if (!natkit::netsim::portmap::ReadPcpHeader(in)) {
    return;
  }
  const auto peer = natkit::netsim::portmap::ReadPcpPeer(in);
  if (!peer) {
    return;
  }
  std::array<uint8_t, 56> bytes{};
  ByteWriter out(bytes);
  natkit::netsim::portmap::WritePcpPeer(out, *peer);
  NATKIT_CHECK(!out.overflowed() && out.size() == bytes.size());
  ByteReader again(bytes);
  NATKIT_CHECK(natkit::netsim::portmap::ReadPcpPeer(again) == peer);
}

void CheckAnswer(ByteView packet, ByteView request) {
  const auto info = natkit::netsim::ParsePacket(packet);
  NATKIT_CHECK(info.has_value());
  NATKIT_CHECK(natkit::netsim::HasValidTransportChecksum(packet, *info));
  const auto payload = natkit::netsim::UdpPayload(packet, *info);
  if (!payload || info->source.port != 5351 ||
      info->destination.address.is_multicast()) {
    return;
  }
  NATKIT_CHECK(payload->size() >= 8 && payload->size() <= 1100);
  NATKIT_CHECK(request.size() >= 2);
  NATKIT_CHECK((*payload)[1] == (request[1] | 0x80));
  NATKIT_CHECK((*payload)[0] == 0 || payload->size() % 4 == 0);
}

void Send(NatEngine& engine, Instant now, uint8_t host, ByteView datagram) {
  const uint8_t last = static_cast<uint8_t>(2 + host % kHosts);
  Bytes packet = natkit::netsim::BuildUdp(
      {IpAddress::V4(192, 168, 1, last), 4000}, {kInside, 5351}, datagram);
  NATKIT_CHECK(!engine.Process(now, Side::kInside, packet));
  while (const auto answer = engine.PollTransmit()) {
    CheckAnswer(answer->bytes, datagram);
  }
}

}  // namespace

/// Records of: host, seconds to wait, length, datagram. Wait 255 is a reboot.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  NatEngine engine(MakeConfig(), 1);
  Instant now{};
  ByteReader in(ByteView(data, size));
  uint8_t host = 0;
  uint8_t wait = 0;
  uint8_t length = 0;
  while (in.ReadU8(host) && in.ReadU8(wait) && in.ReadU8(length)) {
    ByteView datagram;
    if (!in.ReadView(std::min<size_t>(length, in.remaining()), datagram)) {
      break;
    }
    now += std::chrono::seconds(wait);
    if (wait == 255) {
      engine.Reboot(now, std::nullopt);
      NATKIT_CHECK(engine.mapping_count() == 0);
    }
    engine.HandleTimeout(now);
    CheckRoundTrip(datagram);
    Send(engine, now, host, datagram);
    // PEER makes ordinary mappings, which the quota is not about.
    NATKIT_CHECK(engine.counters().mappings_evicted == 0);
  }
  return 0;
}
