// Replay window, keypairs and their ring, deadline heap, index table, staged
// packets.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <vector>

#include "device/peer_state.h"
#include "transport/index_table.h"
#include "transport/keypair.h"
#include "transport/keypair_ring.h"
#include "transport/replay_window.h"

namespace natkit::wg {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kWindow = ReplayWindow::kWindowSize;

TEST(ReplayWindow, AcceptsEachCounterOnce) {
  ReplayWindow window;
  EXPECT_TRUE(window.Accept(0));
  EXPECT_FALSE(window.Accept(0));
  EXPECT_TRUE(window.Accept(2));
  EXPECT_TRUE(window.Accept(1));
  EXPECT_FALSE(window.Accept(1));
  EXPECT_FALSE(window.Accept(2));
}

TEST(ReplayWindow, EndsExactlyAtItsSize) {
  ReplayWindow window;
  ASSERT_TRUE(window.Accept(kWindow + 1));
  EXPECT_FALSE(window.Accept(0));
  EXPECT_TRUE(window.Accept(1));
  EXPECT_FALSE(window.Accept(1));
  EXPECT_TRUE(window.Accept(kWindow));
}

TEST(ReplayWindow, ForgetsNothingInsideWhenItAdvancesByWords) {
  ReplayWindow window;
  for (const uint64_t counter : {0U, 63U, 64U, 127U, 128U, 8000U, 8191U}) {
    EXPECT_TRUE(window.Accept(counter)) << counter;
    EXPECT_FALSE(window.Accept(counter)) << counter;
  }
  EXPECT_FALSE(window.Accept(64)) << "still inside, seen";
  EXPECT_TRUE(window.Accept(65));
}

TEST(ReplayWindow, AJumpBeyondTheWholeWindowClearsIt) {
  ReplayWindow window;
  for (uint64_t counter = 0; counter < 2 * kWindow; ++counter) {
    ASSERT_TRUE(window.Accept(counter));
  }
  const uint64_t far = 1'000'000'007;
  ASSERT_TRUE(window.Accept(far));
  for (uint64_t back = 1; back <= kWindow; ++back) {
    ASSERT_TRUE(window.Accept(far - back)) << back;
  }
  EXPECT_FALSE(window.Accept(far - kWindow - 1));
}

TEST(ReplayWindow, WorksUpToTheLastCounter) {
  ReplayWindow window;
  const uint64_t last = kRejectAfterMessages - 1;
  EXPECT_TRUE(window.Accept(last));
  EXPECT_FALSE(window.Accept(last));
  EXPECT_TRUE(window.Accept(last - kWindow));
  EXPECT_FALSE(window.Accept(last - kWindow - 1));
}

TEST(ReplayWindow, AgreesWithASetOnRandomOrders) {
  SeededRng rng(7);
  ReplayWindow window;
  std::set<uint64_t> seen;
  uint64_t highest = 0;
  for (int i = 0; i < 50'000; ++i) {
    const uint64_t base = highest > 9000 ? highest - 9000 : 0;
    const uint64_t counter = base + rng.Below(9100);
    const bool is_new = highest <= counter + kWindow && !seen.contains(counter);
    ASSERT_EQ(window.IsNew(counter), is_new);
    ASSERT_EQ(window.Accept(counter), is_new);
    if (is_new) {
      seen.insert(counter);
      highest = std::max(highest, counter);
    }
  }
}

TransportKeys Keys(bool is_flipped) {
  TransportKeys keys;
  keys.send.ExposeMutable()[0] = is_flipped ? 1 : 2;
  keys.receive.ExposeMutable()[0] = is_flipped ? 2 : 1;
  return keys;
}

TEST(Keypair, OpensOnceAndOnlyWhatItsPeerSealed) {
  Keypair sender({}, Keys(false));
  Keypair receiver({}, Keys(true));
  const std::vector<uint8_t> content(33, 0xAB);
  std::vector<uint8_t> wire(Keypair::SealedSize(48));
  sender.Seal(content, wire);
  std::vector<uint8_t> out(48);
  std::vector<uint8_t> bad = wire;
  bad.back() ^= 1;
  EXPECT_EQ(receiver.Open(*ParseData(bad), out).error().code,
            Errc::kAuthFailed);
  ASSERT_TRUE(receiver.Open(*ParseData(wire), out));
  EXPECT_TRUE(std::ranges::equal(content, std::span(out).first(33)));
  EXPECT_TRUE(std::ranges::all_of(std::span(out).subspan(33),
                                  [](uint8_t byte) { return byte == 0; }));
  EXPECT_EQ(receiver.Open(*ParseData(wire), out).error().code, Errc::kReplayed);
}

TEST(Keypair, RefusesCountersFromRejectAfterMessagesOn) {
  Keypair receiver({}, Keys(true));
  std::array<uint8_t, kMinDataSize> wire{};
  WriteDataHeader(ReceiverIndex{0}, kRejectAfterMessages,
                  std::span(wire).first<kDataHeaderSize>());
  EXPECT_EQ(receiver.Open(*ParseData(wire), {}).error().code, Errc::kNoSession);
}

TEST(KeypairRing, AResponderConfirmsBeforeItSwitches) {
  const auto make = [](Role role, uint32_t index) {
    return std::make_unique<Keypair>(
        Keypair::Config{.role = role, .local_index = SenderIndex{index}},
        Keys(false));
  };
  std::vector<uint32_t> dropped;
  const auto drop = [&](const Keypair& keypair) {
    dropped.push_back(static_cast<uint32_t>(keypair.local_index()));
  };
  KeypairRing ring;
  ring.Add(make(Role::kInitiator, 1), drop);
  const Keypair* first = ring.current();
  ring.Add(make(Role::kResponder, 2), drop);
  EXPECT_EQ(ring.current(), first);
  EXPECT_FALSE(ring.Confirm(first, drop));
  ring.Add(make(Role::kResponder, 3), drop);
  EXPECT_EQ(dropped, std::vector<uint32_t>{2}) << "an unconfirmed one goes";
  ring.Add(make(Role::kInitiator, 4), drop);
  EXPECT_EQ(dropped, std::vector<uint32_t>{2})
      << "the peer may use 3 already, and what it sealed with 1 is on its way";
  ring.Clear(drop);
  EXPECT_EQ(dropped, (std::vector<uint32_t>{2, 4, 1, 3}));
  EXPECT_TRUE(ring.is_empty());
}

TEST(KeypairRing, KeepsTheSessionThatThePeerSealsWithWhenHandshakesCross) {
  const auto make = [](Role role, uint32_t index) {
    return std::make_unique<Keypair>(
        Keypair::Config{.role = role, .local_index = SenderIndex{index}},
        Keys(false));
  };
  std::vector<uint32_t> dropped;
  const auto drop = [&](const Keypair& keypair) {
    dropped.push_back(static_cast<uint32_t>(keypair.local_index()));
  };
  KeypairRing ring;
  const auto add = [&](Role role, uint32_t index) {
    auto keypair = make(role, index);
    const Keypair* added = keypair.get();
    ring.Add(std::move(keypair), drop);
    return added;
  };
  // Both began: we seal with 2, the peer with 1.
  const Keypair* peers = add(Role::kResponder, 1);
  add(Role::kInitiator, 2);
  EXPECT_FALSE(ring.Confirm(peers, drop));
  ring.NoteHeard(peers);
  // And again, at the same time: 1 opens what is on its way.
  const Keypair* next = add(Role::kResponder, 3);
  add(Role::kInitiator, 4);
  EXPECT_EQ(dropped, std::vector<uint32_t>{2});
  ring.NoteHeard(next);
  add(Role::kInitiator, 5);
  EXPECT_EQ(dropped, (std::vector<uint32_t>{2, 4, 1}));
  // No more than four, whatever happens.
  for (uint32_t index = 6; index < 30; ++index) {
    add(index % 3 == 0 ? Role::kInitiator : Role::kResponder, index);
    EXPECT_GE(dropped.size() + 4, index);
  }
}

/// Repeats its first number, so that indices collide.
class StutteringRng final : public Rng {
 public:
  void Fill(MutableBytes out) override {
    std::ranges::fill(out, static_cast<uint8_t>(calls_++ < 5 ? 7 : calls_));
  }

