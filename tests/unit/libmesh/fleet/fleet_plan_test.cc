#include "natkit/mesh/fleet/fleet_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet/fleet_prefixes.h"
#include "fleet_support.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

FleetPlan Plan(const std::string& text) {
  return PlanFleet(FleetFileOf(text));
}

TEST(FleetPlan, AFullMeshLinksAllThatCanReachEachOther) {
  const FleetPlan plan =
      Plan("[fleet]\n" + FleetNodeText("a", 1, EndpointText(1)) +
           FleetNodeText("b", 2, EndpointText(2)) + FleetNodeText("c", 3) +
           FleetNodeText("d", 4));
  ASSERT_TRUE(plan.is_usable());
  EXPECT_THAT(PeerNames(plan, "a"), ElementsAre("b", "c", "d"));
  EXPECT_THAT(PeerNames(plan, "c"), ElementsAre("a", "b"));
  EXPECT_THAT(PeerNames(plan, "d"), ElementsAre("a", "b"));
  EXPECT_THAT(
      Texts(plan.diagnostics),
      ElementsAre(HasSubstr("warning 16 node \"d\": it and \"c\" have no "
                            "endpoint")));
}

TEST(FleetPlan, OnlyTheSideBehindANatKeepsTheMapping) {
  const FleetPlan plan = Plan(
      "[fleet]\nkeepalive = 20\n" +
      FleetNodeText("server", 1, EndpointText(1)) + FleetNodeText("laptop", 2) +
      FleetNodeText("roamer", 3, "behind_nat = false\n") +
      FleetNodeText("forwarded", 4, EndpointText(4) + "behind_nat = true\n"));
  EXPECT_EQ(PeerOf(plan, "laptop", "server").keepalive, seconds(20));
  EXPECT_EQ(PeerOf(plan, "server", "laptop").keepalive, seconds(0));
  EXPECT_EQ(PeerOf(plan, "roamer", "server").keepalive, seconds(0));
  EXPECT_EQ(PeerOf(plan, "forwarded", "server").keepalive, seconds(20));
  EXPECT_EQ(PeerOf(plan, "server", "forwarded").keepalive, seconds(0));
  // It cannot begin towards a peer without an endpoint.
  EXPECT_EQ(PeerOf(plan, "forwarded", "laptop").keepalive, seconds(0));
}

TEST(FleetPlan, ANodeListensWhereItsEndpointSays) {
  const FleetPlan plan = Plan(
      "[fleet]\n" + FleetNodeText("a", 1, "endpoint = \"192.0.2.1:1000\"\n") +
      FleetNodeText("b", 2,
                    "endpoint = \"192.0.2.2:2000\"\nlisten_port = 2001\n") +
      FleetNodeText("c", 3, "endpoint_name = \"c.example.net:3000\"\n") +
      FleetNodeText("d", 4));
  EXPECT_EQ(plan.FindNode("a")->listen_port, 1000);
  EXPECT_EQ(plan.FindNode("b")->listen_port, 2001);
  EXPECT_EQ(plan.FindNode("c")->listen_port, 3000);
  EXPECT_EQ(plan.FindNode("d")->listen_port, std::nullopt);
  EXPECT_EQ(PeerOf(plan, "d", "c").endpoint_name, "c.example.net:3000");
  EXPECT_EQ(PeerOf(plan, "d", "a").endpoint->ToString(), "192.0.2.1:1000");
  EXPECT_EQ(plan.FindNode("e"), nullptr);
}

TEST(FleetPlan, SpokesReachEverybodyThroughTheirHub) {
  const FleetPlan plan = Plan(TwoHubsText());
  ASSERT_THAT(Texts(plan.diagnostics), IsEmpty());
  EXPECT_THAT(PeerNames(plan, "s1"), ElementsAre("h1"));
  EXPECT_THAT(PeerNames(plan, "s2"), ElementsAre("h2"));
  EXPECT_THAT(PeerNames(plan, "h1"), ElementsAre("h2", "s1"));
  EXPECT_THAT(PeerNames(plan, "h2"), ElementsAre("h1", "s2"));
  EXPECT_THAT(PrefixTexts(PeerOf(plan, "s1", "h1")),
              ElementsAre("10.77.0.1/32", "10.77.0.2/32", "10.77.0.12/32",
                          "192.168.7.0/24"));
  EXPECT_THAT(PrefixTexts(PeerOf(plan, "h1", "s1")),
              ElementsAre("10.77.0.11/32"));
  // What is behind the other hub comes and goes through it, both ways: a
  // prefix at two peers would belong to one of them only.
  EXPECT_THAT(PrefixTexts(PeerOf(plan, "h1", "h2")),
              ElementsAre("10.77.0.2/32", "10.77.0.12/32", "192.168.7.0/24"));
  EXPECT_THAT(PrefixTexts(PeerOf(plan, "h2", "h1")),
              ElementsAre("10.77.0.1/32", "10.77.0.11/32"));
}

TEST(FleetPlan, HubsAndNodesWithRoutesForward) {
  const FleetPlan plan = Plan(TwoHubsText());
  EXPECT_TRUE(plan.FindNode("h1")->forwards);
  EXPECT_TRUE(plan.FindNode("h2")->forwards);
  EXPECT_FALSE(plan.FindNode("s1")->forwards);
  EXPECT_TRUE(plan.FindNode("s2")->forwards);
}

