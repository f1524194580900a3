// Drives a hard punch with a script: offers, answers and refusals with any
// content, datagrams and time in any order. Whatever a peer says, the budget
// holds, packets go only to sane addresses, and it comes to rest and to an end.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/rng.h"
#include "natkit/nat/hard_punch.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "punch/punch_auth.h"

namespace natkit::nat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint32_t kRate = 50;
constexpr uint32_t kMaxPackets = 300;
constexpr uint32_t kMaxSockets = 20;
constexpr size_t kMaxSteps = 200;
const Endpoint kMain{IpAddress::V4(10, 0, 0, 2), 40000};
const ice::Credentials kOurs{"aaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaa"};
const ice::Credentials kPeers{"bbbbbbbb", "bbbbbbbbbbbbbbbbbbbbbbbb"};

HardPunchConfig Config() {
  HardPunchConfig config;
  config.is_allowed = true;
  config.main = kMain;
  for (uint8_t i = 1; i <= 4; ++i) {
    config.stun_servers.push_back({IpAddress::V4(198, 51, 100, i), 3478});
  }
  config.budget = {.packets_per_second = kRate,
                   .max_packets = kMaxPackets,
                   .max_probes = 200,
                   .max_sockets = kMaxSockets,
                   .new_mappings_per_second = 200,
                   .quota_share = 1};
  config.aim.min_chance = 0;
  config.local = kOurs;
  config.remote = kPeers;
  return config;
}

class Script {
 public:
  explicit Script(ByteView bytes)
      : in_(bytes),
        peer_(*PunchAuth::Make(kPeers, kOurs, ice::Role::kControlled, rng_)),
        punch_(Config(), rng_) {}

  void Run() {
    for (size_t step = 0; step < kMaxSteps && !in_.is_empty(); ++step) {
      Step(Byte());
      Settle();
    }
    Finish();
  }

 private:
  uint8_t Byte() {
    uint8_t value = 0;
    (void)in_.ReadU8(value);
    return value;
  }

  uint16_t Word() {
    const unsigned high = Byte();
    return static_cast<uint16_t>(high << 8U | Byte());
  }

  uint32_t Long() {
    const uint32_t high = Word();
    return high << 16U | Word();
  }

  IpAddress Address() {
    const uint8_t choice = Byte();
    return choice == 255   ? IpAddress::V4(224, 0, 0, 1)
           : choice == 254 ? IpAddress{}
                           : IpAddress::V4(203, 0, 113, choice);
  }

  Endpoint AnyEndpoint() {
    const IpAddress address = Address();
    return {address, Word()};
  }

  PunchSide Side() {
    PunchSide side;
    side.mapping = static_cast<Dependence>(Byte() % 3);
    side.filtering = static_cast<Dependence>(Byte() % 3);
    side.mapped = AnyEndpoint();
    side.forecast.is_constant = Byte() % 2 == 0;
    side.forecast.pattern = static_cast<AllocationPattern>(Byte() % 4);
    side.forecast.step = static_cast<int8_t>(Byte());
    side.forecast.last = AnyEndpoint();
    side.forecast.foreign_rate = Long();
    side.forecast.confidence = Byte() / 255.0;
    for (int areas = Byte() % 20; areas > 0; --areas) {
      PortArea area{.address = Address(), .ports = {}};
      area.ports.first = Word();
      area.ports.last = Word();
      side.forecast.areas.push_back(area);
    }
    side.sample_age = milliseconds(1) * Word();
    side.mapping_quota = Long();
    side.budget = {.packets_per_second = Long(),
                   .max_packets = Long(),
                   .max_probes = Long(),
                   .max_sockets = Long(),
                   .new_mappings_per_second = Long(),
                   .quota_share = Byte() / 100.0};
    return side;
  }

  PunchShare Share() {
    return {.sockets = Word(),
            .flows = Word(),
            .opens = Byte() % 2 == 0,
            .checks_after = milliseconds(1) * Word(),
            .checks_for = milliseconds(1) * Word(),
            .packets_per_second = Word()};
  }

  uint64_t Attempt() { return Byte() % 4 == 0 ? Byte() : attempt_; }

  void Step(uint8_t op) {
    switch (op % 9) {
      case 0:
        return punch_.Start(now_);
      case 1:
        return Offer();
      case 2:
        return Answer();
      case 3:
        return punch_.HandleMessage(
            now_,
            PunchRefusal{.attempt = Attempt(),
                         .reason = static_cast<PunchFailure>(Byte() % 9)});
      case 4:
        now_ += milliseconds(10) * Byte();
        return punch_.HandleTimeout(now_);
      case 5:
        return Raw();
      case 6:
        return Check();
      case 7:
        return AnswerPacket();
      default:
        return Sockets();
    }
  }

  void Offer() {
    PunchOffer offer{.attempt = Attempt(), .side = Side()};
    punch_.HandleMessage(now_, offer);
  }

  void Answer() {
    PunchAnswer answer{.attempt = Attempt(), .side = Side(), .plan = {}};
    answer.plan.method = static_cast<PunchMethod>(Byte() % 3);
    answer.plan.initiator = Share();
    answer.plan.responder = Share();
    answer.plan.lasts = milliseconds(10) * Word();
    punch_.HandleMessage(now_, answer);
  }

