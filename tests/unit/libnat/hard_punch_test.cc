#include "natkit/nat/hard_punch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/nat/port_sampler.h"
#include "natkit/nat/punch_backoff.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::nat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Endpoint kMain{IpAddress::V4(10, 0, 0, 2), 40000};
const IpAddress kOurs = IpAddress::V4(203, 0, 113, 1);
const IpAddress kTheirs = IpAddress::V4(203, 0, 113, 2);
constexpr Instant kStart = Instant{} + seconds(100);

std::vector<Endpoint> Servers(size_t count) {
  std::vector<Endpoint> servers;
  for (size_t i = 0; i < count; ++i) {
    servers.push_back(
        {IpAddress::V4(198, 51, 100, static_cast<uint8_t>(i + 1)), 3478});
  }
  return servers;
}

HardPunchConfig Config() {
  HardPunchConfig config;
  config.is_allowed = true;
  config.main = kMain;
  config.stun_servers = Servers(12);
  config.local = {"aaaaaaaa", "aaaaaaaaaaaaaaaaaaaaaaaa"};
  config.remote = {"bbbbbbbb", "bbbbbbbbbbbbbbbbbbbbbbbb"};
  return config;
}

PunchSide HardSide() {
  PunchSide side;
  side.mapping = Dependence::kAddressAndPortDependent;
  side.mapped = {kTheirs, 5555};
  side.forecast.last = side.mapped;
  side.forecast.areas = {{kTheirs, {1024, 2047}}};
  side.forecast.pattern = AllocationPattern::kBlock;
  return side;
}

std::vector<uint8_t> BindingAnswer(ByteView request, const Endpoint& mapped) {
  const auto message = stun::Message::Parse(request);
  std::array<uint8_t, 64> buffer{};
  stun::MessageBuilder builder(buffer, stun::kBindingSuccess, message->id());
  builder.Add<stun::attr::XorMappedAddress>(mapped);
  const auto built = builder.Finish();
  return {built->begin(), built->end()};
}

/// A puncher, its clock, and STUN servers that answer at once.
class Bench {
 public:
  explicit Bench(const HardPunchConfig& config) : punch_(config, rng_) {}

  /// Runs until nothing happens or `limit` has passed. `mapped` gives the
  /// external endpoint of a socket toward a server.
  template <class Mapped>
  void Run(Duration limit, Mapped mapped) {
    const Instant end = now_ + limit;
    while (true) {
      Drain(mapped);
      const auto next = punch_.NextTimeout();
      if (!next || *next > end) {
        now_ = end;
        return;
      }
      now_ = std::max(now_, *next);
      punch_.HandleTimeout(now_);
    }
  }

  void RunEasy(Duration limit) {
    Run(limit, [](const Endpoint&, size_t) {
      return std::optional(Endpoint{kOurs, 7000});
    });
  }

  template <class Event>
  [[nodiscard]] const Event* Find() const {
    for (const HardPunchEvent& event : events_) {
      if (const auto* found = std::get_if<Event>(&event)) {
        return found;
      }
    }
    return nullptr;
  }

  template <class Message>
  [[nodiscard]] const Message* FindMessage() const {
    for (const HardPunchEvent& event : events_) {
      const auto* out = std::get_if<PunchMessageEvent>(&event);
      if (out != nullptr && std::holds_alternative<Message>(out->message)) {
        return &std::get<Message>(out->message);
      }
    }
    return nullptr;
  }

  HardPunch& punch() { return punch_; }

  [[nodiscard]] Instant now() const { return now_; }

  std::vector<PunchTransmit>& checks() { return checks_; }

 private:
  template <class Mapped>
  void Drain(Mapped mapped) {
    while (true) {
      if (auto transmit = punch_.PollTransmit()) {
        if (transmit->to.port != 3478) {
          checks_.push_back(*transmit);
          continue;
        }
        const auto where = mapped(transmit->from, asked_++);
        if (where) {
          (void)punch_.HandleDatagram(now_, transmit->from, transmit->to,
                                      BindingAnswer(transmit->payload, *where));
        }
      } else if (auto event = punch_.PollEvent()) {
        events_.push_back(*event);
      } else {
        return;
      }
    }
  }

  SeededRng rng_{1};
  HardPunch punch_;
  Instant now_ = kStart;
  size_t asked_ = 0;
  std::deque<HardPunchEvent> events_;  // pointers to its items stay valid
  std::vector<PunchTransmit> checks_;
};

TEST(HardPunch, DoesNothingUnlessItIsAllowed) {
  HardPunchConfig config = Config();
  config.is_allowed = false;
  Bench starter(config);
  starter.punch().Start(kStart);
  starter.RunEasy(seconds(1));
  EXPECT_EQ(starter.Find<PunchFailedEvent>()->reason,
            PunchFailure::kNotAllowed);

  Bench asked(config);
  asked.punch().HandleMessage(kStart,
                              PunchOffer{.attempt = 7, .side = HardSide()});
  asked.RunEasy(seconds(1));
  EXPECT_EQ(asked.FindMessage<PunchRefusal>()->attempt, 7U);
  EXPECT_EQ(asked.punch().counters().packets, 0U);
}

