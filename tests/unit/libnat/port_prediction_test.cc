#include "natkit/nat/port_prediction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>
#include <vector>

#include "natkit/base/rng.h"

namespace natkit::nat {
namespace {

using std::chrono::milliseconds;

const IpAddress kExternal = IpAddress::V4(203, 0, 113, 7);
const Endpoint kLocal{IpAddress::V4(10, 0, 0, 2), 5000};

/// Samples 20 ms apart, each from another server.
class Samples {
 public:
  void Add(std::optional<uint16_t> port, IpAddress external = kExternal) {
    PortSample sample{
        .sent_at = Instant{} + milliseconds(20) * static_cast<int>(all_.size()),
        .local = kLocal,
        .server = {IpAddress::V4(198, 51, 100,
                                 static_cast<uint8_t>(1 + all_.size() / 2)),
                   static_cast<uint16_t>(3000 + all_.size())},
        .mapped = {}};
    if (port) {
      sample.mapped = Endpoint{external, *port};
    }
    all_.push_back(sample);
  }

  [[nodiscard]] std::optional<PortForecast> Forecast() const {
    return ForecastPorts(all_);
  }

  [[nodiscard]] std::vector<PortSample>& all() { return all_; }

 private:
  std::vector<PortSample> all_;
};

std::optional<PortForecast> ForecastOf(std::vector<uint16_t> ports) {
  Samples samples;
  for (const uint16_t port : ports) {
    samples.Add(port);
  }
  return samples.Forecast();
}

TEST(PortForecast, NeedsFourAnswers) {
  EXPECT_EQ(ForecastOf({5000, 5001, 5002}), std::nullopt);
  Samples samples;
  samples.Add(5000);
  samples.Add(std::nullopt);
  samples.Add(5002);
  samples.Add(5003);
  EXPECT_EQ(samples.Forecast(), std::nullopt);
}

TEST(PortForecast, OneEndpointForAllServersIsConstant) {
  const auto other = ForecastOf({7000, 7000, 7000, 7000});
  ASSERT_TRUE(other);
  EXPECT_TRUE(other->is_constant);
  EXPECT_EQ(other->candidates(), 1U);
  EXPECT_EQ(other->pattern, AllocationPattern::kRandom);

  const auto kept = ForecastOf({5000, 5000, 5000, 5000});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->pattern, AllocationPattern::kPreserved);
  SeededRng rng(1);
  EXPECT_EQ(EndpointsToProbe(*kept, 100, rng),
            (std::vector<Endpoint>{{kExternal, 5000}}));
}

TEST(PortForecast, OneServerCannotShowThatAMappingIsConstant) {
  Samples samples;
  for (int i = 0; i < 6; ++i) {
    samples.Add(7000);
    samples.all().back().server.address = IpAddress::V4(198, 51, 100, 1);
  }
  EXPECT_EQ(samples.Forecast(), std::nullopt);
}

TEST(PortForecast, FindsEachStepFromFourSamples) {
  for (int step = -kMaxPortStep; step <= kMaxPortStep; ++step) {
    if (step == 0) {
      continue;
    }
    std::vector<uint16_t> ports;
    for (int i = 0; i < 4; ++i) {
      ports.push_back(static_cast<uint16_t>(20000 + step * i));
    }
    const auto forecast = ForecastOf(ports);
    ASSERT_TRUE(forecast) << step;
    EXPECT_EQ(forecast->pattern, AllocationPattern::kSequential) << step;
    EXPECT_EQ(forecast->step, step);
    EXPECT_EQ(forecast->foreign_rate, 0);
    EXPECT_GT(forecast->confidence, 0.99999);
    SeededRng rng(1);
    const auto next = EndpointsToProbe(*forecast, 3, rng);
    ASSERT_EQ(next.size(), 3U);
    EXPECT_EQ(next[0].port, 20000 + step * 4);
    EXPECT_EQ(next[2].port, 20000 + step * 6);
  }
}

TEST(PortForecast, MeasuresOthersTrafficInASequence) {
  // Every 20 ms one mapping of ours and 0 to 2 of others: 50 per second.
  const auto forecast =
      ForecastOf({3000, 3002, 3003, 3005, 3008, 3009, 3012, 3014});
  ASSERT_TRUE(forecast);
  EXPECT_EQ(forecast->pattern, AllocationPattern::kSequential);
  EXPECT_EQ(forecast->step, 1);
  EXPECT_NEAR(forecast->foreign_rate, 7 / 0.14, 0.01);
}

TEST(PortForecast, AnUnansweredSampleTookAPortAndIsNotOthersTraffic) {
  Samples samples;
  for (const int port : {3000, 3002, 0, 3006, 3008, 3010}) {
    samples.Add(port == 0 ? std::nullopt
                          : std::optional(static_cast<uint16_t>(port)));
  }
  const auto forecast = samples.Forecast();
  ASSERT_TRUE(forecast);
  EXPECT_EQ(forecast->step, 2);
  EXPECT_EQ(forecast->foreign_rate, 0);
}

TEST(PortForecast, FollowsASequenceAroundTheEndOfTheRange) {
  const auto forecast =
      ForecastOf({65533, 65534, 65535, 1024, 1025, 1026, 1027});
  ASSERT_TRUE(forecast);
  EXPECT_EQ(forecast->pattern, AllocationPattern::kSequential);
  EXPECT_EQ(forecast->step, 1);

  const auto before = ForecastOf({65531, 65532, 65533, 65534});
  ASSERT_TRUE(before);
  SeededRng rng(1);
  const auto next = EndpointsToProbe(*before, 3, rng);
  EXPECT_EQ(next[0].port, 65535);
  EXPECT_EQ(next[1].port, 1024);
}

TEST(PortForecast, NeverTakesRandomPortsForASequence) {
  SeededRng rng(7);
  for (int run = 0; run < 5000; ++run) {
    const uint64_t size = run % 2 == 0 ? 64512 : 512;
    std::vector<uint16_t> ports;
    for (int i = 0; i < 4 + run % 9; ++i) {
      ports.push_back(static_cast<uint16_t>(1024 + rng.Below(size)));
    }
    const auto forecast = ForecastOf(ports);
    ASSERT_TRUE(forecast);
    EXPECT_NE(forecast->pattern, AllocationPattern::kSequential) << run;
  }
}

TEST(PortForecast, FindsSequencesUnderNoise) {
  // Poisson traffic of 30/s, a sample lost now and then.
  SeededRng rng(11);
  int found = 0;
  double rates = 0;
  for (int run = 0; run < 500; ++run) {
    Samples samples;
    auto port = static_cast<uint16_t>(2000 + rng.Below(50000));
    for (int i = 0; i < 8; ++i) {
      int foreign = 0;
      for (int slot = 0; slot < 10; ++slot) {
        foreign += rng.Below(1000) < 60 ? 1 : 0;
      }
      port = static_cast<uint16_t>(port + 2 * (1 + foreign));
      const bool is_lost = rng.Below(100) < 5;
      samples.Add(is_lost ? std::nullopt : std::optional(port));
    }
    const auto forecast = samples.Forecast();
    ASSERT_TRUE(forecast);
    const bool is_sequence =
        forecast->pattern == AllocationPattern::kSequential;
    found += is_sequence && forecast->step == 2 ? 1 : 0;
    rates += forecast->foreign_rate;
  }
  EXPECT_GE(found, 480);
  EXPECT_NEAR(rates / 500, 30, 6);
}

TEST(PortForecast, FindsTheBlockOfACarrier) {
  for (const uint32_t size : {512U, 1024U, 2048U}) {
    SeededRng rng(size);
    int exact = 0;
    for (int run = 0; run < 200; ++run) {
      const auto block = static_cast<uint32_t>(rng.Below(20));
      const uint32_t first = 1024 + block * size;
      std::vector<uint16_t> ports;
      for (int i = 0; i < 12; ++i) {
        ports.push_back(static_cast<uint16_t>(first + rng.Below(size)));
      }
      const auto forecast = ForecastOf(ports);
      ASSERT_TRUE(forecast);
      ASSERT_EQ(forecast->pattern, AllocationPattern::kBlock) << size;
      ASSERT_EQ(forecast->areas.size(), 1U);
      exact += forecast->areas[0].ports ==
                       PortRange{static_cast<uint16_t>(first),
                                 static_cast<uint16_t>(first + size - 1)}
                   ? 1
                   : 0;
    }
    EXPECT_GE(exact, 195) << size;
  }
}

TEST(PortForecast, FindsABlockPerAddressOfAPool) {
  SeededRng rng(5);
  Samples samples;
  for (int i = 0; i < 16; ++i) {
    const auto address = static_cast<unsigned>(i) % 4;
    const auto port = static_cast<uint16_t>(
        1024U + 1024U * (address * 3U + 1U) + rng.Below(1024));
    samples.Add(port,
                IpAddress::V4(203, 0, 113, static_cast<uint8_t>(10 + address)));
  }
  const auto forecast = samples.Forecast();
  ASSERT_TRUE(forecast);
  EXPECT_EQ(forecast->pattern, AllocationPattern::kBlock);
  ASSERT_EQ(forecast->areas.size(), 4U);
  EXPECT_EQ(forecast->candidates(), 4096U);
  EXPECT_EQ(forecast->areas[1].ports.first, 1024 + 1024 * 4);
}

TEST(PortForecast, FewSamplesDoNotMakeABlock) {
  const auto forecast = ForecastOf({2100, 2900, 2222, 2600, 2333, 2499, 2999});
  ASSERT_TRUE(forecast);
  EXPECT_EQ(forecast->pattern, AllocationPattern::kRandom);
}

TEST(PortForecast, FindsTheRangeOfARandomAllocator) {
  SeededRng rng(9);
  std::vector<uint16_t> pf;
  std::vector<uint16_t> full;
  for (int i = 0; i < 12; ++i) {
    pf.push_back(static_cast<uint16_t>(50001 + rng.Below(15535)));
    full.push_back(static_cast<uint16_t>(1024 + rng.Below(64512)));
  }
  EXPECT_EQ(ForecastOf(pf)->areas[0].ports, (PortRange{50001, 65535}));
  EXPECT_EQ(ForecastOf(pf)->pattern, AllocationPattern::kRandom);
  EXPECT_EQ(ForecastOf(full)->areas[0].ports, PortRange{});
}

TEST(PortForecast, RarelyTakesTheFullRangeForANarrowOne) {
  SeededRng rng(13);
  int narrow = 0;
  constexpr int kRuns = 20000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<uint16_t> ports;
    for (int i = 0; i < 12; ++i) {
      ports.push_back(static_cast<uint16_t>(1024 + rng.Below(64512)));
    }
    const auto forecast = ForecastOf(ports);
    ASSERT_TRUE(forecast);
    EXPECT_EQ(forecast->pattern, AllocationPattern::kRandom);
    narrow += forecast->candidates() < 60000 ? 1 : 0;
  }
  EXPECT_LE(narrow, kRuns / 1000);
}

