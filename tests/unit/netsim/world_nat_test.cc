// Packets through boxes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "natkit/netsim/packet.h"
#include "natkit/netsim/world.h"
#include "world_lab.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Two homes on one internet, with a server that echoes.
struct TwoHomes {
  explicit TwoHomes(const NatConfig& base = {}, uint64_t seed = 1)
      : world(seed) {
    NatConfig config = base;
    config.external = {Ip("198.51.100.1")};
    config.inside_address = Ip("192.168.1.1");
    box_a = world.AddBox("nat-a", lan_a, internet, config);
    config.external = {Ip("198.51.100.2")};
    config.inside_address = Ip("192.168.2.1");
    box_b = world.AddBox("nat-b", lan_b, internet, config);
    server.echoes = true;
  }

  World world;
  NetworkId internet =
      world.AddNetwork("internet", Cidr("198.51.100.0/24"), {.delay = 20ms});
  NetworkId lan_a = world.AddNetwork("lan-a", Cidr("192.168.1.0/24"));
  NetworkId lan_b = world.AddNetwork("lan-b", Cidr("192.168.2.0/24"));
  Listener server{world, "server", internet, "198.51.100.10"};
  Listener a{world, "a", lan_a, "192.168.1.2"};
  Listener b{world, "b", lan_b, "192.168.2.2"};
  BoxId box_a{};
  BoxId box_b{};
};

TEST(WorldNat, TranslatesThereAndBack) {
  TwoHomes net;
  ASSERT_TRUE(net.a.Send("192.168.1.2:4000", "198.51.100.10:3478", "x"));
  net.world.Run(1s);
  ASSERT_EQ(net.server.seen.size(), 1U);
  EXPECT_EQ(net.server.seen[0].from.address, Ip("198.51.100.1"));
  ASSERT_EQ(net.a.seen.size(), 1U);
  EXPECT_EQ(net.a.seen[0].at, Instant{40ms});
  EXPECT_EQ(net.a.seen[0].local, At("192.168.1.2:4000"));
}

TEST(WorldNat, PunchesAHoleThroughTwoBoxes) {
  TwoHomes net;
  ASSERT_TRUE(net.a.Send("192.168.1.2:4000", "198.51.100.10:3478", "a"));
  ASSERT_TRUE(net.b.Send("192.168.2.2:4000", "198.51.100.10:3478", "b"));
  net.world.Run(1s);
  ASSERT_EQ(net.server.seen.size(), 2U);
  const std::string mapped_a = net.server.seen[0].from.ToString();
  const std::string mapped_b = net.server.seen[1].from.ToString();
  ASSERT_TRUE(net.a.Send("192.168.1.2:4000", mapped_b, "filtered"));
  net.world.Run(1s);
  ASSERT_TRUE(net.b.Send("192.168.2.2:4000", mapped_a, "to a"));
  net.world.Run(1s);
  ASSERT_TRUE(net.a.Send("192.168.1.2:4000", mapped_b, "to b"));
  net.world.Run(1s);
  EXPECT_THAT(net.a.texts(), ElementsAre("a", "to a"));
  EXPECT_THAT(net.b.texts(), ElementsAre("b", "to b"));
  EXPECT_EQ(net.world.engine(net.box_b).counters().dropped_filtered, 1U);
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kBox), 1U);
}

TEST(WorldNat, ReportsAnExceededTtlToTheSender) {
  TwoHomes net;
  ASSERT_TRUE(
      net.a.Send("192.168.1.2:4000", "198.51.100.10:9", "x", {.ttl = 1}));
  net.world.Run(1s);
  EXPECT_THAT(net.server.seen, IsEmpty());
  ASSERT_EQ(net.a.reports.size(), 1U);
  EXPECT_EQ(net.a.reports[0].from, Ip("192.168.1.1"));
  EXPECT_EQ(net.a.reports[0].type, 11);
  EXPECT_EQ(net.a.reports[0].remote, At("198.51.100.10:9"));
}

TEST(WorldNat, ALowTtlOpensTheOwnBoxAndStopsBeforeTheOther) {
  TwoHomes net;
  ASSERT_TRUE(
      net.a.Send("192.168.1.2:4000", "198.51.100.2:9", "x", {.ttl = 2}));
  net.world.Run(1s);
  EXPECT_EQ(net.world.engine(net.box_a).counters().forwarded_out, 1U);
  EXPECT_EQ(net.world.engine(net.box_b).counters().forwarded_in, 0U);
}

