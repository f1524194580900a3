#include "natkit/mesh/policy/posture.h"

#include <gtest/gtest.h>

namespace natkit::mesh::policy {
namespace {

const Attributes kMachine = {{"node:os", "linux"},
                             {"node:osVersion", "6.1.0-rc2"},
                             {"custom:encrypted", true},
                             {"custom:score", 7.5}};

/// Whether the condition holds for kMachine.
bool Check(std::string_view text) {
  const auto condition = ParsePostureCondition(text);
  EXPECT_TRUE(condition) << text << ": " << condition.error();
  return condition && Holds(*condition, kMachine);
}

TEST(Posture, ComparesForEquality) {
  EXPECT_TRUE(Check("node:os == 'linux'"));
  EXPECT_TRUE(Check("node:os=='linux'"));
  EXPECT_FALSE(Check("node:os == 'macos'"));
  EXPECT_TRUE(Check("node:os != \"macos\""));
  EXPECT_TRUE(Check("custom:encrypted == true"));
  EXPECT_FALSE(Check("custom:encrypted != true"));
  EXPECT_FALSE(Check("custom:encrypted == 'true'"));
  EXPECT_TRUE(Check("custom:score == 7.5"));
}

TEST(Posture, ComparesByOrder) {
  EXPECT_TRUE(Check("custom:score > 7"));
  EXPECT_TRUE(Check("custom:score <= 7.5"));
  EXPECT_FALSE(Check("custom:score < '8'"));
  EXPECT_TRUE(Check("node:osVersion >= '5.15'"));
  EXPECT_TRUE(Check("node:osVersion < '6.1'"));
  EXPECT_TRUE(Check("node:osVersion < '6.10'"));
  EXPECT_FALSE(Check("custom:encrypted > 1"));
}

TEST(Posture, KnowsListsAndPresence) {
  EXPECT_TRUE(Check("node:os IN ['macos', 'linux']"));
  EXPECT_FALSE(Check("node:os NOT IN ['macos','linux']"));
  EXPECT_TRUE(Check("node:os NOT IN ['macos']"));
  EXPECT_TRUE(Check("custom:score IN [7.5]"));
  EXPECT_TRUE(Check("node:os IS SET"));
  EXPECT_FALSE(Check("node:os NOT SET"));
}

TEST(Posture, WhatIsNotSetFulfilsNotSetOnly) {
  EXPECT_TRUE(Check("node:none NOT SET"));
  for (const auto* text :
       {"node:none IS SET", "node:none == 'a'", "node:none != 'a'",
        "node:none < '1'", "node:none >= '0'", "node:none NOT IN ['a']"}) {
    EXPECT_FALSE(Check(text)) << text;
  }
}

TEST(Posture, RefusesWhatItCannotRead) {
  for (const auto* text :
       {"", "os == 'x'", "node: == 'x'", "node:os", "node:os = 'x'",
        "node:os == x", "node:os == 'x", "node:os IN 'x'", "node:os IN ['x'",
        "node:os IN []", "node:os IS SET 'x'", "node:os < true",
        "node:os == 'x' && node:os == 'y'", "node:os == nan"}) {
    EXPECT_FALSE(ParsePostureCondition(text)) << text;
  }
}

TEST(Posture, AllConditionsMustHold) {
  Posture posture;
  posture.conditions.push_back(*ParsePostureCondition("node:os == 'linux'"));
  EXPECT_TRUE(Holds(posture, kMachine));
  posture.conditions.push_back(*ParsePostureCondition("custom:score > 9"));
  EXPECT_FALSE(Holds(posture, kMachine));
}

TEST(CompareVersions, GoesPartByPart) {
  EXPECT_EQ(CompareVersions("1.2", "1.2.0"), 0);
  EXPECT_EQ(CompareVersions("01.2", "1.02"), 0);
  EXPECT_LT(CompareVersions("1.9", "1.10"), 0);
  EXPECT_GT(CompareVersions("2", "1.99.99"), 0);
  EXPECT_LT(CompareVersions("1.0-rc1", "1.0"), 0);
  EXPECT_LT(CompareVersions("1.0-rc1", "1.0-rc2"), 0);
  EXPECT_GT(CompareVersions("1.0a", "1.0"), 0);
  EXPECT_LT(CompareVersions("99999999999999999998", "99999999999999999999"), 0);
}

}  // namespace
}  // namespace natkit::mesh::policy
