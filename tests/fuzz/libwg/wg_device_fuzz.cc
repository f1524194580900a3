// Two devices with a session; the input is a script of what happens to them.
// Whatever it is: what comes out of the tunnel is a packet that the peer may
// send, deadlines move forward, and in the end the two can still talk.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "device/device_testing.h"
#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "routing/ip_packet.h"
#include "wg_net.h"

using namespace natkit;
using namespace natkit::wg;
using natkit::testing::MakeIpv4;

namespace {

const Endpoint kEndpoints[] = {{IpAddress::V4(192, 0, 2, 1), 1},
                               {IpAddress::V4(192, 0, 2, 2), 2}};
const IpAddress kInner[] = {IpAddress::V4(10, 0, 0, 1),
                            IpAddress::V4(10, 0, 0, 2)};

struct End {
  explicit End(uint64_t seed) : rng(seed), device({}, rng) {
    device.SetPrivateKey({}, GeneratePrivateKey(rng));
  }

  SeededRng rng;
  Device device;
};

class World {
 public:
  World() {
    for (size_t i = 0; i < 2; ++i) {
      PeerUpdate update;
      update.public_key = ends_[1 - i].device.public_key();
      update.endpoint = kEndpoints[1 - i];
      update.allowed_ips = {IpPrefix::Make(kInner[1 - i], 32).value()};
      NATKIT_CHECK(ends_[i].device.SetPeer(now_, update).has_value());
    }
    Exchange();
  }

  void RunScript(ByteReader script) {
    uint8_t op = 0;
    for (int step = 0; step < 64 && script.ReadU8(op); ++step) {
      RunStep(op, script);
    }
  }

  // However badly the script treated them, a minute of peace heals it.
  void CheckStillAlive() {
    flips_.clear();
    for (int i = 0; i < 4; ++i) {
      now_ += std::chrono::seconds(61);
      FireTimeouts();
    }
    received_[1] = 0;
    Exchange();
    NATKIT_CHECK(received_[1] > 0);
  }

 private:
  void RunStep(uint8_t op, ByteReader& script) {
    const size_t who = op & 1;
    switch ((op >> 1) % 6) {
      case 0: {
        PacketBatch in;
        in.AppendCopy(TakeBytes(script), {.remote = kEndpoints[1 - who]});
        return Deliver(who, in);
      }
      case 1:
        return Send(who, 20 + TakeU8(script));
      case 2:
        now_ += std::chrono::seconds(TakeU8(script));
        return FireTimeouts();
      case 3:  // changes one byte of the next datagrams
        flips_.emplace_back(TakeU8(script), TakeU8(script));
        return;
      case 4: {
        PacketBatch out;
        (void)ends_[who].device.InitiateHandshake(now_, 1,
                                                  HandshakePace::kForced, out);
        return Transmit(who, out);
      }
      default:
        return SendInner(who, TakeBytes(script));
    }
  }

  static uint8_t TakeU8(ByteReader& script) {
    uint8_t value = 0;
    (void)script.ReadU8(value);
    return value;
  }

  static ByteView TakeBytes(ByteReader& script) {
    const size_t wanted = TakeU8(script);
    ByteView bytes;
    (void)script.ReadView(std::min(wanted, script.remaining()), bytes);
    return bytes;
  }

  void Exchange() {
    Send(0, 50);
    Send(1, 50);
    Send(0, 50);
  }

  void Send(size_t who, size_t size) {
    PacketBatch plaintext;
    plaintext.AppendCopy(MakeIpv4(kInner[who], kInner[1 - who], size), {});
    PacketBatch out;
    ends_[who].device.SendPackets(now_, plaintext, out);
    Transmit(who, out);
  }

  // Seals anything at all, as a hostile but configured peer could.
  void SendInner(size_t who, ByteView content) {
    Keypair* keypair =
        DeviceTesting::PeerOf(ends_[who].device, 1).keypairs.Sealing(now_);
    if (keypair == nullptr) {
      return;
    }
    std::vector<uint8_t> wire(Keypair::SealedSize(content.size()));
    keypair->Seal(content, wire);
    PacketBatch out;
    out.AppendCopy(wire, {.remote = kEndpoints[1 - who], .tag = 1});
    Transmit(who, out);
  }

  // Carries datagrams of `who` over, and what they cause, until it is quiet.
  void Transmit(size_t who, const PacketBatch& out) {
    PacketBatch in;
    for (size_t i = 0; i < out.size(); ++i) {
      std::vector<uint8_t> bytes(out.bytes(i).begin(), out.bytes(i).end());
      if (!flips_.empty()) {
        const auto [at, change] = flips_.back();
        flips_.pop_back();
        bytes[at % bytes.size()] ^= change;
      }
      in.AppendCopy(bytes, {.remote = kEndpoints[who]});
    }
    if (!in.is_empty()) {
      Deliver(1 - who, in);
    }
  }

  void Deliver(size_t who, const PacketBatch& in) {
    PacketBatch plaintext;
    PacketBatch replies;
    ends_[who].device.HandleDatagrams(now_, in, plaintext, replies);
    for (size_t i = 0; i < plaintext.size(); ++i) {
      const auto header = ParseIpHeader(plaintext.bytes(i));
      NATKIT_CHECK(header.has_value());
      NATKIT_CHECK(header->total_size == plaintext.bytes(i).size());
      NATKIT_CHECK(header->source == kInner[1 - who]);
      NATKIT_CHECK(plaintext.meta(i).tag == 1);
      ++received_[who];
    }
    while (ends_[who].device.PollEvent()) {
    }
    NATKIT_CHECK(DeviceTesting::IndexCount(ends_[who].device) <= 4);
    Transmit(who, replies);
  }

  void FireTimeouts() {
    for (size_t who = 0; who < 2; ++who) {
      PacketBatch out;
      ends_[who].device.HandleTimeout(now_, out);
      const auto next = ends_[who].device.NextTimeout();
      NATKIT_CHECK(!next || *next > now_);
      Transmit(who, out);
    }
  }

  Instant now_ = Instant{} + std::chrono::hours(1);
  End ends_[2] = {End(1), End(2)};
  std::vector<std::pair<uint8_t, uint8_t>> flips_;
  size_t received_[2] = {0, 0};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  World world;
  world.RunScript(ByteReader({bytes, size}));
  world.CheckStillAlive();
  return 0;
}
