#include "natkit/nat/stun_retransmit.h"

#include <gtest/gtest.h>

#include <chrono>

namespace natkit::stun {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(RetransmitTimer, IgnoresEarlyAndRepeatedTimeouts) {
  RetransmitTimer timer(RetransmitSchedule::Udp());
  EXPECT_EQ(timer.HandleTimeout(Instant{}), RetransmitAction::kNone);
  timer.Start(Instant{});
  EXPECT_EQ(timer.HandleTimeout(Instant{milliseconds(499)}),
            RetransmitAction::kNone);
  EXPECT_EQ(timer.HandleTimeout(Instant{milliseconds(500)}),
            RetransmitAction::kSend);
  EXPECT_EQ(timer.HandleTimeout(Instant{milliseconds(500)}),
            RetransmitAction::kNone);
  EXPECT_EQ(timer.requests_sent(), 2);
}

TEST(RetransmitTimer, SendsOnceAfterAPause) {
  RetransmitTimer timer(RetransmitSchedule::Udp());
  timer.Start(Instant{});
  const Instant late{hours(1)};
  EXPECT_EQ(timer.HandleTimeout(late), RetransmitAction::kSend);
  EXPECT_EQ(timer.HandleTimeout(late), RetransmitAction::kNone);
  EXPECT_EQ(timer.NextTimeout(), late + milliseconds(1000));
}

TEST(RetransmitTimer, NeverWaitsLongerThanTheLongestInterval) {
  RetransmitTimer timer({.initial_timeout = milliseconds(300),
                         .max_interval = milliseconds(100),
                         .request_count = 3,
                         .final_wait = milliseconds(800)});
  timer.Start(Instant{});
  EXPECT_EQ(timer.NextTimeout(), Instant{milliseconds(100)});
  EXPECT_EQ(timer.HandleTimeout(Instant{milliseconds(100)}),
            RetransmitAction::kSend);
  EXPECT_EQ(timer.NextTimeout(), Instant{milliseconds(200)});
  EXPECT_EQ(timer.HandleTimeout(Instant{milliseconds(200)}),
            RetransmitAction::kSend);
  EXPECT_EQ(timer.NextTimeout(), Instant{milliseconds(1000)});
}

TEST(RetransmitTimer, TcpSendsOnceAndWaits39500Milliseconds) {
  RetransmitTimer timer(RetransmitSchedule::Tcp());
  timer.Start(Instant{});
  EXPECT_EQ(timer.NextTimeout(), Instant{milliseconds(39500)});
  EXPECT_EQ(timer.HandleTimeout(Instant{milliseconds(39500)}),
            RetransmitAction::kGiveUp);
  EXPECT_FALSE(timer.NextTimeout());
}

}  // namespace
}  // namespace natkit::stun
