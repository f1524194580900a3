// How closely lifetimes are found, from the shortest in use to half an hour,
// although the server answers RESPONSE-PORT only now and then.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <tuple>

#include "behavior_bench.h"
#include "natkit/nat/behavior_report.h"

namespace natkit::nat {
namespace {

using sim::BehaviorBench;
using sim::BenchConfig;
using sim::BenchFor;
using sim::Describe;
using std::chrono::seconds;

class LifetimeBrackets
    : public testing::TestWithParam<std::tuple<int, double>> {};

TEST_P(LifetimeBrackets, AreNarrow) {
  const auto [life, loss] = GetParam();
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    BenchConfig config = BenchFor("port-restricted");
    config.seed = seed;
    config.loss = loss;
    config.home.timeouts.udp_unreplied = seconds(life);
    config.home.timeouts.udp_assured = seconds(life);
    config.discovery.axes = AllAxes();
    config.discovery.longest_lifetime = seconds(1900);
    BehaviorBench bench(config);
    const BehaviorReport& report = bench.Run();
    for (const Axis axis :
         {Axis::kUnrepliedLifetime, Axis::kOneExchangeLifetime,
          Axis::kAssuredLifetime}) {
      const std::string where = "seed " + std::to_string(seed) + ", " +
                                std::string(AxisName(axis)) + "\n" +
                                Describe(report);
      ASSERT_EQ(report.verdict(axis).outcome, Outcome::kDetermined) << where;
      const LifetimeBracket bracket = report.lifetimes.at(axis);
      ASSERT_TRUE(bracket.dead.has_value()) << where;
      EXPECT_LE(bracket.alive, seconds(life + 1)) << where;
      EXPECT_GE(*bracket.dead, seconds(life - 1)) << where;
      const int narrow =
          loss > 0 ? std::max(16, life / 8) : std::max(8, life / 10);
      EXPECT_LE(*bracket.dead - bracket.alive, seconds(narrow)) << where;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Lifetimes, LifetimeBrackets,
                         testing::Combine(testing::Values(15, 22, 30, 47, 60,
                                                          100, 120, 185, 300,
                                                          550, 900, 1200, 1800),
                                          testing::Values(0.0, 0.05)),
                         [](const auto& param) {
                           return std::to_string(std::get<0>(param.param)) +
                                  (std::get<1>(param.param) > 0 ? "s_lossy"
                                                                : "s");
                         });

}  // namespace
}  // namespace natkit::nat
