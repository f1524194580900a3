// A discovery that is asked for some axes alone: answers these as a whole one
// would, along with what they need, and does nothing else.

#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>

#include "behavior_bench.h"
#include "natkit/nat/behavior_report.h"

namespace natkit::nat {
namespace {

using sim::BehaviorBench;
using sim::BenchConfig;
using sim::BenchFor;
using sim::Describe;
using std::chrono::seconds;

BehaviorReport Ask(std::set<Axis> axes, const char* profile = "cgn-cellular") {
  BenchConfig config = BenchFor(profile);
  config.discovery.axes = std::move(axes);
  BehaviorBench bench(config);
  return bench.Run();
}

std::set<Axis> Answered(const BehaviorReport& report) {
  std::set<Axis> answered;
  for (const auto& [axis, verdict] : report.verdicts) {
    if (verdict.outcome != Outcome::kUntested) {
      answered.insert(axis);
    }
  }
  return answered;
}

const std::set<Axis> kAlways = {Axis::kUdp, Axis::kServer, Axis::kTranslation};

std::set<Axis> And(std::set<Axis> axes) {
  axes.insert(kAlways.begin(), kAlways.end());
  return axes;
}

TEST(Axes, NoneAreTheServerAlone) {
  const BehaviorReport report = Ask({});
  EXPECT_EQ(Answered(report), kAlways) << Describe(report);
  EXPECT_FALSE(report.traits.external_addresses.empty());
  EXPECT_LT(report.took, seconds(3));
  EXPECT_EQ(report.verdicts.size(), AllAxes().size());
}

TEST(Axes, WhatOneNeedsIsAskedToo) {
  EXPECT_EQ(Answered(Ask({Axis::kMapping})), And({Axis::kMapping}));
  EXPECT_EQ(Answered(Ask({Axis::kFiltering})),
            And({Axis::kMapping, Axis::kFiltering, Axis::kPoisoning}));
  EXPECT_EQ(Answered(Ask({Axis::kHairpinning})),
            And({Axis::kMapping, Axis::kFiltering, Axis::kPoisoning,
                 Axis::kHairpinning}));
  EXPECT_EQ(Answered(Ask({Axis::kDepth})),
            And({Axis::kPortMapping, Axis::kDepth}));
  EXPECT_EQ(Answered(Ask({Axis::kInboundRefresh})),
            And({Axis::kAssuredLifetime, Axis::kInboundRefresh}));
}

TEST(Axes, AFewAreAnsweredAsAllOfThemWouldBe) {
  for (const char* const profile :
       {"open", "firewall-only", "full-cone", "addr-restricted",
        "linux-poisonable", "symmetric-addr", "cgn-rfc6888", "cgn-cellular",
        "home-over-cellular", "nat64"}) {
    const BehaviorReport all = Ask(QuickAxes(), profile);
    const BehaviorReport few = Ask({Axis::kFiltering}, profile);
    for (const Axis axis : {Axis::kMapping, Axis::kFiltering}) {
      EXPECT_EQ(few.verdict(axis).outcome, Outcome::kDetermined)
          << profile << Describe(few);
      EXPECT_EQ(few.verdict(axis).value, all.verdict(axis).value) << profile;
    }
    EXPECT_LT(few.datagrams_sent * 2, all.datagrams_sent) << profile;
  }
}

TEST(Axes, ALifetimeCanBeMeasuredAlone) {
  const BehaviorReport report =
      Ask({Axis::kAssuredLifetime}, "linux-masquerade");
  EXPECT_EQ(Answered(report), And({Axis::kAssuredLifetime}));
  const LifetimeBracket bracket = report.lifetimes.at(Axis::kAssuredLifetime);
  EXPECT_LE(bracket.alive, seconds(120));
  ASSERT_TRUE(bracket.dead.has_value());
  EXPECT_GE(*bracket.dead, seconds(120));
  EXPECT_FALSE(report.traits.mapping.has_value());
}

TEST(Axes, QuickOnesTakeNoMinutes) {
  const BehaviorReport report = Ask(QuickAxes());
  EXPECT_LT(report.took, seconds(60));
  EXPECT_TRUE(report.lifetimes.empty());
}

}  // namespace
}  // namespace natkit::nat
