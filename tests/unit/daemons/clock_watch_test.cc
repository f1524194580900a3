#include "shell/clock_watch.h"

#include <gtest/gtest.h>

namespace natkit::meshnode {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ClockWatch, NoticesSleepAndAClockThatIsSet) {
  ClockWatch watch;
  Instant now{seconds(5)};
  ClockWatch::WallClock::time_point wall{seconds(1'800'000'000)};
  EXPECT_EQ(watch.Check(now, wall), std::nullopt);
  now += seconds(10);
  wall += seconds(10) + milliseconds(400);
  EXPECT_EQ(watch.Check(now, wall), std::nullopt);
  now += seconds(10);
  wall += hours(8);
  EXPECT_EQ(watch.Check(now, wall), hours(8) - seconds(10));
  now += seconds(10);
  wall += seconds(10);
  EXPECT_EQ(watch.Check(now, wall), std::nullopt);
  wall -= hours(1);
  EXPECT_EQ(watch.Check(now, wall), -hours(1));
}

}  // namespace
}  // namespace natkit::meshnode
