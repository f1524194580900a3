// Behavior discovery of NATs that have no name: parameters are drawn, the truth
// is derived from them. A verdict may be inconclusive; none may be wrong.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>

#include "behavior_bench.h"
#include "behavior_truth.h"
#include "natkit/nat/behavior_report.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::nat {
namespace {

using sim::BehaviorBench;
using sim::BehaviorTruth;
using sim::BenchConfig;
using sim::Describe;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr uint64_t kSeeds = 216;  // four times round

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class BehaviorRandom : public testing::TestWithParam<double> {
 protected:
  void Check(Axis axis, const std::set<std::string>& truth);
  void CheckLifetime(Axis axis, std::optional<Duration> truth);
  void Compare(const BehaviorTruth& truth);

  BehaviorReport report_;
  std::string context_;
  size_t determined_ = 0;
  size_t unknown_ = 0;
};

void BehaviorRandom::Check(Axis axis, const std::set<std::string>& truth) {
  const Verdict& verdict = report_.verdict(axis);
  if (verdict.outcome != Outcome::kDetermined) {
    unknown_ += verdict.outcome == Outcome::kInconclusive ? 1 : 0;
    return;
  }
  ++determined_;
  EXPECT_TRUE(std::ranges::any_of(truth,
                                  [&verdict](const std::string& word) {
                                    return verdict.value.starts_with(word);
                                  }))
      << AxisName(axis) << " is \"" << *truth.begin() << "\"" << context_
      << Describe(report_);
}

void BehaviorRandom::CheckLifetime(Axis axis, std::optional<Duration> truth) {
  if (report_.verdict(axis).outcome != Outcome::kDetermined) {
    ++unknown_;
    return;
  }
  ++determined_;
  const LifetimeBracket bracket = report_.lifetimes.at(axis);
  const auto slack = milliseconds(200);
  const Duration life = truth.value_or(std::chrono::hours(24));
  EXPECT_LE(bracket.alive, life + slack)
      << AxisName(axis) << context_ << Describe(report_);
  if (bracket.dead) {
    EXPECT_GE(*bracket.dead, life - slack)
        << AxisName(axis) << context_ << Describe(report_);
  }
}

void BehaviorRandom::Compare(const BehaviorTruth& truth) {
  for (const auto& [axis, values] : truth.values) {
    Check(axis, values);
  }
  for (const auto& [axis, lifetime] : truth.lifetimes) {
    CheckLifetime(axis, lifetime);
  }
}

TEST_P(BehaviorRandom, NoVerdictIsWrong) {
  const uint64_t first = FromEnvironment("NATKIT_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("NATKIT_SEEDS", kSeeds);
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    BenchConfig config = sim::DrawBench(seed);
    config.loss = GetParam();
    config.discovery.axes = AllAxes();
    context_ =
        "\nseed " + std::to_string(seed) + ' ' + sim::DescribeBench(config);
    BehaviorBench bench(config);
    report_ = bench.Run();
    Compare(sim::TruthOf(config));
  }
  RecordProperty("determined", static_cast<int>(determined_));
  RecordProperty("inconclusive", static_cast<int>(unknown_));
  // Whoever never commits himself is never wrong.
  EXPECT_LT(unknown_ * 5, determined_);
}

/// Links of all lengths, where packets also come twice and in another order.
void DrawLink(uint64_t seed, BenchConfig& config) {
  netsim::SimRng rng(netsim::DeriveSeed(seed, "link"));
  const uint32_t longest = rng.Chance(0.3) ? 900 : 300;
  config.delay = milliseconds(5 + rng.NextBelow(longest));
  config.jitter = milliseconds(rng.NextBelow(40));
  config.duplicate = rng.Chance(0.5) ? 0.1 : 0;
  config.reorder = rng.Chance(0.5) ? 0.1 : 0;
}

class BehaviorRandomLinks : public BehaviorRandom {};

TEST_P(BehaviorRandomLinks, NoVerdictIsWrong) {
  constexpr uint64_t kFew = 24;
  const uint64_t first = FromEnvironment("NATKIT_FIRST_SEED", 1);
  const uint64_t seeds = FromEnvironment("NATKIT_SEEDS", kFew);
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    BenchConfig config = sim::DrawBench(seed);
    DrawLink(seed, config);
    config.loss = GetParam();
    config.discovery.axes = AllAxes();
    context_ = "\nseed " + std::to_string(seed) + ", delay " +
               std::to_string(config.delay / milliseconds(1)) + " ms, " +
               sim::DescribeBench(config);
    BehaviorBench bench(config);
    report_ = bench.Run();
    Compare(sim::TruthOf(config));
  }
  std::cout << determined_ << " determined, " << unknown_ << " unknown\n";
}

INSTANTIATE_TEST_SUITE_P(Loss, BehaviorRandomLinks, testing::Values(0.0, 0.05),
                         [](const auto& param) {
                           return param.param > 0 ? "lossy" : "lossless";
                         });

INSTANTIATE_TEST_SUITE_P(Loss, BehaviorRandom, testing::Values(0.0, 0.05),
                         [](const auto& param) {
                           return param.param > 0 ? "lossy" : "lossless";
                         });

}  // namespace
}  // namespace natkit::nat
