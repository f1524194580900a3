#include "agent/receive_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <vector>

#include "natkit/base/rng.h"

namespace natkit::c {
namespace {

constexpr size_t kBlock = ReceiveQueue::kBlockSize;

size_t BlocksOf(size_t size) {
  return std::max<size_t>(1, (size + kBlock - 1) / kBlock);
}

size_t Push(ReceiveQueue& queue, mesh::AgentId agent,
            const std::vector<uint8_t>& bytes) {
  return queue.Push({.agent = agent}, bytes);
}

std::vector<uint8_t> TakeFront(ReceiveQueue& queue) {
  std::vector<uint8_t> bytes(queue.Front()->size);
  queue.CopyFront(bytes);
  queue.Pop();
  return bytes;
}

TEST(ReceiveQueue, KeepsWhatADatagramIs) {
  ReceiveQueue queue(4 * kBlock, SIZE_MAX);
  const Endpoint remote = *Endpoint::Parse("192.0.2.1:7");
  const Endpoint local = *Endpoint::Parse("192.0.2.2:8");
  const std::vector<uint8_t> bytes(kBlock + 1, 0x5a);
  EXPECT_TRUE(queue.is_empty());
  EXPECT_EQ(queue.Front(), nullptr);
  EXPECT_EQ(queue.Push({.agent = 3, .remote = remote, .local = local}, bytes),
            0U);
  ASSERT_NE(queue.Front(), nullptr);
  EXPECT_EQ(queue.Front()->agent, 3U);
  EXPECT_EQ(queue.Front()->size, kBlock + 1);
  EXPECT_EQ(queue.Front()->remote, remote);
  EXPECT_EQ(queue.Front()->local, local);
  EXPECT_EQ(TakeFront(queue), bytes);
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReceiveQueue, EmptyDatagramsTakeRoom) {
  ReceiveQueue queue(4 * kBlock, SIZE_MAX);
  size_t lost = 0;
  for (int i = 0; i < 10; ++i) {
    lost += Push(queue, 1, {});
  }
  EXPECT_EQ(lost, 6U);
  EXPECT_EQ(queue.LostOf(1), 6U);
}

TEST(ReceiveQueue, WhoHasTheMostLosesItsOldest) {
  ReceiveQueue queue(8 * kBlock, SIZE_MAX);
  EXPECT_EQ(Push(queue, 1, {1}), 0U);
  for (uint8_t i = 0; i < 7; ++i) {
    EXPECT_EQ(Push(queue, 2, {i}), 0U);
  }
  EXPECT_EQ(Push(queue, 2, {7}), 1U);
  EXPECT_EQ(Push(queue, 3, {9}), 1U);
  EXPECT_EQ(queue.LostOf(1), 0U);
  EXPECT_EQ(queue.LostOf(2), 2U);
  EXPECT_EQ(queue.LostOf(3), 0U);
  EXPECT_EQ(TakeFront(queue), std::vector<uint8_t>{1});
  for (uint8_t i = 2; i < 8; ++i) {
    EXPECT_EQ(TakeFront(queue), std::vector<uint8_t>{i});
  }
  EXPECT_EQ(TakeFront(queue), std::vector<uint8_t>{9});
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReceiveQueue, ADatagramThatTakesMoreThanOthersHaveIsTheOneToGo) {
  ReceiveQueue queue(8 * kBlock, SIZE_MAX);
  for (mesh::AgentId agent = 1; agent <= 4; ++agent) {
    EXPECT_EQ(Push(queue, agent, std::vector<uint8_t>(2 * kBlock)), 0U);
  }
  EXPECT_EQ(Push(queue, 5, std::vector<uint8_t>(3 * kBlock)), 1U);
  EXPECT_EQ(queue.LostOf(5), 1U);
  EXPECT_EQ(Push(queue, 5, std::vector<uint8_t>(9 * kBlock)), 1U);
  EXPECT_EQ(queue.LostOf(5), 2U);
}

TEST(ReceiveQueue, OneAgentsShareMayBeLimited) {
  ReceiveQueue queue(8 * kBlock, 2 * kBlock + 1);
  EXPECT_EQ(Push(queue, 1, {1}), 0U);
  EXPECT_EQ(Push(queue, 1, {2}), 0U);
  EXPECT_EQ(Push(queue, 1, {3}), 1U);
  EXPECT_EQ(Push(queue, 1, std::vector<uint8_t>(3 * kBlock)), 3U);
  EXPECT_TRUE(queue.is_empty());
}

TEST(ReceiveQueue, ForgetsAnAgent) {
  ReceiveQueue queue(2 * kBlock, SIZE_MAX);
  EXPECT_EQ(Push(queue, 1, {1}), 0U);
  EXPECT_EQ(Push(queue, 2, {2}), 0U);
  EXPECT_EQ(Push(queue, 2, {3}), 1U);
  queue.Remove(2);
  queue.Remove(7);
  EXPECT_EQ(queue.LostOf(2), 0U);
  EXPECT_EQ(TakeFront(queue), std::vector<uint8_t>{1});
  EXPECT_TRUE(queue.is_empty());
  EXPECT_EQ(Push(queue, 4, std::vector<uint8_t>(2 * kBlock)), 0U);
}

/// What the queue should hold, kept in the simplest way.
struct Model {
  struct Item {
    mesh::AgentId agent;
    std::vector<uint8_t> bytes;
  };

