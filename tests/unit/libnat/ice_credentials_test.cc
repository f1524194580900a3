#include "natkit/nat/ice_credentials.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "natkit/base/rng.h"

namespace natkit::ice {
namespace {

const std::string kGoodPassword(22, 'p');

TEST(MakeCredentials, StaysWithinTheBoundsAndDiffers) {
  SeededRng rng(1);
  const Credentials first = MakeCredentials(rng);
  const Credentials second = MakeCredentials(rng);
  EXPECT_TRUE(CheckCredentials(first));
  EXPECT_EQ(first.ufrag.size(), 8U);
  EXPECT_EQ(first.password.Expose().size(), 24U);
  EXPECT_NE(first.ufrag, second.ufrag);
  EXPECT_FALSE(first.password.EqualsConstantTime(second.password));
}

TEST(CheckCredentials, RefusesShortLongAndForeignCharacters) {
  EXPECT_TRUE(CheckCredentials({.ufrag = "abcd", .password = kGoodPassword}));
  for (const std::string& ufrag :
       {std::string("abc"), std::string(257, 'a'), std::string("ab:d")}) {
    EXPECT_EQ(CheckCredentials({.ufrag = ufrag, .password = kGoodPassword})
                  .error()
                  .code,
              Errc::kBadCredentials);
  }
  for (const std::string& password :
       {std::string(21, 'p'), std::string(257, 'p'), std::string(22, ' ')}) {
    EXPECT_FALSE(CheckCredentials({.ufrag = "abcd", .password = password}));
  }
}

TEST(Password, MovesAndCopies) {
  Password original("secret");
  Password copy = original;
  EXPECT_TRUE(copy.EqualsConstantTime(original));
  const Password moved = std::move(original);
  EXPECT_TRUE(copy.EqualsConstantTime(moved));
  copy = Password("other");
  EXPECT_EQ(copy.Expose(), "other");
  EXPECT_EQ(moved.Expose(), "secret");
}

}  // namespace
}  // namespace natkit::ice