TEST(HardPunch, OffersWhatItHasMeasured) {
  Bench bench(Config());
  bench.punch().Start(kStart);
  bench.RunEasy(seconds(3));
  const auto* offer = bench.FindMessage<PunchOffer>();
  ASSERT_NE(offer, nullptr);
  EXPECT_EQ(offer->side.mapping, Dependence::kEndpointIndependent);
  EXPECT_EQ(offer->side.mapped, (Endpoint{kOurs, 7000}));
  EXPECT_TRUE(offer->side.forecast.is_constant);
  EXPECT_EQ(bench.punch().state(), HardPunchState::kOffered);
  EXPECT_TRUE(IsUsable(offer->side));
}

TEST(HardPunch, GivesUpWithoutAnAnswerAndWithoutServers) {
  Bench unanswered(Config());
  unanswered.punch().Start(kStart);
  unanswered.RunEasy(seconds(20));
  EXPECT_EQ(unanswered.Find<PunchFailedEvent>()->reason,
            PunchFailure::kNoAnswer);
  EXPECT_EQ(unanswered.punch().NextTimeout(), std::nullopt);

  Bench deaf(Config());
  deaf.punch().Start(kStart);
  deaf.Run(seconds(20),
           [](const Endpoint&, size_t) { return std::optional<Endpoint>(); });
  EXPECT_EQ(deaf.Find<PunchFailedEvent>()->reason, PunchFailure::kNoSamples);
}

TEST(HardPunch, ProbesTheBlockOfAHardPeerAsResponder) {
  Bench bench(Config());
  bench.punch().HandleMessage(kStart,
                              PunchOffer{.attempt = 7, .side = HardSide()});
  bench.RunEasy(seconds(2));
  const auto* answer = bench.FindMessage<PunchAnswer>();
  ASSERT_NE(answer, nullptr);
  EXPECT_EQ(answer->attempt, 7U);
  EXPECT_EQ(answer->plan.method, PunchMethod::kBirthday);
  EXPECT_TRUE(answer->plan.initiator.opens);
  EXPECT_GE(answer->plan.chance, 0.99);
  bench.RunEasy(seconds(60));
  EXPECT_EQ(bench.checks().size(), answer->plan.responder.flows);
  EXPECT_TRUE(std::ranges::all_of(bench.checks(), [](const auto& check) {
    return check.to.address == kTheirs && check.to.port >= 1024 &&
           check.to.port <= 2047 && !check.ttl;
  }));
  EXPECT_EQ(bench.Find<PunchFailedEvent>()->reason, PunchFailure::kNoHit);
}

TEST(HardPunch, OpensNoMoreThanAQuarterOfItsOwnBlock) {
  Bench bench(Config());
  bench.punch().Start(kStart);
  SeededRng ports(3);
  bench.Run(seconds(3), [&ports](const Endpoint&, size_t) {
    return std::optional(
        Endpoint{kOurs, static_cast<uint16_t>(3072 + ports.Below(1024))});
  });
  const auto* offer = bench.FindMessage<PunchOffer>();
  ASSERT_NE(offer, nullptr);
  EXPECT_EQ(offer->side.forecast.areas,
            (std::vector<PortArea>{{kOurs, {3072, 4095}}}));
  PunchSide easy;
  easy.mapped = {kTheirs, 9999};
  easy.forecast = {.is_constant = true, .last = easy.mapped};
  easy.forecast.areas = {{kTheirs, {9999, 9999}}};
  PunchAim aim;
  aim.target = 0.999999;
  const auto decision = MakePunchPlan(offer->side, easy, aim);
  ASSERT_TRUE(decision.plan);
  EXPECT_LE(decision.plan->initiator.sockets, 256U);
  EXPECT_EQ(decision.plan->responder.sockets, 0U);
}

TEST(HardPunch, APlanBeyondTheBudgetIsRefused) {
  for (int kind = 0; kind < 5; ++kind) {
    Bench bench(Config());
    bench.punch().Start(kStart);
    bench.RunEasy(seconds(1));
    PunchAnswer answer{.attempt = bench.FindMessage<PunchOffer>()->attempt,
                       .side = HardSide()};
    answer.plan.initiator = {.flows = 10, .packets_per_second = 10};
    answer.plan.lasts = seconds(10);
    PunchShare& share = answer.plan.initiator;
    switch (kind) {
      case 0:
        share.packets_per_second = 101;
        break;
      case 1:
        share.flows = 100000;
        break;
      case 2:
        share.sockets = 257;
        break;
      case 3:
        answer.side.forecast.areas[0].address = IpAddress::V4(224, 0, 0, 1);
        break;
      default:
        answer.side.forecast.areas.clear();
    }
    bench.punch().HandleMessage(bench.now(), answer);
    bench.RunEasy(seconds(20));
    EXPECT_EQ(bench.Find<PunchFailedEvent>()->reason, PunchFailure::kRefused)
        << kind;
    EXPECT_TRUE(bench.checks().empty());
  }
}

