// Behavior discovery where the way is long, the server answers few requests or
// the NAT makes few mappings: a verdict may be inconclusive; none may be wrong.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "behavior_bench.h"
#include "behavior_truth.h"
#include "natkit/nat/behavior_report.h"
#include "natkit/nat/source_rate_limiter.h"

namespace natkit::nat {
namespace {

using sim::BehaviorBench;
using sim::BenchConfig;
using sim::BenchFor;
using sim::Describe;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// What makes it hard, and not what the axes are about.
struct Adversity {
  std::string_view name;
  void (*apply)(BenchConfig& config);
};

constexpr Adversity kAdversities[] = {
    {"rtt_600ms", [](BenchConfig& c) { c.delay = milliseconds(300); }},
    {"rtt_1500ms", [](BenchConfig& c) { c.delay = milliseconds(750); }},
    {"rtt_1000ms_lossy",
     [](BenchConfig& c) {
       c.delay = milliseconds(500);
       c.loss = 0.1;
     }},
    {"loss_20", [](BenchConfig& c) { c.loss = 0.2; }},
    {"rate_2_burst_5",
     [](BenchConfig& c) { c.rate_limit = {.per_second = 2, .burst = 5}; }},
    {"rate_3_burst_20",
     [](BenchConfig& c) { c.rate_limit = {.per_second = 3, .burst = 20}; }},
    {"rate_5_burst_5",
     [](BenchConfig& c) { c.rate_limit = {.per_second = 5, .burst = 5}; }},
    {"rate_1_burst_10",
     [](BenchConfig& c) { c.rate_limit = {.per_second = 1, .burst = 10}; }},
    {"new_mappings_1",
     [](BenchConfig& c) { c.home.limits.new_mappings_per_second = 1; }},
    {"new_mappings_3",
     [](BenchConfig& c) { c.home.limits.new_mappings_per_second = 3; }},
    {"mappings_30",
     [](BenchConfig& c) { c.home.limits.mappings_per_host = 30; }},
};

class Adverse
    : public testing::TestWithParam<std::tuple<std::string_view, Adversity>> {};

TEST_P(Adverse, NoVerdictIsWrong) {
  const auto& [profile, adversity] = GetParam();
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    BenchConfig config = BenchFor(profile);
    config.seed = seed;
    adversity.apply(config);
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    for (const auto& [axis, truth] : sim::TruthOf(config).values) {
      const Verdict& verdict = report.verdict(axis);
      if (verdict.outcome == Outcome::kDetermined) {
        EXPECT_TRUE(std::ranges::any_of(truth,
                                        [&verdict](const std::string& word) {
                                          return verdict.value.starts_with(
                                              word);
                                        }))
            << AxisName(axis) << " is " << *truth.begin() << ", seed " << seed
            << '\n'
            << Describe(report);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, Adverse,
                         testing::Combine(testing::Values("full-cone",
                                                          "port-restricted",
                                                          "symmetric-addr"),
                                          testing::ValuesIn(kAdversities)),
                         [](const auto& param) {
                           std::string name(std::get<0>(param.param));
                           std::ranges::replace(name, '-', '_');
                           return name + '_' +
                                  std::string(std::get<1>(param.param).name);
                         });

TEST(Fragments, AreJudgedOverALongWay) {
  using netsim::FragmentMode;
  for (const int delay : {20, 300, 750}) {
    for (const bool drops : {false, true}) {
      BenchConfig config = BenchFor("port-restricted");
      config.delay = milliseconds(delay);
      config.discovery.axes = {Axis::kFragments};
      if (drops) {
        config.home.fragments = FragmentMode::kDrop;
      }
      BehaviorBench bench(config);
      const BehaviorReport report = bench.Run();
      const Verdict& verdict = report.verdict(Axis::kFragments);
      EXPECT_EQ(verdict.outcome, Outcome::kDetermined) << delay << '\n'
                                                       << Describe(report);
      EXPECT_EQ(verdict.value, drops ? "none" : "both") << delay << '\n'
                                                        << Describe(report);
    }
  }
}

TEST(Fragments, AServerThatAnswersFewRequestsTakesLonger) {
  BenchConfig config = BenchFor("full-cone");
  config.rate_limit = {.per_second = 3, .burst = 20};
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  EXPECT_EQ(report.verdict(Axis::kFragments).value, "both") << Describe(report);
}

/// The box loses what it knows between any two requests.
TEST(Poisoning, AMappingThatWentAwayIsNotPoisoned) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    for (const size_t mappings : {1U, 2U, 4U}) {
      BenchConfig config = BenchFor("full-cone");
      config.seed = seed;
      config.home.port_assignment = netsim::PortAssignment::kRandom;
      config.home.limits.mappings_per_host = mappings;
      config.home.limits.when_full = netsim::WhenFull::kEvictOldest;
      config.discovery.axes = {Axis::kPoisoning};
      BehaviorBench bench(config);
      const BehaviorReport report = bench.Run();
      const Verdict& verdict = report.verdict(Axis::kPoisoning);
      EXPECT_TRUE(verdict.outcome != Outcome::kDetermined ||
                  verdict.value == "no")
          << mappings << '\n'
          << Describe(report);
    }
  }
}

TEST(Poisoning, MappingsThatLiveShortAreNotPoisoned) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    BenchConfig config = BenchFor("full-cone");
    config.seed = seed;
    config.loss = 0.1;
    config.home.port_assignment = netsim::PortAssignment::kRandom;
    config.home.timeouts.udp_unreplied = milliseconds(700);
    config.home.timeouts.udp_assured = milliseconds(700);
    config.discovery.axes = {Axis::kPoisoning};
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    const Verdict& verdict = report.verdict(Axis::kPoisoning);
    EXPECT_TRUE(verdict.outcome != Outcome::kDetermined ||
                verdict.value == "no")
        << Describe(report);
  }
}

TEST(Pooling, AnAddressThatChangesWithTimeIsNoPool) {
  for (const int life : {2, 3, 5, 9}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      BenchConfig config = BenchFor("port-restricted");
      config.seed = seed;
      config.pool = 4;
      config.home.address_lifetime = seconds(life);
      BehaviorBench bench(config);
      const BehaviorReport report = bench.Run();
      EXPECT_NE(report.verdict(Axis::kPooling).outcome, Outcome::kDetermined)
          << life << '\n'
          << Describe(report);
    }
  }
}

/// What differs because time has passed does not depend on the destination.
TEST(Mapping, AnAddressThatChangesWithTimeIsNoDependence) {
  for (const int life : {300, 500, 1000, 3000}) {
    for (const int delay : {20, 200}) {
      for (uint64_t seed = 1; seed <= 3; ++seed) {
        BenchConfig config = BenchFor("full-cone");
        config.seed = seed;
        config.pool = 4;
        config.delay = milliseconds(delay);
        config.home.address_lifetime = milliseconds(life);
        config.discovery.axes = {Axis::kMapping, Axis::kDeterminism};
        BehaviorBench bench(config);
        const BehaviorReport report = bench.Run();
        const Verdict& verdict = report.verdict(Axis::kMapping);
        EXPECT_TRUE(verdict.outcome != Outcome::kDetermined ||
                    verdict.value == "endpoint-independent")
            << life << " ms, delay " << delay << '\n'
            << Describe(report);
      }
    }
  }
}

}  // namespace
}  // namespace natkit::nat
