#include <gtest/gtest.h>

#include "node/node_impl.h"

namespace natkit::mesh {
namespace {

TEST(RelayedEndpoint, RoundTrips) {
  const auto sender = ParseRelayedEndpoint(RelayedEndpoint(3, 70000));
  ASSERT_TRUE(sender.has_value());
  EXPECT_EQ(sender->relay, 3U);
  EXPECT_EQ(sender->peer, 70000U);
}

TEST(RelayedEndpoint, GivesEverySenderASlash64OfItsOwn) {
  const auto a = *IpPrefix::Make(RelayedEndpoint(3, 1).address, 64);
  EXPECT_FALSE(a.Contains(RelayedEndpoint(3, 2).address));
  EXPECT_FALSE(a.Contains(RelayedEndpoint(4, 1).address));
}

TEST(RelayedEndpoint, IsNoAddressThatASocketCouldSee) {
  EXPECT_FALSE(ParseRelayedEndpoint(*Endpoint::Parse("192.0.2.1:1")));
  EXPECT_FALSE(ParseRelayedEndpoint(*Endpoint::Parse("[2001:db8::1]:1")));
  EXPECT_FALSE(ParseRelayedEndpoint(*Endpoint::Parse("[::1]:1")));
}

}  // namespace
}  // namespace natkit::mesh
