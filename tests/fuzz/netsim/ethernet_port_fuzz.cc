// Frames and packets of any kind against one Ethernet port: what it reads as a
// neighbor message is rebuilt to the same, and its limits hold.
#include <chrono>
#include <cstdlib>
#include <vector>

#include "ethernet/ethernet_port.h"
#include "ethernet/neighbor_messages.h"
#include "natkit/base/bytes.h"

namespace natkit::netsim {
namespace {

void Require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

void CheckRoundTrip(ByteView frame) {
  const auto message = ParseNeighborMessage(frame);
  if (!message) {
    return;
  }
  Require(IsNeighborMessage(frame));
  const bool is_question = message->kind == NeighborMessage::Kind::kQuestion;
  const MacAddress mac = message->sender_mac.value_or(MacAddress{});
  const auto rebuilt = ParseNeighborMessage(
      is_question ? BuildQuestion(message->sender, mac, message->target)
                  : BuildAnswer(message->target, mac, message->sender, mac));
  Require(rebuilt.has_value() && rebuilt->kind == message->kind &&
          rebuilt->target == message->target && rebuilt->sender_mac == mac);
}

void CheckLimits(EthernetPort& port) {
  Require(port.neighbor_count() <= EthernetPort::kMaxNeighbors);
  Require(port.waiting_count() <= EthernetPort::kMaxWaiting);
  while (const auto frame = port.PollTransmit()) {
    Require(frame->size() >= kEthernetHeaderSize &&
            FrameSource(*frame) == port.mac());
  }
}

/// Input: records of a first byte that says what happens, a length byte, and
/// that many bytes.
void Run(ByteView input) {
  ByteReader in(input);
  EthernetPort port(MacAddress::Numbered(1),
                    {IpAddress::V4(192, 0, 2, 1), IpAddress::V6({0x20, 1})});
  Instant now{};
  uint8_t what = 0;
  uint8_t size = 0;
  ByteView bytes;
  while (in.ReadU8(what) && in.ReadU8(size) && in.ReadView(size, bytes)) {
    std::vector<uint8_t> frame(bytes.begin(), bytes.end());
    if (what % 4 == 0) {
      now += std::chrono::milliseconds(100 * size);
      port.HandleTimeout(now);
    } else if (what % 4 == 1 && (size == 4 || size == 16)) {
      frame.resize(100);
      static_cast<void>(
          port.AddressFrame(now, IpAddress::FromBytes(bytes).value(), frame));
    } else {
      CheckRoundTrip(frame);
      static_cast<void>(port.HandleFrame(now, frame));
    }
    CheckLimits(port);
  }
}

}  // namespace
}  // namespace natkit::netsim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::netsim::Run({data, size});
  return 0;
}
