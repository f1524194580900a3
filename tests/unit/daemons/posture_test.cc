#include "join/posture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace natkit::meshnode {
namespace {

using ::testing::HasSubstr;

TEST(Posture, ReadsTextsNumbersAndBooleans) {
  const auto attributes = ParsePosture(
      R"({"custom:diskEncrypted": true, "custom:score": 7.5,
          "custom:tier": "gold"})");
  ASSERT_TRUE(attributes) << attributes.error();
  const mesh::Attributes expected{{"custom:diskEncrypted", true},
                                  {"custom:score", 7.5},
                                  {"custom:tier", std::string("gold")}};
  EXPECT_EQ(*attributes, expected);
}

TEST(Posture, RefusesWhatItCannotReport) {
  const auto refusal = [](const std::string& text) {
    const auto attributes = ParsePosture(text);
    return attributes ? std::string("accepted") : attributes.error();
  };
  EXPECT_THAT(refusal(""), HasSubstr("expected a JSON object"));
  EXPECT_THAT(refusal("[true]"), HasSubstr("expected a JSON object"));
  // What the system says of itself is not overruled by a file.
  EXPECT_THAT(refusal(R"({"node:os": "macos"})"), HasSubstr("no name like"));
  EXPECT_THAT(refusal(R"({"custom:": true})"), HasSubstr("no name like"));
  EXPECT_THAT(refusal(R"({"custom:x": null})"), HasSubstr("no text, number"));
  EXPECT_THAT(refusal(R"({"custom:x": [1]})"), HasSubstr("no text, number"));
  EXPECT_THAT(refusal(R"({"custom:x": ")" + std::string(1025, 'a') + R"("})"),
              HasSubstr("no text, number"));
  std::string many = "{\"custom:a\": 1";
  for (int i = 0; i < 32; ++i) {
    many += ", \"custom:" + std::to_string(i) + "\": 1";
  }
  EXPECT_THAT(refusal(many + "}"), HasSubstr("more than 32"));
}

TEST(Posture, TheSystemIsNamed) {
  const auto attributes = SystemAttributes();
  EXPECT_EQ(attributes.at("node:os"), mesh::AttributeValue("linux"));
  EXPECT_THAT(std::get<std::string>(attributes.at("node:osVersion")),
              ::testing::MatchesRegex("[0-9]+[.][0-9.]+"));
}

}  // namespace
}  // namespace natkit::meshnode