  [[nodiscard]] size_t BlocksFor(mesh::AgentId agent) const {
    size_t blocks = 0;
    for (const Item& item : items) {
      blocks += item.agent == agent ? BlocksOf(item.bytes.size()) : 0;
    }
    return blocks;
  }

  std::deque<Item> items;
};

TEST(ReceiveQueue, LosesNothingOfWhoHasLessThanItsShare) {
  constexpr size_t kBlocks = 64;
  constexpr uint32_t kAgents = 4;
  SeededRng rng(17);
  ReceiveQueue queue(kBlocks * kBlock, SIZE_MAX);
  Model model;
  for (int step = 0; step < 20000; ++step) {
    const mesh::AgentId agent = 1 + rng.NextU32() % kAgents;
    const uint32_t choice = rng.NextU32() % 100;
    if (choice == 0) {
      queue.Remove(agent);
      std::erase_if(model.items,
                    [&](const auto& item) { return item.agent == agent; });
    } else if (choice < 45 && queue.Front() != nullptr) {
      ASSERT_EQ(queue.Front()->agent, model.items.front().agent);
      ASSERT_EQ(TakeFront(queue), model.items.front().bytes);
      model.items.pop_front();
    } else {
      // Agent 1 sends little, the others as much as they can.
      const size_t size = agent == 1 ? 10 : rng.NextU32() % (6 * kBlock);
      const std::vector<uint8_t> bytes(size, static_cast<uint8_t>(step));
      std::map<mesh::AgentId, uint64_t> before;
      for (mesh::AgentId id = 1; id <= kAgents; ++id) {
        before[id] = queue.LostOf(id);
      }
      if (agent != 1 || model.BlocksFor(1) < kBlocks / kAgents) {
        const size_t lost = Push(queue, agent, bytes);
        model.items.push_back({agent, bytes});
        size_t found = 0;
        for (mesh::AgentId id = 1; id <= kAgents; ++id) {
          for (uint64_t i = before[id]; i < queue.LostOf(id); ++i, ++found) {
            ASSERT_GT(model.BlocksFor(id), kBlocks / kAgents);
            model.items.erase(
                std::ranges::find(model.items, id, &Model::Item::agent));
          }
        }
        ASSERT_EQ(lost, found);
      }
    }
    ASSERT_EQ(queue.is_empty(), model.items.empty());
  }
}

}  // namespace
}  // namespace natkit::c
