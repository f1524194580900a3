// What `meshnode set` takes and keeps.

#include "join/node_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace natkit::meshnode {
namespace {

using testing::HasSubstr;

TEST(NodeSettingsTest, GoOverWhatWasAskedFor) {
  NodeSettings settings;
  EXPECT_TRUE(settings.Set("accept-dns", "off"));
  EXPECT_TRUE(settings.Set("accept-routes", "false"));
  EXPECT_TRUE(settings.Set("advertise-routes", "10.0.0.0/8,fd00::/8"));
  EXPECT_TRUE(settings.Set("exit-node", "eu"));
  EXPECT_TRUE(settings.Set("exit-node-allow-lan-access", "yes"));
  EXPECT_TRUE(settings.Set("snat-subnet-routes", "no"));
  EXPECT_TRUE(settings.Set("hostname", "web"));
  JoinOptions options;
  settings.ApplyTo(options);
  EXPECT_EQ(SettingsOf(options),
            (NodeSettings::Values{{"accept-dns", "false"},
                                  {"accept-routes", "false"},
                                  {"advertise-exit-node", "false"},
                                  {"advertise-routes", "10.0.0.0/8,fd00::/8"},
                                  {"exit-node", "eu"},
                                  {"exit-node-allow-lan-access", "true"},
                                  {"hostname", "web"},
                                  {"snat-subnet-routes", "false"}}));
  EXPECT_TRUE(CheckTogether(options));
  ASSERT_TRUE(settings.Set("advertise-exit-node", "true"));
  settings.ApplyTo(options);
  EXPECT_FALSE(CheckTogether(options));
}

TEST(NodeSettingsTest, NoneAndNothingAreNotTheSame) {
  JoinOptions options;
  options.host_name = "given";
  NodeSettings asked;
  ASSERT_TRUE(asked.Set("exit-node", "eu"));
  ASSERT_TRUE(asked.Set("advertise-routes", "10.0.0.0/8"));
  asked.ApplyTo(options);
  NodeSettings settings;
  ASSERT_TRUE(settings.Set("exit-node", "none"));
  ASSERT_TRUE(settings.Set("advertise-routes", "none"));
  ASSERT_TRUE(settings.Set("hostname", "set"));
  ASSERT_TRUE(settings.Set("hostname", ""));  // as it was asked for
  settings.ApplyTo(options);
  EXPECT_EQ(SettingsOf(options).at("exit-node"), "off");
  EXPECT_EQ(SettingsOf(options).at("advertise-routes"), "none");
  EXPECT_EQ(SettingsOf(options).at("hostname"), "given");
}

TEST(NodeSettingsTest, RefuseWithTheKeyAndWhatItTakes) {
  NodeSettings settings;
  for (const auto& [key, value] : {std::pair{"accept-dns", "maybe"},
                                   {"accept-routes", "1"},
                                   {"advertise-routes", "10.0.0.0/8,nonsense"},
                                   {"advertise-routes", "0.0.0.0/0"},
                                   {"exit-node", "a b"},
                                   {"hostname", "two words"},
                                   {"hostname", "..."},
                                   {"hostname", "-.web"}}) {
    const auto set = settings.Set(key, value);
    ASSERT_FALSE(set) << key;
    EXPECT_THAT(set.error(), HasSubstr(std::string(key) + " takes "));
  }
  EXPECT_FALSE(settings.Set("hostname", std::string(64, 'a')));
  EXPECT_THAT(settings.Set("colour", "red").error(),
              HasSubstr("accept-dns, accept-routes"));
  EXPECT_TRUE(settings.values().empty());
}

TEST(ParseRoutes, TakesNetworksOrNone) {
  EXPECT_EQ(ParseRoutes("10.0.0.0/8,fd00::/8"),
            (std::vector{*IpPrefix::Parse("10.0.0.0/8"),
                         *IpPrefix::Parse("fd00::/8")}));
  EXPECT_EQ(ParseRoutes("none"), std::vector<IpPrefix>());
  EXPECT_THAT(ParseRoutes("10.0.0.0/8,x").error(),
              HasSubstr("\"x\" is no network"));
  EXPECT_THAT(ParseRoutes("::/0").error(), HasSubstr("advertise-exit-node"));
  for (const char* text : {"", ",", "10.0.0.0/8,", "none,10.0.0.0/8"}) {
    EXPECT_FALSE(ParseRoutes(text)) << text;
  }
}

TEST(ParseExitNode, KnowsTwoWordsForNobody) {
  EXPECT_EQ(ParseExitNode("berlin"), "berlin");
  EXPECT_EQ(ParseExitNode("none"), "");
  EXPECT_EQ(ParseExitNode("off"), "");
  EXPECT_FALSE(ParseExitNode("a b"));
  EXPECT_FALSE(ParseExitNode(std::string(254, 'a')));
}

TEST(NodeSettingsTest, SurviveARoundTrip) {
  NodeSettings settings;
  ASSERT_TRUE(settings.Set("exit-node", "caf\xc3\xa9"));
  ASSERT_TRUE(settings.Set("accept-dns", "true"));
  EXPECT_EQ(NodeSettings::Parse(settings.Format()).value().values(),
            settings.values());
}

TEST(NodeSettingsTest, RefuseAFileThatIsNotTheirs) {
  for (const char* text :
       {"", "[]", "{", R"({"accept-dns":true})", R"({"accept-dns":"maybe"})",
        R"({"colour":"red"})"}) {
    EXPECT_FALSE(NodeSettings::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace natkit::meshnode
