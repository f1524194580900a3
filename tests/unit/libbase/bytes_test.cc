#include "natkit/base/bytes.h"

#include <gtest/gtest.h>

namespace natkit {
namespace {

TEST(ByteReader, ReadsIntegersInBothOrders) {
  const std::array<uint8_t, 15> raw = {1, 2, 3, 4, 5, 6, 7, 1,
                                       0, 0, 0, 0, 0, 0, 2};
  ByteReader in(raw);
  uint8_t u8 = 0;
  uint16_t u16 = 0;
  uint32_t u32 = 0;
  ASSERT_TRUE(in.ReadU8(u8) && in.ReadU16(u16) && in.ReadU32(u32));
  EXPECT_EQ(u8, 1);
  EXPECT_EQ(u16, 0x0203);
  EXPECT_EQ(u32, 0x04050607U);
  uint64_t u64 = 0;
  ASSERT_TRUE(in.ReadU64Le(u64));
  EXPECT_EQ(u64, 0x0200000000000001U);
  EXPECT_TRUE(in.is_empty());
}

TEST(ByteReader, MovesNothingWhenAReadFails) {
  const std::array<uint8_t, 3> raw = {1, 2, 3};
  ByteReader in(raw);
  uint32_t u32 = 77;
  EXPECT_FALSE(in.ReadU32(u32));
  EXPECT_EQ(u32, 77U);
  EXPECT_EQ(in.offset(), 0U);
  EXPECT_FALSE(in.Skip(4));
  EXPECT_EQ(in.remaining(), 3U);
}

TEST(ByteReader, ConfinesAChildToItsBytes) {
  const std::array<uint8_t, 4> raw = {1, 2, 3, 4};
  ByteReader in(raw);
  ByteReader child{ByteView{}};
  ASSERT_TRUE(in.ReadChild(2, child));
  uint32_t u32 = 0;
  EXPECT_FALSE(child.ReadU32(u32));
  EXPECT_EQ(in.remaining(), 2U);
  EXPECT_EQ(in.ReadRest().size(), 2U);
}

TEST(ByteWriter, WritesBigAndLittleEndian) {
  std::array<uint8_t, 16> raw{};
  ByteWriter out(raw);
  out.WriteU16(0x0102);
  out.WriteU32Le(0x03040506);
  out.WriteZeros(2);
  out.PatchU16(6, 0x0a0b);
  ASSERT_FALSE(out.overflowed());
  const std::array<uint8_t, 8> want = {1, 2, 6, 5, 4, 3, 0x0a, 0x0b};
  EXPECT_TRUE(std::equal(want.begin(), want.end(), out.written().begin(),
                         out.written().end()));
}

TEST(ByteWriter, WritesNothingAfterAnOverflow) {
  std::array<uint8_t, 3> raw{};
  ByteWriter out(raw);
  out.WriteU16(1);
  out.WriteU32(2);
  EXPECT_TRUE(out.overflowed());
  out.WriteU8(9);
  EXPECT_EQ(out.size(), 2U);
  EXPECT_EQ(raw[2], 0);
}

}  // namespace
}  // namespace natkit
