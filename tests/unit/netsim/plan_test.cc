#include "natkit/netsim/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace natkit::netsim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

// Two public networks joined by a router, and a LAN behind a NAT.
constexpr std::string_view kScenario = R"(
[[network]]
name = "core"
cidr = "203.0.113.0/24"
cidr6 = "2001:db8::/64"
[[network]]
name = "edge"
cidr = "198.51.100.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "server"
network = "core"
address = "203.0.113.10"
address6 = "2001:db8::10"
[[host]]
name = "laptop"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "router"
profile = "none"
inside = "edge"
outside = "core"
address = "203.0.113.2"
[[nat]]
name = "home"
profile = "port-restricted"
inside = "lan"
outside = "edge"
address = "198.51.100.20"
udp_stream_timeout = 60
backend = "kernel"
)";

Scenario Parse() {
  return ParseScenario(kScenario).value();
}

Plan MakeTestPlan() {
  return MakePlan(Parse(), [](size_t i) { return "/ns/" + std::to_string(i); });
}

TEST(Plan, FabricHasABridgePerNetworkAndAPortPerMember) {
  EXPECT_EQ(MakeTestPlan().namespaces.at(0).ip_batch,
            "link add br0 up type bridge stp_state 0 forward_delay 0 "
            "mcast_snooping 0\n"
            "link add br1 up type bridge stp_state 0 forward_delay 0 "
            "mcast_snooping 0\n"
            "link add br2 up type bridge stp_state 0 forward_delay 0 "
            "mcast_snooping 0\n"
            "link add p0 master br0 up type veth peer name eth0 netns /ns/1\n"
            "link add p1 master br2 up type veth peer name eth0 netns /ns/2\n"
            "link add p2 master br1 up type veth peer name lan0 netns /ns/3\n"
            "link add p3 master br0 up type veth peer name wan0 netns /ns/3\n"
            "link add p4 master br2 up type veth peer name lan0 netns /ns/4\n"
            "link add p5 master br1 up type veth peer name wan0 netns /ns/4\n");
}

TEST(Plan, PublicHostKnowsTheRangesBehindRouters) {
  EXPECT_EQ(MakeTestPlan().namespaces.at(1).ip_batch,
            "link set lo up\n"
            "addr add 203.0.113.10/24 dev eth0\n"
            "addr add 2001:db8::10/64 dev eth0 nodad\n"
            "link set eth0 up\n"
            "route add 198.51.100.0/24 via 203.0.113.2\n");
}

TEST(Plan, InsideHostUsesTheBoxAsItsGateway) {
  EXPECT_EQ(MakeTestPlan().namespaces.at(2).ip_batch,
            "link set lo up\n"
            "addr add 192.168.1.10/24 dev eth0\n"
            "link set eth0 up\n"
            "route add default via 192.168.1.1\n");
}

TEST(Plan, BoxHasBothSidesAndItsOwnGateway) {
  const NamespacePlan home = MakeTestPlan().namespaces.at(4);
  EXPECT_EQ(home.ip_batch,
            "link set lo up\n"
            "addr add 192.168.1.1/24 dev lan0\n"
            "addr add 198.51.100.20/24 dev wan0\n"
            "link set lan0 up\n"
            "link set wan0 up\n"
            "route add default via 198.51.100.1\n");
  EXPECT_THAT(home.sysctls, Contains(Pair("net/ipv4/ip_forward", "1")));
  EXPECT_THAT(
      home.conntrack_sysctls,
      Contains(Pair("net/netfilter/nf_conntrack_udp_timeout_stream", "60")));
}

TEST(Plan, FindsNamespacesInPlanOrder) {
  const Scenario scenario = Parse();
  const Plan plan = MakeTestPlan();
  ASSERT_EQ(plan.namespaces.size(), CountNamespaces(scenario));
  for (size_t i = 1; i < plan.namespaces.size(); ++i) {
    EXPECT_EQ(FindNamespace(scenario, plan.namespaces[i].name), i);
  }
  EXPECT_EQ(FindNamespace(scenario, "nobody"), std::nullopt);
}

TEST(Ruleset, RouterHasNoRules) {
  EXPECT_EQ(MakeRuleset(Parse().nats.at(0)),
            "flush ruleset\ntable ip netsim {\n}\n");
}

