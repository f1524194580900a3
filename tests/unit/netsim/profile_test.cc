#include "natkit/netsim/profile.h"

#include <gtest/gtest.h>

namespace natkit::netsim {
namespace {

TEST(Profile, EveryProfileIsFoundByItsName) {
  for (const ProfileInfo& info : Profiles()) {
    EXPECT_EQ(FindProfile(info.name), info.profile);
    EXPECT_EQ(Describe(info.profile).name, info.name);
  }
  EXPECT_EQ(FindProfile("cone"), std::nullopt);
}

TEST(Profile, OnlyRoutersDoNotTranslate) {
  EXPECT_FALSE(Translates(NatProfile::kNone));
  EXPECT_FALSE(Translates(NatProfile::kFirewall));
  EXPECT_TRUE(Translates(NatProfile::kSymmetric));
}

}  // namespace
}  // namespace natkit::netsim
