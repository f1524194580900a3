#include "natkit/nat/stun_uri.h"

#include <gtest/gtest.h>

#include <string>

namespace natkit::stun {
namespace {

TEST(ServerUri, NamesAndPortsAreRead) {
  const auto uri = ParseServerUri("stun:Example.org:8000");
  ASSERT_TRUE(uri);
  EXPECT_EQ(*uri, (ServerUri{.host = "example.org", .port = 8000}));
  EXPECT_EQ(uri->port_or_default(), 8000);
}

TEST(ServerUri, SchemesHaveTheirPorts) {
  EXPECT_EQ(ParseServerUri("STUN:example.org")->port_or_default(), 3478);
  const auto secure = ParseServerUri("stuns:example.org");
  EXPECT_EQ(secure->security, UriSecurity::kSecure);
  EXPECT_EQ(secure->port_or_default(), 5349);
}

TEST(ServerUri, AddressesAreRead) {
  EXPECT_EQ(ParseServerUri("stun:192.0.2.1")->address,
            *IpAddress::Parse("192.0.2.1"));
  const auto uri = ParseServerUri("stun:[2001:db8::1]:19302");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->address, *IpAddress::Parse("2001:db8::1"));
  EXPECT_EQ(uri->port, 19302);
  EXPECT_TRUE(uri->host.empty());
}

TEST(ServerUri, AddressesAreRefusedWhereACertificateMustMatch) {
  for (const char* text : {"stuns:192.0.2.1", "stuns:[2001:db8::1]:5349"}) {
    EXPECT_EQ(ParseServerUri(text).error(), Error{Errc::kUnsupported}) << text;
  }
}

TEST(ServerUri, OtherSchemesAreRefused) {
  for (const char* text : {"", "stun", "example.org:3478", "turn:example.org",
                           "http://example.org", ":example.org"}) {
    EXPECT_EQ(ParseServerUri(text).error(), Error{Errc::kUnsupported}) << text;
  }
}

TEST(ServerUri, MalformedHostsAndPortsAreRefused) {
  for (const char* text :
       {"stun:",       "stun:.",           "stun:a..b",
        "stun:-a",     "stun:a-",          "stun:a_b",
        "stun:a%20b",  "stun:a/",          "stun:a?transport=udp",
        "stun:user@a", "stun://a",         "stun:a:",
        "stun:a:0",    "stun:a:65536",     "stun:a:1x",
        "stun:a:1:2",  "stun:2001:db8::1", "stun:[2001:db8::1",
        "stun:[a]",    "stun:[192.0.2.1]", "stun:192.0.2.256",
        "stun:1.2.3",  "stun:a b"}) {
    EXPECT_EQ(ParseServerUri(text).error(), Error{Errc::kBadEncoding}) << text;
  }
  EXPECT_TRUE(ParseServerUri("stun:" + std::string(63, 'a')));
  EXPECT_FALSE(ParseServerUri("stun:" + std::string(64, 'a')));
  EXPECT_EQ(ParseServerUri("stun:" + std::string(300, 'a')).error(),
            Error{Errc::kBadLength});
}

TEST(SrvName, FollowsTheRfcs) {
  const auto plain = *ParseServerUri("stun:example.org");
  const auto secure = *ParseServerUri("stuns:example.org");
  using enum Transport;
  EXPECT_EQ(SrvName(plain, kUdp), "_stun._udp.example.org");
  EXPECT_EQ(SrvName(plain, kTcp), "_stun._tcp.example.org");
  EXPECT_EQ(SrvName(secure, kTcp), "_stuns._tcp.example.org");
  EXPECT_EQ(SrvName(secure, kUdp), "_stuns._udp.example.org");
  EXPECT_EQ(SrvName(plain, kUdp, ServerUse::kBehavior),
            "_stun-behavior._udp.example.org");
  EXPECT_EQ(SrvName(plain, kTcp, ServerUse::kBehavior),
            "_stun-behavior._tcp.example.org");
  EXPECT_EQ(SrvName(secure, kTcp, ServerUse::kBehavior),
            "_stun-behaviors._tcp.example.org");
  EXPECT_FALSE(SrvName(secure, kUdp, ServerUse::kBehavior));
}

TEST(SrvName, IsNotAskedForAddressesAndPorts) {
  EXPECT_FALSE(SrvName(*ParseServerUri("stun:192.0.2.1"), Transport::kUdp));
  EXPECT_FALSE(SrvName(*ParseServerUri("stun:a.example:1"), Transport::kUdp));
}

}  // namespace
}  // namespace natkit::stun
