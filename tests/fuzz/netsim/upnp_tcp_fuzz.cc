#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/netsim/packet.h"
#include "packet/wire.h"
#include "portmap/tcp_responder.h"

namespace {

using natkit::ByteReader;
using natkit::ByteView;
using natkit::Endpoint;
using natkit::Instant;
using natkit::IpAddress;
using natkit::netsim::portmap::TcpLimits;
using natkit::netsim::portmap::TcpResponder;
using Bytes = std::vector<uint8_t>;

constexpr TcpLimits kLimits = {.connections = 3, .input = 64, .max_mss = 100};
constexpr size_t kClients = 5;
const Endpoint kServer{IpAddress::V4(192, 168, 1, 1), 5000};

/// Clients that know enough of their connections to be near the truth.
class Driver {
 public:
  Driver()
      : tcp_(kLimits, [](Instant, const TcpResponder::Request& request) {
          NATKIT_CHECK(request.bytes.size() <= kLimits.input);
          const bool is_done =
              !request.bytes.empty() && request.bytes.back() == '\n';
          return is_done ? std::optional(Bytes(1000, 'x')) : std::nullopt;
        }) {}

  bool Step(ByteReader& in) {
    uint8_t who = 0;
    uint8_t flags = 0;
    uint8_t sequence = 0;
    uint8_t acknowledgement = 0;
    uint16_t window = 0;
    uint8_t length = 0;
    if (!in.ReadU8(who) || !in.ReadU8(flags) || !in.ReadU8(sequence) ||
        !in.ReadU8(acknowledgement) || !in.ReadU16(window) ||
        !in.ReadU8(length)) {
      return false;
    }
    ByteView payload;
    if (!in.ReadView(std::min<size_t>(length, in.remaining()), payload)) {
      return false;
    }
    if (who >= 0xc0) {
      PassTime();
    }
    const size_t index = who % kClients;
    Peer& peer = peers_[index];
    Bytes packet = natkit::netsim::BuildTcp(
        ClientAt(index), kServer,
        {.sequence = peer.next + static_cast<uint32_t>(sequence) - 128,
         .acknowledgement =
             peer.expected + static_cast<uint32_t>(acknowledgement) - 128,
         .flags = flags,
         .window = window,
         .mss = (flags & natkit::netsim::kTcpSyn) != 0 ? window : uint16_t{0}},
        payload);
    const auto info = natkit::netsim::ParsePacket(packet);
    tcp_.HandleSegment(now_, packet, *info);
    Drain();
    return true;
  }

 private:
  struct Peer {
    uint32_t next = 0xfffffff0;
    uint32_t expected = 0;
  };

  static Endpoint ClientAt(size_t index) {
    return {IpAddress::V4(192, 168, 1, 7), static_cast<uint16_t>(index + 1)};
  }

  void PassTime() {
    if (const auto next = tcp_.NextTimeout()) {
      now_ = std::max(now_, *next);
      tcp_.HandleTimeout(now_);
      Drain();
      const auto later = tcp_.NextTimeout();
      NATKIT_CHECK(!later || *later > now_);
    }
  }

  void Drain() {
    size_t count = 0;
    while (const auto packet = tcp_.PollTransmit()) {
      const auto info = natkit::netsim::ParsePacket(*packet);
      NATKIT_CHECK(info.has_value());
      NATKIT_CHECK(natkit::netsim::HasValidTransportChecksum(*packet, *info));
      NATKIT_CHECK(packet->size() <= 40 + 4 + size_t{kLimits.max_mss});
      const ByteView segment = ByteView(*packet).subspan(20);
      Peer& peer = peers_.at(info->destination.port - 1);
      peer.expected = natkit::netsim::wire::Get32(segment, 4);
      if ((info->tcp_flags & natkit::netsim::kTcpAck) != 0) {
        peer.next = natkit::netsim::wire::Get32(segment, 8);
      }
      NATKIT_CHECK(++count <= 64);
    }
    NATKIT_CHECK(tcp_.connection_count() <= kLimits.connections);
  }

  TcpResponder tcp_;
  Instant now_{};
  std::array<Peer, kClients> peers_{};
};

}  // namespace

/// Records of: client (0xc0 and up: the next timeout first), flags, sequence
/// and acknowledgement relative to the expected ones + 128, window, length,
/// payload.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Driver driver;
  ByteReader in(ByteView(data, size));
  while (driver.Step(in)) {
  }
  return 0;
}