TEST(WorldNat, RebootForgetsAndCanChangeTheAddress) {
  TwoHomes net;
  const auto ask = [&net](std::string_view text) {
    ASSERT_TRUE(net.a.Send("192.168.1.2:4000", "198.51.100.10:3478", text));
    net.world.Run(1s);
  };
  ask("1");
  const Endpoint before = net.server.seen.back().from;
  ASSERT_TRUE(net.world.ApplyEvent("nat-a", "reboot"));
  ASSERT_TRUE(net.server.Send("198.51.100.10:3478", before.ToString(), "lost"));
  ASSERT_TRUE(net.world.ApplyEvent("nat-a", "readdress", "198.51.100.77"));
  ask("2");
  EXPECT_EQ(net.server.seen.back().from.address, Ip("198.51.100.77"));
  EXPECT_THAT(net.a.texts(), ElementsAre("1", "2"));
  // Nobody has the old address now.
  ASSERT_TRUE(net.server.Send("198.51.100.10:3478", before.ToString(), "gone"));
  net.world.Run(1s);
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kNoSuchHost), 1U);
  EXPECT_EQ(net.world.ApplyEvent("nat-a", "readdress", "soon").error().code,
            Errc::kBadValue);
}

TEST(WorldNat, ACutIsByTheAddressesOnTheNetwork) {
  TwoHomes net;
  net.world.Cut(Ip("198.51.100.1"), Ip("198.51.100.10"));
  ASSERT_TRUE(net.a.Send("192.168.1.2:4000", "198.51.100.10:1", "cut"));
  ASSERT_TRUE(net.b.Send("192.168.2.2:4000", "198.51.100.10:1", "whole"));
  net.world.Run(1s);
  net.world.Mend();
  ASSERT_TRUE(net.a.Send("192.168.1.2:4000", "198.51.100.10:1", "mended"));
  net.world.Run(1s);
  EXPECT_THAT(net.server.texts(), ElementsAre("whole", "mended"));
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kCut), 1U);
}

TEST(WorldNat, BlocksUdpAndUnplugsTheOutside) {
  TwoHomes net;
  const auto ask = [&net](std::string_view text) {
    ASSERT_TRUE(net.a.Send("192.168.1.2:4000", "198.51.100.10:3478", text));
    net.world.Run(1s);
  };
  ASSERT_TRUE(net.world.ApplyEvent("nat-a", "block-udp"));
  ask("1");
  ASSERT_TRUE(net.world.ApplyEvent("nat-a", "unblock-udp"));
  ask("2");
  ASSERT_TRUE(net.world.ApplyEvent("nat-a", "link-down"));
  ask("3");
  ASSERT_TRUE(net.world.ApplyEvent("nat-a", "link-up"));
  ask("4");
  ASSERT_TRUE(net.world.ApplyEvent("nat-a", "blackhole", "500ms"));
  ask("5");
  ask("6");
  EXPECT_THAT(net.a.texts(), ElementsAre("2", "4", "6"));
}

TEST(WorldNat, AHostRoamsToAnotherHome) {
  TwoHomes net;
  ASSERT_TRUE(net.world.RemoveAddress(net.a.host(), Ip("192.168.1.2")));
  EXPECT_EQ(net.a.Send("0.0.0.0:1", "198.51.100.10:1", "x").error().code,
            Errc::kAddressNotAvailable);
  ASSERT_TRUE(
      net.world.AddAddress(net.a.host(), net.lan_b, Ip("192.168.2.50")));
  ASSERT_TRUE(net.a.Send("0.0.0.0:1", "198.51.100.10:1", "moved"));
  net.world.Run(1s);
  ASSERT_EQ(net.server.seen.size(), 1U);
  EXPECT_EQ(net.server.seen[0].from.address, Ip("198.51.100.2"));
  EXPECT_THAT(net.a.texts(), ElementsAre("moved"));
}

TEST(WorldNat, CarriersNest) {
  World world(1);
  const NetworkId internet =
      world.AddNetwork("internet", Cidr("198.51.100.0/24"), {.delay = 10ms});
  const NetworkId access =
      world.AddNetwork("access", Cidr("100.64.0.0/16"), {.delay = 5ms});
  const NetworkId lan = world.AddNetwork("lan", Cidr("192.168.1.0/24"));
  world.AddBox("cgn", access, internet,
               BoxConfig("198.51.100.1", "100.64.0.1"));
  world.AddBox("home", lan, access, BoxConfig("100.64.7.7", "192.168.1.1"));
  Listener server(world, "server", internet, "198.51.100.10");
  Listener neighbour(world, "neighbour", access, "100.64.9.9");
  Listener a(world, "a", lan, "192.168.1.2");
  server.echoes = true;
  neighbour.echoes = true;
  ASSERT_TRUE(a.Send("192.168.1.2:4000", "198.51.100.10:1", "far"));
  ASSERT_TRUE(a.Send("192.168.1.2:4000", "100.64.9.9:1", "near"));
  world.Run(1s);
  EXPECT_THAT(a.texts(), ElementsAre("near", "far"));
  EXPECT_EQ(server.seen[0].from.address, Ip("198.51.100.1"));
  EXPECT_EQ(neighbour.seen[0].from.address, Ip("100.64.7.7"));
  EXPECT_EQ(a.seen[1].at, Instant{30ms});
}

