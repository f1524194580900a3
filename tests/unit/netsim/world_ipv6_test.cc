// Boxes that translate IPv6.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "natkit/netsim/world.h"
#include "world_lab.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

/// An internet of both families with an echoing server.
struct DualInternet {
  DualInternet() {
    EXPECT_TRUE(world.AddAddress(server.host(), internet, Ip("2001:db8::10")));
    server.echoes = true;
  }

  World world{1};
  NetworkId internet = world.AddNetwork("internet", Cidr("198.51.100.0/24"), {},
                                        Cidr("2001:db8::/64"));
  Listener server{world, "server", internet, "198.51.100.10"};
};

TEST(WorldNat, TranslatesPrefixesThereAndBack) {
  DualInternet net;
  const NetworkId lan = net.world.AddNetwork("lan", Cidr("192.168.1.0/24"), {},
                                             Cidr("fd00:1::/64"));
  NatConfig config = BoxConfig("198.51.100.1", "192.168.1.1");
  config.ipv6 = Ipv6Mode::kNptv6;
  config.inside_prefix6 = Cidr("fd00:1::/64");
  config.outside_prefix6 = Cidr("2001:db8:77::/64");
  net.world.AddBox("nat", lan, net.internet, config);
  Listener a(net.world, "a", lan, "fd00:1::2");
  ASSERT_TRUE(a.Send("[::]:5000", "[2001:db8::10]:1", "prefix"));
  net.world.Run(1s);
  ASSERT_EQ(net.server.seen.size(), 1U);
  EXPECT_TRUE(
      Cidr("2001:db8:77::/64").Contains(net.server.seen[0].from.address));
  EXPECT_EQ(net.server.seen[0].from.port, 5000);
  EXPECT_THAT(a.texts(), ElementsAre("prefix"));
}

TEST(WorldNat, AHostWithIpv6AloneReachesIpv4ThroughNat64) {
  DualInternet net;
  const NetworkId lan = net.world.AddNetwork("lan", Cidr("192.168.1.0/24"), {},
                                             Cidr("2001:db8:9::/64"));
  NatConfig config = BoxConfig("198.51.100.1", "192.168.1.1");
  config.inside_address6 = Ip("2001:db8:9::1");
  config.translation = Translation::kNat64;
  config.nat64_prefix = Cidr("64:ff9b::/96");
  net.world.AddBox("nat64", lan, net.internet, config);
  Listener a(net.world, "a", lan, "2001:db8:9::2");
  ASSERT_TRUE(a.Send("[::]:5000", "[64:ff9b::198.51.100.10]:1", "family"));
  net.world.Run(1s);
  ASSERT_EQ(net.server.seen.size(), 1U);
  EXPECT_EQ(net.server.seen[0].from.address, Ip("198.51.100.1"));
  ASSERT_EQ(a.seen.size(), 1U);
  EXPECT_EQ(a.seen[0].from, At("[64:ff9b::198.51.100.10]:1"));
}

}  // namespace
}  // namespace natkit::netsim
