#include "natkit/base/encoding.h"

#include <gtest/gtest.h>

namespace natkit {
namespace {

TEST(Hex, RoundTripsAndTakesBothCases) {
  EXPECT_EQ(FromHex("00aBfF").value(),
            (std::vector<uint8_t>{0x00, 0xab, 0xff}));
  EXPECT_EQ(ToHex(std::vector<uint8_t>{0x00, 0xab, 0xff}), "00abff");
}

TEST(Hex, EmptyIsEmpty) {
  EXPECT_TRUE(FromHex("").value().empty());
  EXPECT_EQ(ToHex({}), "");
}

TEST(Hex, RejectsOddLengthAndForeignCharacters) {
  EXPECT_FALSE(FromHex("abc"));
  EXPECT_FALSE(FromHex("zz"));
  EXPECT_FALSE(FromHex("0 "));
}

TEST(Base64, RoundTripsAKeyOfZerosAsWgPrintsIt) {
  std::array<uint8_t, 32> key{};
  const std::string text = ToBase64(key);
  EXPECT_EQ(text, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
  key.fill(1);
  ASSERT_TRUE(FromBase64Exact(text, key));
  EXPECT_EQ(key, (std::array<uint8_t, 32>{}));
}

TEST(Base64, EmptyIsEmpty) {
  EXPECT_TRUE(FromBase64Exact("", {}));
  EXPECT_EQ(ToBase64({}), "");
}

TEST(Base64, WipesTheOutputWhenTheTextIsBad) {
  std::array<uint8_t, 32> key{};
  key.fill(7);
  const auto short_text = FromBase64Exact("AAAA", key);
  ASSERT_FALSE(short_text);
  EXPECT_EQ(short_text.error().code, Errc::kBadLength);
  EXPECT_EQ(key, (std::array<uint8_t, 32>{}));
  EXPECT_FALSE(
      FromBase64Exact("AAAAAAAAAAAAAAAAAAAAA!AAAAAAAAAAAAAAAAAAAAA=", key));
}

}  // namespace
}  // namespace natkit
