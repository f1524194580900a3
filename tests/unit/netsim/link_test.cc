#include "natkit/netsim/link.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr size_t kSize = 1000;

/// Sends `count` packets `gap` apart; when each copy arrives, in send order.
std::vector<Instant> SendMany(Link& link, size_t count, Duration gap) {
  std::vector<Instant> arrivals;
  Instant now{};
  for (size_t i = 0; i < count; ++i) {
    const Link::Deliveries deliveries = link.Send(now, kSize);
    for (size_t copy = 0; copy < deliveries.count; ++copy) {
      arrivals.push_back(deliveries.at[copy]);
    }
    now += gap;
  }
  return arrivals;
}

/// Four standard deviations of a count of independent draws.
double Tolerance(size_t count, double share) {
  return 4 * std::sqrt(static_cast<double>(count) * share * (1 - share));
}

TEST(Link, PerfectWireDeliversAtOnce) {
  Link link({}, 1);
  const Link::Deliveries deliveries = link.Send(Instant{5ms}, 1500);
  ASSERT_EQ(deliveries.count, 1U);
  EXPECT_EQ(deliveries.at[0], Instant{5ms});
}

TEST(Link, DelaysEachPacketByTheSame) {
  Link link({.delay = 30ms}, 1);
  EXPECT_EQ(SendMany(link, 3, 1ms),
            (std::vector{Instant{30ms}, Instant{31ms}, Instant{32ms}}));
}

TEST(Link, JitterIsUniformAndKeepsTheOrder) {
  constexpr size_t kCount = 20'000;
  Link link({.delay = 10ms, .jitter = 8ms}, 7);
  // So far apart that no packet waits for the one before it.
  const auto arrivals = SendMany(link, kCount, 20ms);
  ASSERT_EQ(arrivals.size(), kCount);
  double sum = 0;
  for (size_t i = 0; i < kCount; ++i) {
    const Duration extra =
        arrivals[i] - Instant{} - 20ms * static_cast<int64_t>(i) - 10ms;
    ASSERT_GE(extra, 0ms);
    ASSERT_LE(extra, 8ms);
    sum += std::chrono::duration<double, std::milli>(extra).count();
  }
  // Variance of a uniform draw: 8^2 / 12.
  EXPECT_NEAR(sum / kCount, 4.0, 4 * std::sqrt(64.0 / 12 / kCount));
}

TEST(Link, JitterNeverReordersAStream) {
  Link link({.delay = 10ms, .jitter = 50ms}, 3);
  const auto arrivals = SendMany(link, 5000, 1ms);
  EXPECT_EQ(arrivals.size(), 5000U);
  EXPECT_TRUE(std::ranges::is_sorted(arrivals));
}

TEST(Link, LosesTheShareItIsTold) {
  constexpr size_t kCount = 100'000;
  for (const double loss : {0.01, 0.05, 0.5}) {
    Link link({.loss = loss}, 11);
    const size_t arrived = SendMany(link, kCount, 1ms).size();
    EXPECT_NEAR(static_cast<double>(kCount - arrived), kCount * loss,
                Tolerance(kCount, loss));
    EXPECT_EQ(link.counters().sent, kCount);
    EXPECT_EQ(link.counters().lost, kCount - arrived);
    EXPECT_EQ(link.counters().delivered, arrived);
  }
}

TEST(Link, LossesAreIndependent) {
  constexpr size_t kCount = 100'000;
  constexpr double kLoss = 0.1;
  Link link({.loss = kLoss}, 5);
  size_t after_loss = 0;
  size_t pairs = 0;
  bool was_lost = false;
  for (size_t i = 0; i < kCount; ++i) {
    const bool is_lost = link.Send(Instant{}, kSize).count == 0;
    after_loss += was_lost ? 1 : 0;
    pairs += was_lost && is_lost ? 1 : 0;
    was_lost = is_lost;
  }
  EXPECT_NEAR(static_cast<double>(pairs),
              static_cast<double>(after_loss) * kLoss,
              Tolerance(after_loss, kLoss));
}

TEST(Link, LossOfOneLosesAllAndOfZeroNone) {
  Link all({.loss = 1}, 1);
  EXPECT_TRUE(SendMany(all, 1000, 1ms).empty());
  EXPECT_EQ(all.Send(Instant{}, kSize).drop, LinkDrop::kLoss);
  Link none({}, 1);
  EXPECT_EQ(SendMany(none, 1000, 1ms).size(), 1000U);
}

TEST(Link, DuplicatesTheShareItIsTold) {
  constexpr size_t kCount = 50'000;
  Link link({.delay = 1ms, .jitter = 5ms, .duplicate = 0.2}, 2);
  const auto arrivals = SendMany(link, kCount, 1ms);
  EXPECT_NEAR(static_cast<double>(arrivals.size() - kCount), kCount * 0.2,
              Tolerance(kCount, 0.2));
  EXPECT_EQ(link.counters().duplicated, arrivals.size() - kCount);
  EXPECT_TRUE(std::ranges::is_sorted(arrivals));
}