TEST(WorldNat, RangesBehindRoutersAreReachable) {
  World world(1);
  const NetworkId internet = world.AddNetwork(
      "internet", Cidr("198.51.100.0/24"), {}, Cidr("2001:db8:0::/64"));
  const NetworkId office = world.AddNetwork("office", Cidr("203.0.113.0/25"),
                                            {}, Cidr("2001:db8:1::/64"));
  const NetworkId lab = world.AddNetwork("lab", Cidr("203.0.113.128/25"), {},
                                         Cidr("2001:db8:1:1::/64"));
  NatConfig router;
  router.translation = Translation::kNone;
  router.filtering = Dependence::kEndpointIndependent;
  router.ipv6 = Ipv6Mode::kRoute;
  router.external = {Ip("198.51.100.1")};
  router.inside_address = Ip("203.0.113.1");
  // Of which the inner box has one /64.
  router.inside_prefix6 = Cidr("2001:db8:1::/48");
  world.AddBox("border", office, internet, router);
  router.external = {Ip("203.0.113.2")};
  router.inside_address = Ip("203.0.113.129");
  router.inside_prefix6 = Cidr("2001:db8:1:1::/64");
  world.AddBox("inner", lab, office, router);
  Listener far(world, "far", internet, "198.51.100.10");
  Listener deep(world, "deep", lab, "203.0.113.130");
  ASSERT_TRUE(world.AddAddress(far.host(), internet, Ip("2001:db8::10")));
  ASSERT_TRUE(world.AddAddress(deep.host(), lab, Ip("2001:db8:1:1::7")));
  deep.echoes = true;
  ASSERT_TRUE(far.Send("198.51.100.10:1", "203.0.113.130:2", "v4"));
  ASSERT_TRUE(far.Send("[2001:db8::10]:1", "[2001:db8:1:1::7]:2", "v6"));
  ASSERT_TRUE(far.Send("198.51.100.10:1", "203.0.113.99:2", "nobody"));
  world.Run(1s);
  EXPECT_THAT(far.texts(), ElementsAre("v4", "v6"));
  EXPECT_EQ(world.counters().dropped(WorldDrop::kNoSuchHost), 1U);
}

TEST(WorldNat, HostsWithIpv6OnlyReachIpv4ByNat64) {
  World world(1);
  const NetworkId internet =
      world.AddNetwork("internet", Cidr("203.0.113.0/24"));
  const NetworkId mobile = world.AddNetwork("mobile", Cidr("2001:db8:1::/64"));
  NatConfig box = BoxConfig("203.0.113.20", "0.0.0.0");
  box.translation = Translation::kNat64;
  box.nat64_prefix = Cidr("64:ff9b::/96");
  box.inside_address6 = Ip("2001:db8:1::1");
  box.inside_prefix6 = Cidr("2001:db8:1::/64");
  world.AddBox("box", mobile, internet, box);
  Listener phone(world, "phone", mobile, "2001:db8:1::10");
  Listener server(world, "server", internet, "203.0.113.10");
  server.echoes = true;
  const std::string large(4000, 'x');
  for (const std::string_view text :
       {std::string_view("hi"), std::string_view(large)}) {
    ASSERT_TRUE(phone.Send("[2001:db8:1::10]:4000",
                           "[64:ff9b::203.0.113.10]:80", text));
  }
  world.Run(1s);
  EXPECT_THAT(server.texts(), ElementsAre("hi", large));
  ASSERT_EQ(server.seen.size(), 2U);
  EXPECT_EQ(server.seen[0].from, At("203.0.113.20:4000"));
  EXPECT_THAT(phone.texts(), ElementsAre("hi", large));
  ASSERT_EQ(phone.seen.size(), 2U);
  EXPECT_EQ(phone.seen[0].from, At("[64:ff9b::203.0.113.10]:80"));
}

}  // namespace
}  // namespace natkit::netsim
