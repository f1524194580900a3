// Frames of any kind, events and times against two nested engine boxes with
// impaired cables: nothing breaks, nothing grows past its limit, and what
// leaves is a whole frame at a port that has a device.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "fabric/fabric.h"
#include "natkit/base/bytes.h"
#include "natkit/netsim/profile.h"

namespace natkit::netsim {
namespace {

constexpr size_t kDevices = 3;
constexpr IpAddress kOuter = IpAddress::V4(192, 0, 2, 1);
constexpr IpAddress kMiddle = IpAddress::V4(100, 64, 0, 1);
constexpr IpAddress kMiddleOut = IpAddress::V4(100, 64, 0, 2);
constexpr IpAddress kInner = IpAddress::V4(10, 0, 0, 1);

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

class Checker final : public FrameSink {
 public:
  void SendFrame(size_t port, ByteView frame) override {
    Require(port < kDevices && frame.size() > kEthernetHeaderSize);
  }
};

IpPrefix Slash24(const IpAddress& address) {
  return IpPrefix::Make(address, 24).value();
}

FabricBox MakeBox(const char* profile, std::array<size_t, 2> ports,
                  const IpAddress& inside, const IpAddress& outside) {
  FabricBox box;
  box.name = profile;
  box.config = FindProfile(profile)->make();
  box.config.ipv6 = Ipv6Mode::kDrop;
  box.config.external = {outside};
  box.config.inside_address = inside;
  box.config.limits.max_mappings = 64;
  box.ports = ports;
  box.inside_addresses = {inside};
  box.outside_addresses = {outside};
  box.inside_routes = {{Slash24(inside), std::nullopt}};
  box.outside_routes = {{Slash24(outside), std::nullopt},
                        {IpPrefix(), kMiddle}};
  return box;
}

/// Ports 0 to 2 have devices: outside, between the boxes, inside.
FabricConfig MakeConfig() {
  LinkConfig bad;
  bad.delay = std::chrono::milliseconds(3);
  bad.jitter = std::chrono::milliseconds(2);
  bad.duplicate = 0.1;
  bad.reorder = 0.1;
  bad.rate = 10'000'000;
  bad.queue_bytes = 3000;
  FabricConfig config;
  config.network_count = 3;
  config.ports = {{"out", 0, {}, bad}, {"mid", 1, bad, {}}, {"in", 2, {}, {}},
                  {"cgn", 0, {}, {}},  {"cgn", 1, {}, {}},  {"home", 1, {}, {}},
                  {"home", 2, {}, {}}};
  config.boxes = {MakeBox("full-cone", {4, 3}, kMiddle, kOuter),
                  MakeBox("port-restricted", {6, 5}, kInner, kMiddleOut)};
  return config;
}

void Do(Fabric& fabric, Instant now, uint8_t what, ByteView bytes) {
  const size_t port = what % 7;
  const size_t box = what % 2;
  std::vector<uint8_t> frame(bytes.begin(), bytes.end());
  switch (what >> 4) {
    case 0:
      fabric.Reboot(now, box, std::nullopt);
      break;
    case 1:
      fabric.SetUdpBlocked(box, (what & 8) != 0);
      break;
    case 2:
      fabric.SetPlugged(port, (what & 8) != 0);
      break;
    case 3:
      fabric.Blackhole(port, now + std::chrono::milliseconds(bytes.size()));
      break;
    case 4:
      fabric.Configure(port, {}, {});
      break;
    default:
      fabric.HandleFrame(now, what % kDevices, frame);
  }
}

/// Input: records of what happens, milliseconds before it, a length, and that
/// many bytes.
void Run(ByteView input) {
  ByteReader in(input);
  Checker checker;
  Fabric fabric(MakeConfig(), checker);
  Instant now{};
  fabric.Start(now);
  uint8_t what = 0;
  uint8_t wait = 0;
  uint8_t size = 0;
  ByteView bytes;
  while (in.ReadU8(what) && in.ReadU8(wait) && in.ReadU8(size) &&
         in.ReadView(size, bytes)) {
    now += std::chrono::milliseconds(wait);
    if (const auto next = fabric.NextTimeout(); next && *next <= now) {
      fabric.HandleTimeout(now);
    }
    Do(fabric, now, what, bytes);
    for (size_t i = 0; i < 2; ++i) {
      Require(fabric.box(i).engine().mapping_count() <= 64);
    }
  }
  // It comes to rest: no timer stays due for ever.
  for (int i = 0; i < 10'000; ++i) {
    const auto next = fabric.NextTimeout();
    if (!next) {
      return;
    }
    now = std::max(now, *next);
    fabric.HandleTimeout(now);
  }
  Require(!fabric.NextTimeout() || *fabric.NextTimeout() > now);
}

}  // namespace
}  // namespace natkit::netsim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::netsim::Run({data, size});
  return 0;
}
