#include "natkit/nat/keepalive_policy.h"

#include <gtest/gtest.h>

#include <chrono>

#include "natkit/base/rng.h"

namespace natkit::nat {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

NatTraits Lifetimes(Duration unreplied, Duration assured) {
  NatTraits traits;
  traits.unreplied_lifetime = unreplied;
  traits.assured_lifetime = assured;
  return traits;
}

TEST(KeepalivePolicy, StartsWithTheFloorOfIce) {
  const KeepalivePolicy policy;
  EXPECT_EQ(policy.Interval(false), seconds(15));
  EXPECT_EQ(policy.Interval(true), seconds(15));
}

TEST(KeepalivePolicy, FollowsTheMeasuredLifetimeOnBattery) {
  KeepalivePolicy policy;
  policy.SetPower(PowerMode::kBattery);
  policy.SetTraits(Lifetimes(seconds(30), seconds(120)));
  EXPECT_EQ(policy.Interval(false), seconds(19));
  EXPECT_EQ(policy.Interval(true), seconds(91));
  policy.SetTraits(Lifetimes(seconds(8), seconds(600)));
  EXPECT_EQ(policy.Interval(false), seconds(4));
  EXPECT_EQ(policy.Interval(true), seconds(110));
}

TEST(KeepalivePolicy, OnMainsPowerALongLifetimeIsNotUsedUp) {
  KeepalivePolicy policy;
  policy.SetTraits(Lifetimes(seconds(30), seconds(600)));
  EXPECT_EQ(policy.Interval(true), seconds(25));
}

TEST(KeepalivePolicy, AnIdlePhoneSendsNothing) {
  KeepalivePolicy policy;
  policy.SetPower(PowerMode::kMobileIdle);
  EXPECT_EQ(policy.Interval(true), std::nullopt);
}

TEST(KeepalivePolicy, ALossShortensForHours) {
  KeepalivePolicy policy;
  policy.SetPower(PowerMode::kBattery);
  policy.SetTraits(Lifetimes(seconds(120), seconds(120)));
  Instant now{};
  policy.NoteLost(now, seconds(91));
  EXPECT_EQ(policy.Interval(true), Duration(seconds(91)) / 2);
  policy.NoteAlive(now + hours(1), seconds(45));
  EXPECT_EQ(policy.Interval(true), Duration(seconds(91)) / 2);
  for (int i = 1; i <= 8; ++i) {
    now += hours(7);
    policy.NoteAlive(now, *policy.Interval(true));
  }
  EXPECT_EQ(policy.Interval(true), seconds(91));
}

TEST(KeepalivePolicy, SilenceIsALossOnlyIfThePathIsBackSoon) {
  KeepalivePolicy policy;
  policy.SetPower(PowerMode::kBattery);
  policy.SetTraits(Lifetimes(seconds(120), seconds(120)));
  policy.NoteSilent(Instant{}, seconds(90));
  policy.NoteBack(Instant{} + seconds(61));
  EXPECT_EQ(policy.Interval(true), seconds(91));
  policy.NoteSilent(Instant{} + hours(1), seconds(90));
  policy.NoteBack(Instant{} + hours(1) + seconds(3));
  EXPECT_EQ(policy.Interval(true), seconds(45));
}

TEST(KeepalivePolicy, JitterIsTenPercent) {
  const KeepalivePolicy policy;
  SeededRng rng(1);
  for (int i = 0; i < 1000; ++i) {
    const Duration interval = *policy.Jittered(true, rng);
    EXPECT_GE(interval, Duration(seconds(15)) * 9 / 10);
    EXPECT_LE(interval, Duration(seconds(15)) * 11 / 10);
  }
}

}  // namespace
}  // namespace natkit::nat