TEST(FleetPlan, NetworksStandForTheirMembersAtTheSpokes) {
  const FleetPlan plan = Plan(
      "[fleet]\ntopology = \"hubs\"\nhubs = [\"h\"]\n"
      "networks = [\"10.77.0.0/16\"]\n" +
      FleetNodeText("h", 1, EndpointText(1)) + FleetNodeText("a", 2) +
      FleetNodeText("b", 3, "routes = [\"192.168.7.0/24\"]\n"));
  EXPECT_THAT(PrefixTexts(PeerOf(plan, "a", "h")),
              ElementsAre("10.77.0.0/16", "192.168.7.0/24"));
  EXPECT_THAT(PrefixTexts(PeerOf(plan, "b", "h")), ElementsAre("10.77.0.0/16"));
  EXPECT_THAT(PrefixTexts(PeerOf(plan, "h", "a")), ElementsAre("10.77.0.2/32"));
}

TEST(FleetPlan, NamesBothOwnersOfAnOverlap) {
  const FleetPlan plan =
      Plan("[fleet]\n" + FleetNodeText("a", 1, EndpointText(1)) +
           FleetNodeText("b", 2, "routes = [\"10.77.0.0/24\"]\n"));
  EXPECT_FALSE(plan.is_usable());
  EXPECT_THAT(
      Texts(plan.diagnostics),
      ElementsAre("error 2 overlapping AllowedIPs: 10.77.0.1/32 of node \"a\" "
                  "(line 2) lies inside 10.77.0.0/24 of node \"b\" (line 7)"));
  EXPECT_THAT(plan.nodes, IsEmpty());
}

TEST(FleetPlan, AllowedIpsHaveNothingTwice) {
  const auto minimal = [](const std::vector<std::string>& texts) {
    std::vector<IpPrefix> in;
    for (const std::string& text : texts) {
      in.push_back(*IpPrefix::Parse(text));
    }
    std::vector<std::string> out;
    for (const IpPrefix& prefix : MinimalPrefixes(in)) {
      out.push_back(prefix.ToString());
    }
    return out;
  };
  EXPECT_THAT(minimal({"10.0.0.5/32", "10.0.0.0/24", "10.0.0.5/32",
                       "10.0.1.0/24", "10.0.0.0/25", "fd77::/64", "fd77::1"}),
              ElementsAre("10.0.0.0/24", "10.0.1.0/24", "fd77::/64"));
  EXPECT_THAT(minimal({"::/0", "0.0.0.0/0", "10.0.0.0/8"}),
              ElementsAre("0.0.0.0/0", "::/0"));
  EXPECT_THAT(minimal({}), IsEmpty());
}

struct MtuCase {
  std::string fleet;
  std::string a;
  std::string b;
  unsigned a_mtu;
};

TEST(FleetPlan, TheMtuLeavesRoomForTheOuterHeaders) {
  const std::string v4 = "endpoint = \"192.0.2.1:51820\"\n";
  const std::string v6 = "endpoint = \"[2001:db8::1]:51820\"\n";
  const std::string name = "endpoint_name = \"vpn.example.net:51820\"\n";
  const std::vector<MtuCase> cases = {
      {"", v4, "", 1420},
      {"outer_mtu = 1500\n", v4, "", 1440},
      {"outer_mtu = 1500\n", v6, "", 1420},
      {"outer_mtu = 1500\n", name, "", 1420},
      {"outer_mtu = 1492\n", v4, "", 1432},  // PPPoE
      {"outer_mtu = 1492\n", v6, "", 1412},
      {"", v4, "outer_mtu = 1492\n", 1432},  // the smaller link counts
      {"", v4 + "outer_mtu = 9000\n", "outer_mtu = 1400\n", 1340},
      {"outer_mtu = 9000\n", v4, v6, 8920},
      {"outer_mtu = 1300\n", v4, "", 1240},
  };
  for (const MtuCase& one : cases) {
    const FleetPlan plan =
        Plan("[fleet]\n" + one.fleet + FleetNodeText("a", 1, one.a) +
             FleetNodeText("b", 2, one.b));
    EXPECT_EQ(plan.FindNode("a")->mtu, one.a_mtu)
        << one.fleet << one.a << one.b;
    EXPECT_THAT(Texts(plan.diagnostics), IsEmpty());
  }
}

TEST(FleetPlan, ThePeerWithTheSmallestLinkDecides) {
  const FleetPlan plan = Plan(
      "[fleet]\nouter_mtu = 1500\n" + FleetNodeText("a", 1, EndpointText(1)) +
      FleetNodeText("b", 2) + FleetNodeText("c", 3, "outer_mtu = 1492\n"));
  EXPECT_EQ(plan.FindNode("a")->mtu, 1432);
  EXPECT_EQ(plan.FindNode("b")->mtu, 1440);
  EXPECT_EQ(plan.FindNode("c")->mtu, 1432);
}

TEST(FleetPlan, NeverBelow1280WithIpv6) {
  const std::string v6_node =
      "[[node]]\nname = \"a\"\npublic_key = \"" + TestKey(1).ToBase64() +
      "\"\naddresses = [\"fd77::1\"]\n" + EndpointText(1);
  const FleetPlan plan =
      Plan("[fleet]\nouter_mtu = 1300\n" + v6_node + FleetNodeText("b", 2));
  EXPECT_EQ(plan.FindNode("a")->mtu, 1280);
  EXPECT_EQ(plan.FindNode("b")->mtu, 1240);
  EXPECT_THAT(Texts(plan.diagnostics),
              ElementsAre(HasSubstr("an MTU of 1240 is too small for IPv6")));
}

TEST(FleetPlan, ANodeAloneHasNoPeers) {
  const FleetPlan plan = Plan("[fleet]\n" + FleetNodeText("a", 1));
  EXPECT_THAT(plan.FindNode("a")->peers, IsEmpty());
  EXPECT_EQ(plan.FindNode("a")->mtu, 1420);
}

}  // namespace
}  // namespace natkit::mesh