 private:
  int calls_ = 0;
};

TEST(IndexTable, DrawsAgainUntilTheIndexIsUnique) {
  StutteringRng rng;
  IndexTable table(rng);
  const SenderIndex first = table.Add({});
  const SenderIndex second = table.Add({});
  EXPECT_EQ(first, SenderIndex{0x07070707});
  EXPECT_NE(first, second);
  EXPECT_NE(table.Find(AsPeerIndex(first)), nullptr);
  table.Remove(first);
  EXPECT_EQ(table.Find(AsPeerIndex(first)), nullptr);
  EXPECT_EQ(table.size(), 1U);
}

class ConstantRng final : public Rng {
 public:
  void Fill(MutableBytes out) override {
    std::ranges::fill(out, uint8_t{0xff});
  }
};

TEST(IndexTable, CountsOnIfTheSourceRepeatsItself) {
  ConstantRng rng;
  IndexTable table(rng);
  EXPECT_EQ(table.Add({}), SenderIndex{0xffffffff});
  EXPECT_EQ(table.Add({}), SenderIndex{0});
  EXPECT_EQ(table.Add({}), SenderIndex{1});
}

TEST(DeadlineHeap, AgreesWithASortedListOnRandomUpdates) {
  SeededRng rng(3);
  const DeviceConfig config;
  std::vector<std::unique_ptr<Peer>> peers;
  for (PeerId id = 1; id <= 50; ++id) {
    peers.push_back(std::make_unique<Peer>(id, PublicKey{}, config));
  }
  std::vector<std::optional<Instant>> expected(peers.size());
  DeadlineHeap heap;
  for (int i = 0; i < 5'000; ++i) {
    const size_t which = rng.Below(peers.size());
    expected[which].reset();
    if (rng.Below(4) != 0) {
      expected[which] = Instant{} + Duration(rng.Below(100));
    }
    heap.Update(*peers[which], expected[which]);
    std::optional<Instant> earliest;
    for (const auto& deadline : expected) {
      if (deadline && (!earliest || *deadline < *earliest)) {
        earliest = deadline;
      }
    }
    ASSERT_EQ(heap.Earliest(), earliest);
    if (earliest) {
      const Peer* due = heap.Due(*earliest);
      ASSERT_NE(due, nullptr);
      ASSERT_EQ(expected[due->id - 1], earliest);
      ASSERT_EQ(heap.Due(*earliest - 1ns), nullptr);
    }
  }
}

TEST(StagedQueue, IsBoundedInPacketsAndBytes) {
  StagedQueue queue(3, 100);
  const std::vector<uint8_t> packet(40);
  EXPECT_EQ(queue.Push(packet), 0U);
  EXPECT_EQ(queue.Push(packet), 0U);
  EXPECT_EQ(queue.Push(packet), 1U);
  EXPECT_EQ(queue.Push(std::vector<uint8_t>(101)), 3U) << "itself too";
  for (uint8_t i = 0; i < 5; ++i) {
    (void)queue.Push({&i, 1});
  }
  const auto all = queue.TakeAll();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all.front().front(), 2);
  EXPECT_TRUE(queue.is_empty());
}

}  // namespace
}  // namespace natkit::wg
