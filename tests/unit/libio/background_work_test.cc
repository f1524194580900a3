#include "natkit/io/background_work.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "natkit/io/default_gateway.h"
#include "net_namespace.h"

namespace natkit::io {
namespace {

constexpr Duration kGenerous = std::chrono::seconds(60);

TEST(BackgroundWork, RunsOneAfterTheOtherOnAnotherThread) {
  EventLoop loop;
  BackgroundWork work(loop);
  std::vector<int> done;
  std::optional<std::thread::id> worker;
  for (int i = 0; i < 5; ++i) {
    work.Run([&] { worker = std::this_thread::get_id(); },
             [&done, i] { done.push_back(i); });
  }
  EXPECT_TRUE(loop.RunUntil([&] { return done.size() == 5; }, kGenerous));
  EXPECT_EQ(done, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_NE(worker, std::this_thread::get_id());
}

TEST(BackgroundWork, NobodyHearsOfWorkWhoseOwnerIsGone) {
  bool is_told = false;
  {
    EventLoop loop;
    BackgroundWork work(loop);
    work.Run([] {}, [&] { is_told = true; });
  }
  EXPECT_FALSE(is_told);
}

TEST(BackgroundWork, MayBeGivenMoreOnceItIsDone) {
  EventLoop loop;
  BackgroundWork work(loop);
  bool is_done = false;
  work.Run([] {}, [&] { work.Run([] {}, [&] { is_done = true; }); });
  EXPECT_TRUE(loop.RunUntil([&] { return is_done; }, kGenerous));
}

TEST(DefaultGateway, ThereIsNoneInAnEmptyNetwork) {
  const std::string refusal = RunInNetNamespace([] {
    for (const auto family : {AddressFamily::kIpv4, AddressFamily::kIpv6}) {
      EXPECT_FALSE(FindDefaultGateway(family));
    }
  });
  if (!refusal.empty()) {
    GTEST_SKIP() << refusal;
  }
}

}  // namespace
}  // namespace natkit::io