TEST(PortForecast, AddressDependentRepeatsAreOneSample) {
  Samples samples;
  for (const int port : {9000, 9000, 23456, 23456, 4321, 4321, 50000, 50000}) {
    samples.Add(static_cast<uint16_t>(port));
  }
  const auto forecast = samples.Forecast();
  ASSERT_TRUE(forecast);
  EXPECT_FALSE(forecast->is_constant);
  EXPECT_EQ(forecast->pattern, AllocationPattern::kRandom);
  EXPECT_EQ(forecast->allocation().range, PortRange{});
}

TEST(EndpointsToProbe, DrawsEachEndpointOnceAndAllOfThemIfAsked) {
  PortForecast forecast{.pattern = AllocationPattern::kBlock};
  forecast.areas = {{kExternal, {2000, 2099}},
                    {IpAddress::V4(203, 0, 113, 8), {3000, 3099}}};
  SeededRng rng(3);
  const auto some = EndpointsToProbe(forecast, 50, rng);
  EXPECT_EQ(some.size(), 50U);
  const auto all = EndpointsToProbe(forecast, 1000, rng);
  const std::set<Endpoint> distinct(all.begin(), all.end());
  EXPECT_EQ(all.size(), 200U);
  EXPECT_EQ(distinct.size(), 200U);
  EXPECT_TRUE(std::ranges::all_of(all, [](const Endpoint& endpoint) {
    return endpoint.address == kExternal
               ? endpoint.port >= 2000 && endpoint.port <= 2099
               : endpoint.port >= 3000 && endpoint.port <= 3099;
  }));
  EXPECT_TRUE(EndpointsToProbe(forecast, 0, rng).empty());
}

TEST(SequenceWindow, GrowsWithOthersTrafficWithinBounds) {
  EXPECT_EQ(SequenceWindow(0, milliseconds(500)), 5U);
  EXPECT_EQ(SequenceWindow(10, milliseconds(500)), 15U);
  EXPECT_EQ(SequenceWindow(100000, milliseconds(500)), 256U);
}

}  // namespace
}  // namespace natkit::nat
