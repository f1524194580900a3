// The checksum of FINGERPRINT, against published values and against the
// definition, bit by bit.

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/rng.h"
#include "stun/crc32.h"

namespace natkit::stun {
namespace {

/// Polynomial division as ITU-T V.42 section 8.1.1.6.2 says.
uint32_t DivideBitByBit(ByteView bytes) {
  uint32_t crc = 0xFFFFFFFF;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xEDB88320 : crc >> 1;
    }
  }
  return ~crc;
}

TEST(Crc32Test, KnownValues) {
  EXPECT_EQ(Crc32({}), 0U);
  EXPECT_EQ(Crc32(AsBytes(std::string_view("a"))), 0xE8B7BE43U);
  EXPECT_EQ(Crc32(AsBytes(std::string_view("123456789"))), 0xCBF43926U);
  EXPECT_EQ(Crc32(AsBytes(std::string_view(
                "The quick brown fox jumps over the lazy dog"))),
            0x414FA339U);
  EXPECT_EQ(Crc32(std::vector<uint8_t>(32, 0x00)), 0x190A55ADU);
  EXPECT_EQ(Crc32(std::vector<uint8_t>(32, 0xFF)), 0xFF6CAB0BU);
}

TEST(Crc32Test, EachLengthAndAlignmentIsTheRemainder) {
  SeededRng rng(1);
  std::vector<uint8_t> bytes(200);
  rng.Fill(bytes);
  for (size_t from = 0; from < 8; ++from) {
    for (size_t size = 0; from + size <= bytes.size(); ++size) {
      const auto part = ByteView(bytes).subspan(from, size);
      ASSERT_EQ(Crc32(part), DivideBitByBit(part)) << from << " " << size;
    }
  }
}

}  // namespace
}  // namespace natkit::stun
