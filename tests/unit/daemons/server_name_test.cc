#include "natkit/shell/server_name.h"

#include <gtest/gtest.h>

#include <chrono>

namespace natkit::shell {
namespace {

TEST(ServerName, IsAHostWithAPortOrWithoutOne) {
  ServerName name;
  EXPECT_TRUE(ParseServer("stun.example", name));
  EXPECT_EQ(name, (ServerName{"stun.example", 3478}));
  EXPECT_TRUE(ParseServer("stun.example:3479", name));
  EXPECT_EQ(name, (ServerName{"stun.example", 3479}));
  EXPECT_TRUE(ParseServer("192.0.2.1", name, 80));
  EXPECT_EQ(name, (ServerName{"192.0.2.1", 80}));
  EXPECT_TRUE(ParseServer("2001:db8::1", name));
  EXPECT_EQ(name, (ServerName{"2001:db8::1", 3478}));
  EXPECT_TRUE(ParseServer("[2001:db8::1]:5349", name));
  EXPECT_EQ(name, (ServerName{"2001:db8::1", 5349}));
}

TEST(ServerName, IsNothingElse) {
  ServerName name;
  for (const char* text :
       {"", ":3478", "stun.example:", "stun.example:0", "stun.example:65536",
        "stun.example:34x", "192.0.2.1:0", "[::1"}) {
    EXPECT_FALSE(ParseServer(text, name)) << text;
  }
}

TEST(LookUp, KeepsTheOrderOfTheNames) {
  io::EventLoop loop;
  const auto found =
      LookUp(loop, {{"::1", 1}, {"no name at all", 2}, {"127.0.0.1", 3}},
             std::chrono::seconds(60));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].value().front(), *IpAddress::Parse("::1"));
  EXPECT_FALSE(found[1]);
  EXPECT_EQ(found[2].value().front(), *IpAddress::Parse("127.0.0.1"));
}

}  // namespace
}  // namespace natkit::shell