TEST(Link, ReordersTheShareItIsTold) {
  constexpr size_t kCount = 50'000;
  Link link({.delay = 1ms, .reorder = 0.03, .reorder_delay = 10ms}, 4);
  const auto arrivals = SendMany(link, kCount, 5ms);
  size_t overtaken = 0;
  for (size_t i = 0; i + 1 < arrivals.size(); ++i) {
    overtaken += arrivals[i + 1] < arrivals[i] ? 1 : 0;
  }
  EXPECT_EQ(arrivals.size(), kCount);
  EXPECT_NEAR(static_cast<double>(link.counters().reordered), kCount * 0.03,
              Tolerance(kCount, 0.03));
  // Unless the next one is late as well.
  EXPECT_NEAR(static_cast<double>(overtaken), kCount * 0.03 * 0.97,
              Tolerance(kCount, 0.03));
}

TEST(Link, KnowsTheLatestArrivalInOrder) {
  Link link({.delay = 1ms, .jitter = 2ms, .reorder = 0.5}, 4);
  Instant latest = Instant::min();
  for (int i = 0; i < 1000; ++i) {
    const uint64_t reordered = link.counters().reordered;
    const Instant at = link.Send(Instant{i * 1ms}, kSize).at[0];
    if (link.counters().reordered == reordered) {
      EXPECT_GE(at, latest);
      latest = at;
    }
    EXPECT_EQ(link.last_arrival(), latest);
  }
}

TEST(Link, RateSpacesPacketsByTheirSize) {
  // 1000 bytes at 8 Mbit/s take 1 ms.
  Link link({.delay = 10ms, .rate = 8'000'000}, 1);
  EXPECT_EQ(SendMany(link, 3, 0ms),
            (std::vector{Instant{11ms}, Instant{12ms}, Instant{13ms}}));
  // The wire was idle in between: no credit is saved up.
  EXPECT_EQ(link.Send(Instant{100ms}, kSize).at[0], Instant{111ms});
}

TEST(Link, FullQueueDropsUntilItHasDrained) {
  Link link({.rate = 8'000'000, .queue_bytes = 3000}, 1);
  size_t accepted = 0;
  for (int i = 0; i < 10; ++i) {
    accepted += link.Send(Instant{}, kSize).count;
  }
  EXPECT_EQ(accepted, 3U);
  EXPECT_EQ(link.counters().dropped_queue, 7U);
  EXPECT_EQ(link.Send(Instant{}, kSize).drop, LinkDrop::kQueue);
  EXPECT_EQ(link.Send(Instant{1ms}, kSize).count, 1U);
  EXPECT_EQ(link.Send(Instant{1ms}, kSize).count, 0U);
}

TEST(Link, IdleWireTakesAPacketLargerThanTheQueue) {
  Link link({.rate = 1'000'000, .queue_bytes = 100}, 1);
  EXPECT_EQ(link.Send(Instant{}, kSize).count, 1U);
}

TEST(Link, ThroughputIsTheRate) {
  Link link({.rate = 100'000'000, .queue_bytes = 64 * 1024}, 1);
  Instant now{};
  size_t bytes = 0;
  while (now < Instant{1s}) {
    bytes += link.Send(now, 1400).count * 1400;
    now += 50us;
  }
  EXPECT_NEAR(static_cast<double>(bytes) * 8, 100e6, 1e6);
}

TEST(Link, DropsWhatIsLargerThanItsMtu) {
  Link link({.mtu = 1280}, 1);
  EXPECT_EQ(link.Send(Instant{}, 1280).count, 1U);
  const Link::Deliveries deliveries = link.Send(Instant{}, 1281);
  EXPECT_EQ(deliveries.count, 0U);
  EXPECT_EQ(deliveries.drop, LinkDrop::kMtu);
  EXPECT_EQ(link.counters().dropped_mtu, 1U);
}

TEST(Link, BlackholeEndsExactlyOnTime) {
  Link link({.delay = 1ms}, 1);
  link.BlackholeUntil(Instant{50ms});
  EXPECT_EQ(link.Send(Instant{10ms}, kSize).drop, LinkDrop::kBlackhole);
  EXPECT_EQ(link.Send(Instant{50ms} - 1ns, kSize).count, 0U);
  EXPECT_EQ(link.Send(Instant{50ms}, kSize).count, 1U);
  link.BlackholeUntil(Instant::max());
  EXPECT_EQ(link.Send(Instant{1h}, kSize).count, 0U);
  link.BlackholeUntil(Instant::min());
  EXPECT_EQ(link.Send(Instant{1h}, kSize).count, 1U);
  EXPECT_EQ(link.counters().dropped_blackhole, 3U);
}

TEST(Link, ANewConfigurationDoesNotOvertakeWhatIsUnderWay) {
  Link link({.delay = 100ms}, 1);
  EXPECT_EQ(link.Send(Instant{}, kSize).at[0], Instant{100ms});
  link.Configure({.delay = 1ms});
  EXPECT_EQ(link.Send(Instant{10ms}, kSize).at[0], Instant{100ms});
  EXPECT_EQ(link.Send(Instant{200ms}, kSize).at[0], Instant{201ms});
}

TEST(Link, OneSeedGivesOneHistory) {
  const LinkConfig config{.delay = 10ms,
                          .jitter = 20ms,
                          .loss = 0.1,
                          .duplicate = 0.1,
                          .reorder = 0.1};
  Link one(config, 42);
  Link same(config, 42);
  Link other(config, 43);
  const auto history = SendMany(one, 1000, 1ms);
  EXPECT_EQ(history, SendMany(same, 1000, 1ms));
  EXPECT_NE(history, SendMany(other, 1000, 1ms));
}

}  // namespace
}  // namespace natkit::netsim