TEST(HardPunch, MessagesOfOtherAttemptsAreIgnored) {
  Bench bench(Config());
  bench.punch().Start(kStart);
  bench.RunEasy(seconds(1));
  const uint64_t attempt = bench.FindMessage<PunchOffer>()->attempt;
  bench.punch().HandleMessage(bench.now(), PunchAnswer{.attempt = attempt + 1});
  bench.punch().HandleMessage(bench.now(),
                              PunchRefusal{.attempt = attempt + 1});
  bench.punch().HandleMessage(bench.now(), PunchOffer{.attempt = attempt});
  EXPECT_EQ(bench.punch().state(), HardPunchState::kOffered);
  EXPECT_EQ(bench.punch().counters().ignored_messages, 3U);
}

TEST(HardPunch, ForgedPacketsChangeNothing) {
  Bench bench(Config());
  bench.punch().HandleMessage(kStart,
                              PunchOffer{.attempt = 7, .side = HardSide()});
  bench.RunEasy(seconds(4));
  ASSERT_EQ(bench.punch().state(), HardPunchState::kRunning);
  ASSERT_FALSE(bench.checks().empty());
  const PunchTransmit& check = bench.checks().front();
  // The answer of someone who saw the request but does not know the password.
  const auto forged = BindingAnswer(check.payload, {kOurs, 7000});
  EXPECT_TRUE(
      bench.punch().HandleDatagram(bench.now(), kMain, check.to, forged));
  // Our own packet, reflected: the user name is the wrong way around.
  EXPECT_FALSE(bench.punch().HandleDatagram(bench.now(), kMain, check.to,
                                            check.payload));
  EXPECT_FALSE(bench.punch().HandleDatagram(bench.now(), kMain, check.to,
                                            AsBytes("hello")));
  EXPECT_EQ(bench.punch().state(), HardPunchState::kRunning);
  EXPECT_EQ(bench.punch().counters().dropped_unauthenticated, 1U);
}

TEST(PortSampler, AsksEachServerAgainAndThenGivesUp) {
  SeededRng rng(1);
  PortSampler sampler(rng);
  EXPECT_TRUE(sampler.is_done());
  ASSERT_TRUE(sampler.Add(kStart, kMain, Servers(2)[0]));
  ASSERT_TRUE(sampler.Add(kStart, kMain, Servers(2)[1]));
  std::vector<Duration> sent;
  Instant now = kStart;
  while (const auto next = sampler.NextTimeout()) {
    now = std::max(now, *next);
    sampler.HandleTimeout(now);
    while (sampler.PollTransmit()) {
      sent.push_back(now - kStart);
    }
  }
  EXPECT_EQ(sent,
            (std::vector<Duration>{milliseconds(0), milliseconds(20),
                                   milliseconds(400), milliseconds(420),
                                   milliseconds(800), milliseconds(820)}));
  EXPECT_TRUE(sampler.is_done());
  EXPECT_EQ(sampler.samples().size(), 2U);
  EXPECT_FALSE(sampler.samples()[0].mapped);
  while (sampler.Add(now, kMain, Servers(2)[0])) {
  }
  EXPECT_LE(sampler.samples().size(), kMaxPortSamples);
}

TEST(PunchBackoff, WaitsAnHourPerPairAndForgetsTheOldestFirst) {
  PunchBackoff backoff;
  backoff.Failed(kStart, "home", "peer");
  EXPECT_TRUE(
      backoff.IsBackingOff(kStart + std::chrono::minutes(59), "home", "peer"));
  EXPECT_FALSE(
      backoff.IsBackingOff(kStart + std::chrono::hours(1), "home", "peer"));
  EXPECT_FALSE(backoff.IsBackingOff(kStart, "office", "peer"));
  backoff.Succeeded("home", "peer");
  EXPECT_FALSE(backoff.IsBackingOff(kStart, "home", "peer"));
  for (int i = 0; i < 1000; ++i) {
    backoff.Failed(kStart + seconds(i), "home", std::to_string(i));
  }
  EXPECT_EQ(backoff.size(), PunchBackoff::kMaxPairs);
  EXPECT_FALSE(backoff.IsBackingOff(kStart + seconds(1000), "home", "0"));
  EXPECT_TRUE(backoff.IsBackingOff(kStart + seconds(1000), "home", "999"));
}

}  // namespace
}  // namespace natkit::nat
