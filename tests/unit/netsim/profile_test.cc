#include "natkit/netsim/profile.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace natkit::netsim {
namespace {

/// A configuration of the profile that has its addresses.
NatConfig Placed(const ProfileInfo& info) {
  NatConfig config = info.make();
  config.external = {IpAddress::V4(203, 0, 113, 1),
                     IpAddress::V4(203, 0, 113, 2)};
  config.inside_address = IpAddress::V4(192, 168, 1, 1);
  config.inside_prefix6 = IpPrefix::Parse("2001:db8:1::/64").value();
  return config;
}

TEST(Profile, EveryProfileIsFoundByItsName) {
  for (const ProfileInfo& info : Profiles()) {
    EXPECT_EQ(FindProfile(info.name), &info);
  }
  EXPECT_EQ(FindProfile("cone"), nullptr);
  EXPECT_EQ(FindProfile(""), nullptr);
}

TEST(Profile, AliasesAreFoundAndAreNobodyElsesName) {
  EXPECT_EQ(FindProfile("restricted")->name, "restricted-cone");
  EXPECT_EQ(FindProfile("addr-restricted")->name, "restricted-cone");
  EXPECT_EQ(FindProfile("cgn-rfc6888")->name, "cgn-port-block");
  EXPECT_EQ(FindProfile("restricted addr-restricted"), nullptr);
  std::set<std::string_view> names;
  for (const ProfileInfo& info : Profiles()) {
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(FindProfile(info.name)->name, info.name);
  }
}

TEST(Profile, EveryConfigurationIsPossible) {
  for (const ProfileInfo& info : Profiles()) {
    for (const std::string& problem : FindProblems(Placed(info))) {
      ADD_FAILURE() << info.name << ": " << problem;
    }
  }
}

TEST(Profile, CarriersAreProfilesOfOneBox) {
  for (const ProfileInfo& info : Profiles()) {
    if (!info.carrier.empty()) {
      ASSERT_NE(FindProfile(info.carrier), nullptr) << info.name;
      EXPECT_TRUE(FindProfile(info.carrier)->carrier.empty()) << info.name;
    }
  }
}

TEST(Profile, EverySummaryAndSourceIsThere) {
  for (const ProfileInfo& info : Profiles()) {
    EXPECT_FALSE(info.summary.empty()) << info.name;
    EXPECT_FALSE(info.source.empty()) << info.name;
  }
}

}  // namespace
}  // namespace natkit::netsim
