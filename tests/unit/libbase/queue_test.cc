#include "natkit/base/queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace natkit {
namespace {

TEST(TakeFront, TakesTheOldestUntilThereIsNone) {
  std::deque<int> queue{1, 2};
  EXPECT_EQ(TakeFront(queue), 1);
  EXPECT_EQ(TakeFront(queue), 2);
  EXPECT_EQ(TakeFront(queue), std::nullopt);
  queue.push_back(3);
  EXPECT_EQ(TakeFront(queue), 3);
}

TEST(TakeFront, MovesWhatCannotBeCopied) {
  std::deque<std::unique_ptr<int>> queue;
  queue.push_back(std::make_unique<int>(7));
  EXPECT_EQ(**TakeFront(queue), 7);
  EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace natkit
