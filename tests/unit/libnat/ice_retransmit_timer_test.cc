#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "ice/retransmit_timer.h"

namespace natkit::ice {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Action = RetransmitTimer::Action;

struct Trace {
  std::vector<Duration> sent{Duration::zero()};
  Duration gave_up{};
};

Trace RunToEnd(RetransmitTimer timer) {
  Trace trace;
  while (true) {
    const Instant now = timer.deadline();
    if (timer.Advance(now) == Action::kGiveUp) {
      trace.gave_up = now - Instant{};
      return trace;
    }
    trace.sent.push_back(now - Instant{});
  }
}

TEST(RetransmitTimer, FollowsTheRfc8489Schedule) {
  const RetransmitSchedule schedule;
  const Trace trace =
      RunToEnd(RetransmitTimer(schedule, Instant{}, schedule.initial_rto));
  EXPECT_EQ(trace.sent,
            (std::vector<Duration>{milliseconds(0), milliseconds(500),
                                   milliseconds(1500), milliseconds(3500),
                                   milliseconds(7500), milliseconds(15500),
                                   milliseconds(31500)}));
  EXPECT_EQ(trace.gave_up, milliseconds(39500));
}

TEST(RetransmitTimer, MeshTriesForAboutTenSeconds) {
  const auto schedule = AgentConfig::Mesh(Role::kControlling).check_schedule;
  const Trace trace =
      RunToEnd(RetransmitTimer(schedule, Instant{}, schedule.initial_rto));
  std::vector<Duration> expected;
  for (const int at : {0, 50, 150, 250, 350, 450, 550, 750, 1150, 1950, 3550,
                       5150, 6750, 8350}) {
    expected.emplace_back(milliseconds(at));
  }
  EXPECT_EQ(trace.sent, expected);
  EXPECT_EQ(trace.gave_up, milliseconds(9850));
}

TEST(RetransmitTimer, CancelledStillWaitsForTheAnswer) {
  const RetransmitSchedule schedule;
  RetransmitTimer timer(schedule, Instant{}, schedule.initial_rto);
  timer.CancelRetransmits(Instant{} + milliseconds(100));
  EXPECT_EQ(timer.Advance(Instant{} + seconds(8)), Action::kNone);
  EXPECT_EQ(timer.Advance(Instant{} + milliseconds(8100)), Action::kGiveUp);
}

TEST(RetransmitTimer, EarlyCallsDoNothing) {
  const RetransmitSchedule schedule;
  RetransmitTimer timer(schedule, Instant{}, schedule.initial_rto);
  EXPECT_EQ(timer.Advance(Instant{} + milliseconds(499)), Action::kNone);
  EXPECT_EQ(timer.sends(), 1);
}

}  // namespace
}  // namespace natkit::ice
