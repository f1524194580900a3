#include "noise/cookie.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "noise/load_meter.h"
#include "wg_net.h"

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;
using testing::WgNet;

const Endpoint kFrom{IpAddress::V4(192, 0, 2, 7), 1234};

struct Sides {
  SeededRng rng{1};
  PublicKey key = DerivePublicKey(GeneratePrivateKey(rng));
  CookieChecker checker{key};
  MacWriter writer{key};
  std::vector<uint8_t> message = std::vector<uint8_t>(kInitiationSize, 1);

  /// Sends, gets a cookie at `now`, and keeps it.
  void ExchangeCookie(Instant now) {
    writer.Write(now, message);
    ASSERT_TRUE(
        writer.HandleReply(now, checker.MakeReply(now, message, kFrom, rng)));
  }
};

TEST(Cookie, Mac2IsZeroUntilACookieCameAndValidAfterwards) {
  Sides sides;
  sides.writer.Write(Instant{}, sides.message);
  EXPECT_TRUE(sides.checker.HasValidMac1(sides.message));
  EXPECT_FALSE(sides.checker.HasValidMac2(Instant{}, sides.message, kFrom));
  sides.ExchangeCookie(Instant{});
  sides.writer.Write(Instant{}, sides.message);
  EXPECT_TRUE(sides.checker.HasValidMac2(Instant{}, sides.message, kFrom));
  Endpoint elsewhere = kFrom;
  elsewhere.port ^= 1;
  EXPECT_FALSE(sides.checker.HasValidMac2(Instant{}, sides.message, elsewhere));
  sides.message[5] ^= 1;
  EXPECT_FALSE(sides.checker.HasValidMac1(sides.message));
  EXPECT_FALSE(sides.checker.HasValidMac2(Instant{}, sides.message, kFrom));
}

TEST(Cookie, BothSidesForgetItAfter120Seconds) {
  Sides sides;
  sides.ExchangeCookie(Instant{});
  const Instant just_before = Instant{} + kCookieLifetime - 1ns;
  sides.writer.Write(just_before, sides.message);
  EXPECT_TRUE(sides.checker.HasValidMac2(just_before, sides.message, kFrom));
  const Instant then = Instant{} + kCookieLifetime;
  EXPECT_FALSE(sides.checker.HasValidMac2(then, sides.message, kFrom));
  sides.writer.Write(then, sides.message);
  EXPECT_TRUE(std::ranges::all_of(ByteView(sides.message).last(16),
                                  [](uint8_t byte) { return byte == 0; }));
}

TEST(Cookie, TheSecretRotates) {
  Sides sides;
  sides.ExchangeCookie(Instant{});
  const Instant later = Instant{} + kCookieLifetime;
  Sides other;
  sides.writer.Write(Instant{}, sides.message);
  const auto old = sides.message;
  (void)sides.checker.MakeReply(later, sides.message, kFrom, sides.rng);
  EXPECT_FALSE(sides.checker.HasValidMac2(later, old, kFrom));
}

TEST(Cookie, OnlyTheAuthenticReplyToTheLastMessageCountsOnce) {
  Sides sides;
  CookieReply early =
      sides.checker.MakeReply(Instant{}, sides.message, kFrom, sides.rng);
  EXPECT_FALSE(sides.writer.HandleReply(Instant{}, early)) << "nothing sent";
  sides.writer.Write(Instant{}, sides.message);
  CookieReply reply =
      sides.checker.MakeReply(Instant{}, sides.message, kFrom, sides.rng);
  CookieReply forged = reply;
  forged.encrypted_cookie[0] ^= 1;
  EXPECT_FALSE(sides.writer.HandleReply(Instant{}, forged));
  EXPECT_TRUE(sides.writer.HandleReply(Instant{}, reply));
  EXPECT_FALSE(sides.writer.HandleReply(Instant{}, reply));
}

TEST(LoadMeter, TurnsOnAboveTheLimitAndOffASecondLater) {
  LoadMeter meter(3);
  EXPECT_FALSE(meter.CountAndCheck(Instant{}));
  EXPECT_FALSE(meter.CountAndCheck(Instant{}));
  EXPECT_FALSE(meter.CountAndCheck(Instant{} + 900ms));
  EXPECT_TRUE(meter.CountAndCheck(Instant{} + 950ms));
  EXPECT_TRUE(meter.CountAndCheck(Instant{} + 1999ms));
  EXPECT_FALSE(meter.CountAndCheck(Instant{} + 3000ms));
}

TEST(RateLimiter, Allows20ASecondWithBurstsOf5) {
  RateLimiter limiter;
  const auto count = [&](Instant at, int tries) {
    int allowed = 0;
    for (int i = 0; i < tries; ++i) {
      allowed += limiter.Allow(at, kFrom.address) ? 1 : 0;
    }
    return allowed;
  };
  EXPECT_EQ(count(Instant{}, 10), 5);
  EXPECT_EQ(count(Instant{} + 49ms, 10), 0);
  EXPECT_EQ(count(Instant{} + 100ms, 10), 2);
  EXPECT_TRUE(limiter.Allow(Instant{} + 100ms, IpAddress::V4(192, 0, 2, 8)));
}

