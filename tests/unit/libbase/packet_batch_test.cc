#include "natkit/base/packet_batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace natkit {
namespace {

TEST(PacketBatch, KeepsPacketsApartAsItGrows) {
  PacketBatch batch;
  for (uint32_t i = 0; i < 100; ++i) {
    const std::vector<uint8_t> packet(i, static_cast<uint8_t>(i));
    batch.AppendCopy(packet, {.tag = i});
  }
  ASSERT_EQ(batch.size(), 100U);
  for (uint32_t i = 0; i < 100; ++i) {
    EXPECT_EQ(batch.bytes(i).size(), i);
    EXPECT_TRUE(
        std::ranges::all_of(batch.bytes(i), [i](uint8_t b) { return b == i; }));
    EXPECT_EQ(batch.meta(i).tag, i);
  }
}

TEST(PacketBatch, GivesBackWhatTheLastPacketDoesNotUse) {
  PacketBatch batch;
  batch.Append(1500, {});
  batch.TruncateLast(3);
  EXPECT_EQ(batch.bytes(0).size(), 3U);
  const auto* next = batch.Append(1, {}).data();
  EXPECT_EQ(next, batch.bytes(0).data() + 3);
  batch.DropLast();
  EXPECT_EQ(batch.size(), 1U);
  batch.Clear();
  EXPECT_TRUE(batch.is_empty());
}

/// A batch that fills the first `room` bytes of `memory`.
struct Lender {
  explicit Lender(size_t room, size_t max_packets = 10) {
    batch.Lend(MutableBytes(memory).first(room), max_packets);
  }

  [[nodiscard]] bool IsInside(size_t index) const {
    return batch.bytes(index).data() >= memory.data() &&
           batch.bytes(index).data() < memory.data() + memory.size();
  }

  std::array<uint8_t, 100> memory{};
  PacketBatch batch;
};

TEST(PacketBatch, FillsLentMemory) {
  Lender lender(30);
  lender.batch.AppendCopy(AsBytes("one"), {.tag = 1});
  lender.batch.AppendCopy(AsBytes("three"), {.tag = 2});
  EXPECT_EQ(AsText(ByteView(lender.memory).first(8)), "onethree");
  EXPECT_EQ(lender.batch.bytes(1).data(), lender.memory.data() + 3);
  EXPECT_EQ(lender.batch.mutable_bytes(1).data(), lender.memory.data() + 3);
  EXPECT_EQ(lender.batch.lent_count(), 2U);
  EXPECT_EQ(lender.batch.lent_size(), 8U);
}

TEST(PacketBatch, KeepsWhatDoesNotFitLentMemory) {
  Lender lender(9);
  lender.batch.AppendCopy(AsBytes("one"), {});
  lender.batch.AppendCopy(AsBytes("seventy"), {.tag = 7});
  // It would fit; but packets that went elsewhere come before it.
  lender.batch.AppendCopy(AsBytes("six"), {.tag = 6});
  ASSERT_EQ(lender.batch.size(), 3U);
  EXPECT_EQ(lender.batch.lent_count(), 1U);
  EXPECT_EQ(lender.batch.lent_size(), 3U);
  EXPECT_FALSE(lender.IsInside(1));
  EXPECT_FALSE(lender.IsInside(2));
  EXPECT_EQ(AsText(lender.batch.bytes(0)), "one");
  EXPECT_EQ(AsText(lender.batch.bytes(1)), "seventy");
  EXPECT_EQ(AsText(lender.batch.bytes(2)), "six");
  EXPECT_EQ(lender.batch.meta(1).tag, 7U);
}

TEST(PacketBatch, LendsForSoManyPacketsOnly) {
  Lender lender(100, 2);
  for (int i = 0; i < 3; ++i) {
    lender.batch.AppendCopy(AsBytes("x"), {});
  }
  EXPECT_EQ(lender.batch.lent_count(), 2U);
  EXPECT_FALSE(lender.IsInside(2));
}

TEST(PacketBatch, CutsAndDropsInLentMemory) {
  Lender lender(10);
  lender.batch.Append(8, {});
  lender.batch.TruncateLast(3);
  EXPECT_EQ(lender.batch.lent_size(), 3U);
  lender.batch.Append(7, {});
  EXPECT_EQ(lender.batch.lent_count(), 2U);
  lender.batch.DropLast();
  EXPECT_EQ(lender.batch.lent_count(), 1U);
  EXPECT_EQ(lender.batch.lent_size(), 3U);
  lender.batch.Append(8, {});  // outside
  lender.batch.TruncateLast(2);
  EXPECT_EQ(lender.batch.lent_size(), 3U);
  lender.batch.DropLast();
  EXPECT_EQ(lender.batch.lent_count(), 1U);
}

TEST(PacketBatch, GivesLentMemoryBackWhenCleared) {
  Lender lender(100);
  lender.batch.Append(8, {});
  lender.batch.Clear();
  EXPECT_EQ(lender.batch.lent_count(), 0U);
  lender.batch.Append(8, {});
  EXPECT_FALSE(lender.IsInside(0));
}

}  // namespace
}  // namespace natkit
