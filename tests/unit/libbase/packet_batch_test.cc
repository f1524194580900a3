#include "natkit/base/packet_batch.h"

#include <gtest/gtest.h>

#include <algorithm>

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

}  // namespace
}  // namespace natkit
