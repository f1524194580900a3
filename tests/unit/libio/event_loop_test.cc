#include "natkit/io/event_loop.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "natkit/io/signal_watcher.h"
#include "natkit/io/timer.h"

namespace natkit::io {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLimit = 20s;

TEST(EventLoop, RunReturnsAfterStop) {
  EventLoop loop;
  int runs = 0;
  loop.Post([&] {
    ++runs;
    loop.Stop();
  });
  loop.Run();
  EXPECT_EQ(runs, 1);
}

TEST(EventLoop, RunsPostedTasksInOrderAlsoThoseOfOtherThreads) {
  EventLoop loop;
  std::vector<int> order;
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) {
      loop.Post([&order, i] { order.push_back(i); });
    }
  });
  EXPECT_TRUE(loop.RunUntil([&] { return order.size() == 100; }, kLimit));
  other.join();
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(EventLoop, RunUntilGivesUpAtItsLimit) {
  EventLoop loop;
  const Instant start = EventLoop::Now();
  EXPECT_FALSE(loop.RunUntil([] { return false; }, 30ms));
  EXPECT_GE(EventLoop::Now() - start, 30ms);
}

TEST(EventLoop, MayStopBeforeItIsDestroyedWithoutEverRunning) {
  EventLoop loop;
  loop.Stop();
}

TEST(EventLoop, WallClockIsLaterThan2024) {
  EXPECT_GT(EventLoop::UnixNow(), UnixTime(1704067200s));
}

TEST(Timer, FiresOnceAndNeverEarly) {
  EventLoop loop;
  std::vector<Instant> fired;
  Timer timer(loop, [&] { fired.push_back(EventLoop::Now()); });
  const Instant deadline = EventLoop::Now() + 20ms;
  timer.Arm(deadline);
  EXPECT_EQ(timer.deadline(), deadline);
  EXPECT_TRUE(loop.RunUntil([&] { return !fired.empty(); }, kLimit));
  EXPECT_FALSE(loop.RunUntil([&] { return fired.size() > 1; }, 30ms));
  EXPECT_GE(fired.at(0), deadline);
  EXPECT_EQ(timer.deadline(), std::nullopt);
}

TEST(Timer, ArmReplacesAndDisarmCancels) {
  EventLoop loop;
  int early = 0;
  int late = 0;
  Timer replaced(loop, [&] { ++early; });
  Timer cancelled(loop, [&] { ++early; });
  Timer last(loop, [&] { ++late; });
  replaced.Arm(EventLoop::Now() + 1ms);
  replaced.Arm(EventLoop::Now() + 1h);
  cancelled.Arm(EventLoop::Now() + 1ms);
  cancelled.Arm(std::nullopt);
  last.Arm(EventLoop::Now() + 10ms);
  EXPECT_TRUE(loop.RunUntil([&] { return late == 1; }, kLimit));
  EXPECT_EQ(early, 0);
}

TEST(Timer, ArmedInThePastByItsHandlerDoesNotStarveTheLoop) {
  EventLoop loop;
  std::optional<Timer> timer;
  int fired = 0;
  bool posted = false;
  timer.emplace(loop, [&] {
    ++fired;
    timer->Arm(EventLoop::Now() - 1s);
  });
  timer->Arm(Instant{});
  loop.Post([&] { posted = true; });
  EXPECT_TRUE(loop.RunUntil([&] { return posted && fired >= 3; }, kLimit));
}

TEST(Timer, MayDieInItsHandler) {
  EventLoop loop;
  bool fired = false;
  std::unique_ptr<Timer> timer;
  timer = std::make_unique<Timer>(loop, [&] {
    timer.reset();
    fired = true;
  });
  timer->Arm(EventLoop::Now());
  EXPECT_TRUE(loop.RunUntil([&] { return fired; }, kLimit));
}

TEST(EventLoop, ServesInsideAnotherLoop) {
  EventLoop loop;
  bool fired = false;
  bool posted = false;
  Timer timer(loop, [&] { fired = true; });
  timer.Arm(EventLoop::Now() + 20ms);
  std::thread other([&] { loop.Post([&] { posted = true; }); });
  const Instant limit = EventLoop::Now() + kLimit;
  while (!(fired && posted) && EventLoop::Now() < limit) {
    const auto next = loop.NextTimeout();
    const Duration wait =
        std::max(next.value_or(limit) - EventLoop::Now(), Duration{});
    pollfd ready{.fd = loop.descriptor(), .events = POLLIN, .revents = 0};
    poll(&ready, 1,
         static_cast<int>(
             std::chrono::ceil<std::chrono::milliseconds>(wait).count()));
    loop.RunReady();
  }
  other.join();
  EXPECT_TRUE(fired);
  EXPECT_TRUE(posted);
  EXPECT_EQ(loop.NextTimeout(), std::nullopt);
}

TEST(SignalWatcher, DeliversWhatItWatches) {
  EventLoop loop;
  std::vector<int> seen;
  SignalWatcher watcher(loop, {SIGUSR1, SIGUSR2},
                        [&](int number) { seen.push_back(number); });
  raise(SIGUSR2);
  EXPECT_TRUE(loop.RunUntil([&] { return !seen.empty(); }, kLimit));
  EXPECT_EQ(seen, std::vector{SIGUSR2});
}

}  // namespace
}  // namespace natkit::io
