#include "natkit/shell/config_reader.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace natkit::shell {
namespace {

using std::chrono_literals::operator""ms;

TEST(ConfigReader, ReadsEveryKindAndLeavesAbsentKeysAlone) {
  ConfigReader reader("a.toml",
                      "name = 'x'\nlist = ['a', 'b']\none = 'c'\n"
                      "flag = true\ncount = 7\nwait = 1.5\n");
  std::string name;
  std::string absent = "default";
  std::vector<std::string> list;
  std::vector<std::string> one;
  bool flag = false;
  size_t count = 0;
  Duration wait{};
  reader.String("name", name);
  reader.String("absent", absent);
  reader.Strings("list", list);
  reader.Strings("one", one);
  reader.Flag("flag", flag);
  reader.Count("count", 1, 10, count);
  reader.Seconds("wait", wait);
  reader.Finish();
  EXPECT_TRUE(reader.errors().empty());
  EXPECT_EQ(name, "x");
  EXPECT_EQ(absent, "default");
  EXPECT_EQ(list, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(one, (std::vector<std::string>{"c"}));
  EXPECT_TRUE(flag);
  EXPECT_EQ(count, 7U);
  EXPECT_EQ(wait, 1500ms);
}

TEST(ConfigReader, NamesTheLineOfEachMistake) {
  ConfigReader reader("a.toml", "name = 1\ncount = 11\n\nnmae = 'x'\n");
  std::string name;
  size_t count = 3;
  reader.String("name", name);
  reader.Count("count", 1, 10, count);
  reader.Complain("count", "is odd");
  reader.Finish();
  EXPECT_EQ(reader.errors(),
            (std::vector<std::string>{
                "a.toml:1: 'name' must be a string in quotes",
                "a.toml:2: 'count' must be a whole number from 1 to 10",
                "a.toml:2: is odd", "a.toml:4: unknown key 'nmae'"}));
  EXPECT_EQ(count, 3U);
}

TEST(ConfigReader, KnowsThePlaceOfAKey) {
  const ConfigReader reader("a.toml", "one = 1\ntwo = 2\n");
  EXPECT_EQ(reader.Place("two"), "a.toml:2");
  EXPECT_EQ(reader.Place("absent"), "a.toml");
}

TEST(ConfigReader, ReadsKeysOfTables) {
  ConfigReader reader("a.toml",
                      "[server]\nlisten = ':1'\n[[relay]]\nhost = 'a'\n"
                      "[[relay]]\nhost = 'b'\n[empty]\n");
  std::string listen;
  std::string host;
  std::string other;
  reader.String("server.listen", listen);
  reader.String("empty.key", other);
  EXPECT_EQ(reader.Tables("relay"), 2U);
  EXPECT_EQ(reader.Tables("absent"), 0U);
  reader.String("relay[0].host", other);
  reader.String("relay[1].host", host);
  EXPECT_EQ(reader.Place("relay[1].host"), "a.toml:6");
  reader.Finish();
  EXPECT_EQ(reader.errors(), std::vector<std::string>());
  EXPECT_EQ(listen, ":1");
  EXPECT_EQ(host, "b");
}

TEST(ConfigReader, RefusesUnknownKeysOfTables) {
  ConfigReader reader("a.toml",
                      "relay = 1\n[server]\nlisten = ':1'\nlsiten = 2\n"
                      "\"a.b\" = 1\n[none]\n[[many]]\nx = 1\n");
  std::string text;
  reader.String("server.listen", text);
  reader.String("server.a.b", text);
  EXPECT_EQ(reader.Tables("relay"), 0U);
  reader.Finish();
  EXPECT_EQ(
      reader.errors(),
      (std::vector<std::string>{
          "a.toml:1: 'relay' must be written as [[relay]]",
          "a.toml:8: unknown key 'many[0].x'", "a.toml:6: unknown key 'none'",
          "a.toml:5: unknown key 'server.\"a.b\"'",
          "a.toml:4: unknown key 'server.lsiten'"}));
}

TEST(ConfigReader, NamesTheLineOfASyntaxError) {
  ConfigReader reader("a.toml", "good = 1\nbad =\n");
  ASSERT_EQ(reader.errors().size(), 1U);
  EXPECT_TRUE(reader.errors()[0].starts_with("a.toml:2: "))
      << reader.errors()[0];
}

TEST(ParseListenAddress, TakesAddressesAndBarePorts) {
  EXPECT_EQ(ParseListenAddress("127.0.0.1:80").size(), 1U);
  EXPECT_EQ(ParseListenAddress("[::1]:80").size(), 1U);
  const auto both = ParseListenAddress(":443");
  ASSERT_EQ(both.size(), 2U);
  EXPECT_EQ(both[0].ToString(), "0.0.0.0:443");
  EXPECT_EQ(both[1].ToString(), "[::]:443");
  for (const char* bad : {"", ":", "443", ":99999", ":-1", "host:1", ":1x"}) {
    EXPECT_TRUE(ParseListenAddress(bad).empty()) << bad;
  }
}

}  // namespace
}  // namespace natkit::shell
