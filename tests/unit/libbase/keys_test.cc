#include "natkit/base/keys.h"

#include <gtest/gtest.h>

#include "hex.h"

namespace natkit {
namespace {

TEST(Keys, DerivesThePublicKeyOfAKnownPrivateKey) {
  // Known answer shared with the DERP box vectors.
  StaticPrivateKey key;
  ASSERT_TRUE(FromHexExact(
      "0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60",
      key.ExposeMutable()));
  EXPECT_EQ(DerivePublicKey(key).ToHex(),
            "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c");
}

TEST(Keys, ClampsGeneratedKeys) {
  SeededRng rng(1);
  for (int i = 0; i < 32; ++i) {
    const StaticPrivateKey key = GeneratePrivateKey(rng);
    EXPECT_EQ(key.Expose()[0] & 7, 0);
    EXPECT_EQ(key.Expose()[31] & 0xc0, 0x40);
  }
}

TEST(Keys, PublicKeyTextRoundTrips) {
  SeededRng rng(2);
  const PublicKey key = DerivePublicKey(GeneratePrivateKey(rng));
  EXPECT_EQ(*PublicKey::FromBase64(key.ToBase64()), key);
  EXPECT_EQ(*PublicKey::FromHex(key.ToHex()), key);
  EXPECT_FALSE(PublicKey::FromBase64("short"));
  EXPECT_FALSE(key.is_zero());
}

}  // namespace
}  // namespace natkit