TEST(RateLimiter, TreatsAnIpv6Slash64AsOneSource) {
  RateLimiter limiter;
  int allowed = 0;
  for (int i = 0; i < 10; ++i) {
    const auto ip =
        IpAddress::Parse("2001:db8::" + std::to_string(i + 1)).value();
    allowed += limiter.Allow(Instant{}, ip) ? 1 : 0;
  }
  EXPECT_EQ(allowed, 5);
  EXPECT_TRUE(limiter.Allow(Instant{}, *IpAddress::Parse("2001:db8:0:1::")));
}

TEST(RateLimiter, IsBoundedAndForgetsIdleSources) {
  RateLimiter limiter;
  const auto source = [](size_t i) {
    return IpAddress::V4(10, static_cast<uint8_t>(i >> 16),
                         static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i));
  };
  for (size_t i = 0; i < RateLimiter::kMaxEntries; ++i) {
    EXPECT_TRUE(limiter.Allow(Instant{}, source(i)));
  }
  EXPECT_FALSE(limiter.Allow(Instant{}, source(1 << 20)));
  EXPECT_EQ(limiter.size(), RateLimiter::kMaxEntries);
  EXPECT_TRUE(limiter.Allow(Instant{} + 2s, source(1 << 20)));
  EXPECT_EQ(limiter.size(), 1U);
}

TEST(DeviceUnderLoad, DemandsACookieAndTheRetryBringsIt) {
  WgNet net(2);
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.node(1).device.ReportLoad(Load::kHigh);
  net.SendData(0, 1);
  net.Run(1s);
  EXPECT_EQ(net.SentAt(1, 3).size(), 1U) << "the cookie reply";
  EXPECT_EQ(net.SentAt(1, 2).size(), 0U);
  EXPECT_EQ(net.node(0).device.counters().cookie_replies_accepted, 1U);
  net.Run(6s);
  EXPECT_EQ(net.SentAt(1, 2).size(), 1U);
  EXPECT_EQ(net.node(1).received.size(), 1U);
  EXPECT_EQ(net.node(1).drops(DropReason::kCookieRequired), 1U);
}

TEST(DeviceUnderLoad, AnInitiatorUnderLoadGetsItsResponseInTheEnd) {
  WgNet net(2);
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.node(0).device.ReportLoad(Load::kHigh);
  net.SendData(0, 1);
  net.Run(12s);
  EXPECT_EQ(net.node(1).device.counters().cookie_replies_accepted, 1U);
  EXPECT_EQ(net.node(1).received.size(), 1U);
}

TEST(DeviceUnderLoad, MeasuresTheLoadItself) {
  WgNet net(2, {.handshakes_per_second = 10});
  net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.set_filter([](WgNet::Datagram&) { return false; });
  net.SendData(0, 1);
  const auto initiation = net.log().front().bytes;
  for (int i = 0; i < 30; ++i) {
    net.Inject(net.node(0).endpoint, net.node(1).endpoint, initiation);
  }
  net.Run(20ms);
  EXPECT_EQ(net.SentAt(1, 2).size(), 1U);
  EXPECT_EQ(net.node(1).drops(DropReason::kTimestampReplayed), 9U);
  EXPECT_EQ(net.node(1).drops(DropReason::kCookieRequired), 20U);
  EXPECT_EQ(net.SentAt(1, 3).size(), 20U);
}

TEST(DeviceUnderLoad, LimitsTheRateOfProvenSources) {
  WgNet net(2);
  const PeerId b = net.Introduce(0, 1);
  net.Introduce(1, 0);
  net.node(1).device.ReportLoad(Load::kHigh);
  net.Initiate(0, b);
  net.Run(1s);  // the cookie came
  net.set_filter([](WgNet::Datagram&) { return false; });
  net.ClearLog();
  net.Initiate(0, b, HandshakePace::kForced);
  const auto initiation = net.log().front().bytes;
  for (int i = 0; i < 12; ++i) {
    net.Inject(net.node(0).endpoint, net.node(1).endpoint, initiation);
  }
  net.Run(20ms);
  EXPECT_EQ(net.node(1).drops(DropReason::kRateLimited), 7U);
  EXPECT_EQ(net.node(1).device.counters().initiations_accepted, 1U);
}

TEST(DeviceUnderLoad, HandshakesOfStrangersWhoDoNotKnowOurKeyCostNoCookie) {
  WgNet net(2);
  net.node(1).device.ReportLoad(Load::kHigh);
  std::vector<uint8_t> bogus(kInitiationSize);
  bogus[0] = 1;
  net.Inject(net.node(0).endpoint, net.node(1).endpoint, bogus);
  net.Run(20ms);
  EXPECT_TRUE(net.log().empty());
  EXPECT_EQ(net.node(1).drops(DropReason::kBadMac1), 1U);
}

}  // namespace
}  // namespace natkit::wg