  void Raw() {
    ByteView bytes;
    if (in_.ReadView(std::min<size_t>(Byte(), in_.remaining()), bytes)) {
      const Endpoint from = AnyEndpoint();
      (void)punch_.HandleDatagram(now_, kMain, from, bytes);
    }
  }

  void Check() {
    const Endpoint local =
        Byte() % 2 == 0 || bases_.empty() ? kMain : bases_.back();
    const uint32_t flow = Word();
    (void)punch_.HandleDatagram(now_, local, AnyEndpoint(), peer_.Check(flow));
  }

  /// Answers a packet that was sent: as a STUN server, or as the peer.
  void AnswerPacket() {
    const Endpoint mapped = AnyEndpoint();
    if (sent_.empty()) {
      return;
    }
    const PunchTransmit packet = sent_.front();
    sent_.pop_front();
    const PunchArrival arrival = peer_.Read(mapped, packet.payload);
    if (arrival.kind == PunchArrival::Kind::kRequest) {
      (void)punch_.HandleDatagram(now_, packet.from, packet.to, arrival.answer);
      return;
    }
    const auto request = stun::Message::Parse(packet.payload);
    NATKIT_CHECK(request.has_value());
    std::array<uint8_t, 64> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingSuccess, request->id());
    builder.Add<stun::attr::XorMappedAddress>(mapped);
    if (const auto built = builder.Finish()) {
      (void)punch_.HandleDatagram(now_, packet.from, packet.to, *built);
    }
  }

  void Sockets() {
    for (int count = Byte() % 32; count > 0; --count) {
      bases_.push_back({kMain.address, static_cast<uint16_t>(41000 + opened_)});
      ++opened_;
      if (awaited_sockets_ > 0) {
        --awaited_sockets_;
        ++granted_sockets_;
      }
      punch_.HandleSocketOpened(now_, bases_.back());
      Settle();  // it may ask for more
    }
    if (Byte() % 4 == 0) {
      awaited_sockets_ = 0;
      punch_.HandleSocketsDone(now_);
    }
  }

  void OnEvent(const HardPunchEvent& event) {
    if (const auto* open = std::get_if<OpenSocketsEvent>(&event)) {
      // What it was not given before, it may ask for again.
      NATKIT_CHECK(granted_sockets_ + open->count <= kMaxSockets);
      awaited_sockets_ = open->count;
    } else if (const auto* out = std::get_if<PunchMessageEvent>(&event)) {
      if (const auto* offer = std::get_if<PunchOffer>(&out->message)) {
        attempt_ = offer->attempt;
        NATKIT_CHECK(IsUsable(offer->side) ||
                     offer->side.mapped.address.is_multicast() ||
                     offer->side.mapped.address.is_unspecified() ||
                     offer->side.mapped.port == 0 ||
                     !offer->side.forecast.areas.empty());
      }
    } else if (std::holds_alternative<PunchHitEvent>(event) ||
               std::holds_alternative<PunchFailedEvent>(event)) {
      NATKIT_CHECK(!is_over_);
      is_over_ = true;
    }
  }

  void OnTransmit(PunchTransmit transmit) {
    NATKIT_CHECK(!transmit.to.address.is_multicast());
    sent_at_.push_back(now_);
    NATKIT_CHECK(sent_at_.size() <= kMaxPackets);
    if (sent_at_.size() > kRate) {
      NATKIT_CHECK(now_ - sent_at_[sent_at_.size() - 1 - kRate] >= seconds(1));
    }
    sent_.push_back(std::move(transmit));
    if (sent_.size() > 16) {
      sent_.pop_front();
    }
  }

  void Settle() {
    for (int round = 0; round < 1000; ++round) {
      while (auto transmit = punch_.PollTransmit()) {
        OnTransmit(std::move(*transmit));
      }
      while (auto event = punch_.PollEvent()) {
        OnEvent(*event);
      }
      const auto next = punch_.NextTimeout();
      if (!next || *next > now_) {
        return;
      }
      punch_.HandleTimeout(now_);
    }
    NATKIT_CHECK(false);  // it never came to rest
  }

  /// With time, every attempt ends, once its sockets have been answered.
  void Finish() {
    awaited_sockets_ = 0;
    punch_.HandleSocketsDone(now_);
    Settle();
    for (int step = 0; step < 20000; ++step) {
      const auto next = punch_.NextTimeout();
      if (!next) {
        break;
      }
      now_ = std::max(now_, *next);
      punch_.HandleTimeout(now_);
      Settle();
      punch_.HandleSocketsDone(now_);
      Settle();
    }
    NATKIT_CHECK(!punch_.NextTimeout());
    const HardPunchState state = punch_.state();
    NATKIT_CHECK(state == HardPunchState::kIdle || is_over_);
  }

  ByteReader in_;
  SeededRng rng_{1};
  PunchAuth peer_;
  HardPunch punch_;
  Instant now_ = Instant{} + seconds(10);
  uint64_t attempt_ = 1;
  uint32_t awaited_sockets_ = 0;
  uint32_t granted_sockets_ = 0;
  uint32_t opened_ = 0;
  bool is_over_ = false;
  std::vector<Endpoint> bases_;
  std::vector<Instant> sent_at_;
  std::deque<PunchTransmit> sent_;
};

}  // namespace
}  // namespace natkit::nat

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  natkit::nat::Script(natkit::ByteView(data, size)).Run();
  return 0;
}