TEST(Ruleset, PortRestrictedTranslatesAndDropsUnsolicited) {
  EXPECT_EQ(
      MakeRuleset(Parse().nats.at(1)),
      "flush ruleset\n"
      "table ip netsim {\n"
      "  chain postrouting {\n"
      "    type nat hook postrouting priority srcnat;\n"
      "    oifname \"wan0\" meta l4proto { tcp, udp } masquerade to "
      ":1024-65535\n"
      "    oifname \"wan0\" masquerade\n"
      "  }\n"
      "  chain forward {\n"
      "    type filter hook forward priority filter;\n"
      "    meta l4proto tcp ct state invalid drop\n"
      "    ct state established,related accept\n"
      "    iifname \"wan0\" drop\n"
      "  }\n"
      "  chain input {\n"
      "    type filter hook input priority filter;\n"
      "    iifname \"wan0\" meta l4proto != icmp ct state new,invalid drop\n"
      "  }\n"
      "}\n");
}

TEST(Ruleset, PoisonableDiffersFromMasqueradeOnlyInItsInput) {
  Nat nat = Parse().nats.at(1);
  nat.config = FindProfile("linux-masquerade")->make();
  const std::string clean = MakeRuleset(nat);
  nat.config = FindProfile("linux-poisonable")->make();
  const std::string poisonable = MakeRuleset(nat);
  EXPECT_THAT(poisonable, Not(HasSubstr("chain input")));
  EXPECT_EQ(poisonable, clean.substr(0, clean.find("  chain input")) + "}\n");
}

TEST(Ruleset, PoolsAndPortRangesAreWrittenOut) {
  Nat nat = Parse().nats.at(1);
  nat.config = FindProfile("symmetric")->make();
  nat.addresses.push_back(IpAddress::V4(198, 51, 100, 21));
  EXPECT_THAT(MakeRuleset(nat), Not(HasSubstr("tcp, udp")));
  nat.config.keep_port_class = false;
  nat.config.port_range = PortRange{5000, 5999};
  EXPECT_THAT(MakeRuleset(nat),
              HasSubstr("meta l4proto { tcp, udp } snat to "
                        "198.51.100.20-198.51.100.21:5000-5999 "
                        "fully-random,persistent\n"));
  nat.config.pooling = Pooling::kArbitrary;
  EXPECT_THAT(MakeRuleset(nat), HasSubstr(":5000-5999 fully-random\n"));
}

TEST(Ruleset, ConesLearnMappings) {
  Nat nat = Parse().nats.at(1);
  nat.config = FindProfile("full-cone")->make();
  EXPECT_THAT(MakeRuleset(nat), HasSubstr("dnat to udp dport map @mappings"));
  EXPECT_THAT(MakeRuleset(nat), Not(HasSubstr("@contacted")));
  nat.config = FindProfile("restricted-cone")->make();
  EXPECT_THAT(MakeRuleset(nat), HasSubstr("@contacted accept"));
}

TEST(Ruleset, PoliciesDropOtherProtocolsToo) {
  Nat nat = Parse().nats.at(1);
  constexpr std::string_view kRule = "meta l4proto != { tcp, udp, icmp } drop";
  EXPECT_THAT(MakeRuleset(nat), Not(HasSubstr(kRule)));
  nat.config = FindProfile("corporate-firewall")->make();
  EXPECT_THAT(MakeRuleset(nat), HasSubstr(kRule));
}

Nat BoxOf(std::string_view profile) {
  Nat nat = Parse().nats.at(1);
  nat.config = FindProfile(profile)->make();
  nat.config.ipv6 = Ipv6Mode::kDrop;
  return nat;
}

TEST(KernelFit, TrackingProfilesAreExact) {
  for (const std::string_view profile :
       {"open", "firewall-only", "linux-masquerade", "linux-poisonable",
        "linux-random-fully", "symmetric", "bsd-pf", "hotel"}) {
    EXPECT_EQ(KernelObstacle(BoxOf(profile)), std::nullopt) << profile;
    EXPECT_THAT(KernelDifferences(BoxOf(profile)), IsEmpty()) << profile;
  }
}

TEST(KernelFit, MappingObjectsAreOnlyApproximated) {
  for (const std::string_view profile :
       {"full-cone", "restricted-cone", "port-restricted"}) {
    EXPECT_EQ(KernelObstacle(BoxOf(profile)), std::nullopt) << profile;
    EXPECT_THAT(KernelDifferences(BoxOf(profile)),
                Contains(HasSubstr("share an external port")))
        << profile;
  }
}

TEST(KernelFit, OtherProfilesAreImpossible) {
  for (const std::string_view profile :
       {"symmetric-seq", "cgn-random", "cgn-port-block", "one-to-one"}) {
    EXPECT_NE(KernelObstacle(BoxOf(profile)), std::nullopt) << profile;
  }
}

}  // namespace
}  // namespace natkit::netsim
