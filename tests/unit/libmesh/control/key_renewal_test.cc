#include "natkit/mesh/control/key_renewal.h"

#include <gtest/gtest.h>

namespace natkit::mesh {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr WallTime kNow{std::chrono::milliseconds(1'800'000'000'000)};
constexpr hours kDay{24};

TEST(KeyRenewal, BeginsTwoWeeksBeforeTheEnd) {
  KeyRenewal renewal;
  EXPECT_EQ(renewal.NextAttempt(kNow), std::nullopt);
  renewal.SetExpiry(kNow, kNow + 180 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow + 166 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow + 170 * kDay), kNow + 170 * kDay);
}

TEST(KeyRenewal, WaitsForTheLastThirdOfAShortTime) {
  KeyRenewal renewal;
  renewal.SetExpiry(kNow, kNow + seconds(600));
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow + seconds(400));
  // The same map again is no new time.
  renewal.SetExpiry(kNow + seconds(300), kNow + seconds(600));
  EXPECT_EQ(renewal.NextAttempt(kNow + seconds(300)), kNow + seconds(400));
  // An administrator's end, long before that of the mesh.
  renewal.SetExpiry(kNow, kNow + 180 * kDay);
  renewal.SetExpiry(kNow + kDay, kNow + 2 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow + kDay), kNow + kDay + hours(16));
}

TEST(KeyRenewal, CountsFromTheKeysMakingAfterARestart) {
  KeyRenewal renewal;
  renewal.SetKeyMade(kNow - 170 * kDay);
  renewal.SetExpiry(kNow, kNow + 10 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow);
  KeyRenewal fresh;
  fresh.SetKeyMade(kNow);
  fresh.SetExpiry(kNow + seconds(1), kNow + 6 * kDay);
  EXPECT_EQ(fresh.NextAttempt(kNow), kNow + 4 * kDay);
  KeyRenewal odd;  // of a machine whose clock was set back
  odd.SetKeyMade(kNow + kDay);
  odd.SetExpiry(kNow, kNow + 3 * hours(1));
  EXPECT_EQ(odd.NextAttempt(kNow), kNow + hours(2));
}

TEST(KeyRenewal, IsTriedAgainEachDayThenEachHour) {
  KeyRenewal renewal;
  renewal.SetKeyMade(kNow - 170 * kDay);
  renewal.SetExpiry(kNow, kNow + 10 * kDay);
  renewal.HandleAttempt(kNow);
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow + kDay);
  renewal.HandleAttempt(kNow + 9 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow + 9 * kDay), kNow + 9 * kDay + hours(1));
}

TEST(KeyRenewal, RestsOnceTheServerHasSetALaterEnd) {
  KeyRenewal renewal;
  renewal.SetExpiry(kNow, kNow + kDay);
  renewal.HandleAttempt(kNow);
  renewal.SetExpiry(kNow, kNow + 180 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow + 166 * kDay);
}

TEST(KeyRenewal, IsOverWhenTheKeyHasExpired) {
  KeyRenewal renewal;
  renewal.SetExpiry(kNow, kNow);
  EXPECT_EQ(renewal.NextAttempt(kNow), std::nullopt);
}

}  // namespace
}  // namespace natkit::mesh
