#include "coord/rotations.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "natkit/base/rng.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;
using Nodes = std::vector<NodeId>;

PublicKey Key(uint8_t byte) {
  PublicKey key;
  key.bytes.fill(byte);
  return key;
}

Instant At(int second) {
  return Instant{seconds(second)};
}

TEST(Rotations, AreCompleteWhenAllHaveAcknowledgedWhatToldThem) {
  Rotations rotations;
  rotations.Begin(1, Key(1), At(10), {2, 3});
  EXPECT_FALSE(rotations.IsComplete(1));
  EXPECT_EQ(rotations.NoteAck(2, 99), Nodes{});  // it was told nothing yet
  rotations.NoteSent(1, 2, 5);
  rotations.NoteSent(1, 2, 7);  // the first one has told it
  rotations.NoteSent(1, 3, 5);
  EXPECT_EQ(rotations.NoteAck(2, 4), Nodes{});
  EXPECT_EQ(rotations.NoteAck(2, 5), Nodes{});
  EXPECT_EQ(rotations.ViewersOf(1), Nodes{3});
  EXPECT_EQ(rotations.NoteAck(3, 6), Nodes{1});
  EXPECT_EQ(rotations.End(1), Key(1));
  EXPECT_EQ(rotations.End(1), std::nullopt);
  EXPECT_FALSE(rotations.NextTimeout());
}

TEST(Rotations, WhoLeavesIsNotWaitedForButTheDeadlineIs) {
  Rotations rotations;
  rotations.Begin(1, Key(1), At(10), {2});
  rotations.Begin(2, Key(2), At(8), {1, 3});
  rotations.Leave(2);
  EXPECT_TRUE(rotations.IsComplete(1));
  EXPECT_EQ(rotations.NextTimeout(), At(8));
  EXPECT_EQ(rotations.Due(At(7)), Nodes{});
  EXPECT_EQ(rotations.Due(At(10)), (Nodes{2, 1}));
}

TEST(Rotations, AKeyThatIsAnnouncedAgainBeginsAnew) {
  Rotations rotations;
  rotations.Begin(1, Key(1), At(10), {2, 3});
  rotations.NoteSent(1, 2, 5);
  rotations.Begin(1, Key(2), At(12), {2});
  EXPECT_EQ(rotations.NextTimeout(), At(12));
  EXPECT_EQ(rotations.AwaitedBy(3), Nodes{});
  EXPECT_EQ(rotations.NoteAck(2, 5), Nodes{});
  rotations.NoteSent(1, 2, 8);
  EXPECT_EQ(rotations.NoteAck(2, 8), Nodes{1});
  EXPECT_EQ(rotations.End(1), Key(2));
}

/// All pairs of a node and a viewer that it waits for.
using Pairs = std::map<NodeId, std::map<NodeId, std::optional<uint64_t>>>;

TEST(Rotations, AreFoundByViewerAsByNode) {
  SeededRng rng(6);
  Rotations rotations;
  Pairs expected;
  constexpr uint32_t kNodes = 8;
  for (uint64_t step = 0; step < 5000; ++step) {
    const NodeId node = 1 + rng.Below(kNodes);
    const NodeId viewer = 1 + rng.Below(kNodes);
    switch (rng.Below(6)) {
      case 0: {
        Nodes viewers;
        for (NodeId each = 1; each <= kNodes; ++each) {
          if (each != node && rng.Below(2) == 0) {
            viewers.push_back(each);
          }
        }
        rotations.Begin(node, Key(1), At(1), viewers);
        expected[node].clear();
        for (const NodeId each : viewers) {
          expected[node][each] = std::nullopt;
        }
        break;
      }
      case 1:
        EXPECT_EQ(rotations.End(node).has_value(), expected.erase(node) != 0);
        break;
      case 2:
        rotations.Leave(viewer);
        for (auto& [each, viewers] : expected) {
          viewers.erase(viewer);
        }
        break;
      case 3:
        rotations.NoteSent(node, viewer, step);
        if (expected.contains(node) && expected[node].contains(viewer)) {
          auto& told = expected[node][viewer];
          told = told.value_or(step);
        }
        break;
      default: {
        const uint64_t sequence = step - std::min(step, rng.Below(20) + 0UL);
        Nodes ready;
        for (auto& [each, viewers] : expected) {
          const auto found = viewers.find(viewer);
          if (found != viewers.end() && found->second &&
              *found->second <= sequence) {
            viewers.erase(found);
            if (viewers.empty()) {
              ready.push_back(each);
            }
          }
        }
        EXPECT_EQ(rotations.NoteAck(viewer, sequence), ready);
      }
    }
    Nodes awaiting;
    for (const auto& [each, viewers] : expected) {
      if (viewers.contains(viewer)) {
        awaiting.push_back(each);
      }
    }
    ASSERT_EQ(rotations.AwaitedBy(viewer), awaiting) << step;
    ASSERT_EQ(rotations.Due(At(1)).size(), expected.size()) << step;
  }
}

}  // namespace
}  // namespace natkit::mesh
