// When a thread of stunsrv lets requests gather.

#include "turn_pacer.h"

#include <gtest/gtest.h>

#include <chrono>

namespace natkit::stunsrv {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kPause = microseconds(200);

/// Turns of `requests` each, every `interval`, for `time`; the last pause.
class TurnPacerTest : public testing::Test {
 protected:
  Duration Run(Duration interval, uint64_t requests, Duration time) {
    Duration pause{};
    for (const Instant end = now_ + time; now_ < end; now_ += interval) {
      received_ += requests;
      pause = pacer_.PauseAfter(now_, received_);
    }
    return pause;
  }

  TurnPacer pacer_{kPause};
  Instant now_{seconds(1)};
  uint64_t received_ = 0;
};

TEST_F(TurnPacerTest, AFirstRequestAndAFewAreAnsweredAtOnce) {
  EXPECT_EQ(pacer_.PauseAfter(now_, 1), Duration::zero());
  EXPECT_EQ(Run(milliseconds(1), 10, seconds(1)), Duration::zero());
  EXPECT_EQ(Run(microseconds(100), 1, seconds(1)), Duration::zero());
}

TEST_F(TurnPacerTest, ManyGatherHoweverSmallTheTurns) {
  EXPECT_EQ(Run(microseconds(20), 1, milliseconds(10)), kPause);
  EXPECT_EQ(Run(milliseconds(1), 100, milliseconds(10)), kPause);
}

TEST_F(TurnPacerTest, ThePauseEndsWithTheLoad) {
  ASSERT_EQ(Run(microseconds(200), 64, seconds(1)), kPause);
  now_ += seconds(1);
  EXPECT_EQ(pacer_.PauseAfter(now_, received_ + 1), Duration::zero());
  now_ += milliseconds(1);
  EXPECT_EQ(pacer_.PauseAfter(now_, received_ + 2), Duration::zero());
}

TEST_F(TurnPacerTest, NoPauseIsWanted) {
  TurnPacer never(Duration::zero());
  for (uint64_t turn = 0; turn < 1000; ++turn) {
    now_ += microseconds(100);
    ASSERT_EQ(never.PauseAfter(now_, turn * 64), Duration::zero());
  }
}

}  // namespace
}  // namespace natkit::stunsrv
