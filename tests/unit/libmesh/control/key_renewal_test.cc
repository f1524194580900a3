#include "natkit/mesh/control/key_renewal.h"

#include <gtest/gtest.h>

namespace natkit::mesh {
namespace {

using std::chrono::hours;

constexpr WallTime kNow{std::chrono::milliseconds(1'800'000'000'000)};
constexpr hours kDay{24};

TEST(KeyRenewal, BeginsTwoWeeksBeforeTheEnd) {
  KeyRenewal renewal;
  EXPECT_EQ(renewal.NextAttempt(kNow), std::nullopt);
  renewal.SetExpiry(kNow + 180 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow + 166 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow + 170 * kDay), kNow + 170 * kDay);
}

TEST(KeyRenewal, IsTriedAgainEachDayThenEachHour) {
  KeyRenewal renewal;
  renewal.SetExpiry(kNow + 10 * kDay);
  renewal.HandleAttempt(kNow);
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow + kDay);
  renewal.HandleAttempt(kNow + 9 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow + 9 * kDay), kNow + 9 * kDay + hours(1));
}

TEST(KeyRenewal, RestsOnceTheServerHasSetALaterEnd) {
  KeyRenewal renewal;
  renewal.SetExpiry(kNow + kDay);
  renewal.HandleAttempt(kNow);
  renewal.SetExpiry(kNow + 180 * kDay);
  EXPECT_EQ(renewal.NextAttempt(kNow), kNow + 166 * kDay);
}

TEST(KeyRenewal, IsOverWhenTheKeyHasExpired) {
  KeyRenewal renewal;
  renewal.SetExpiry(kNow);
  EXPECT_EQ(renewal.NextAttempt(kNow), std::nullopt);
}

}  // namespace
}  // namespace natkit::mesh
