// What a network map means for names on a node.

#include "dns/dns_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace natkit::meshnode {
namespace {

const IpAddress kOwn = IpAddress::V4(100, 64, 0, 1);
const IpAddress kPeer = IpAddress::V4(100, 64, 0, 7);
const Endpoint kResolver{IpAddress::V4(10, 0, 0, 53), 53};

mesh::NetworkMap Map() {
  mesh::NetworkMap map;
  map.self = mesh::SelfInfo{};
  map.self->name = "ann";
  map.self->addresses = {kOwn};
  map.dns = mesh::DnsInfo{};
  map.dns->domain = "corp.mesh";
  map.peers[7].name = "bob";
  map.peers[7].addresses = {kPeer};
  return map;
}

DnsPlan Plan(const mesh::NetworkMap& map) {
  return MakeDnsPlan(map, "mesh0").value();
}

TEST(DnsPlanTest, HasTheNamesOfAllNodes) {
  const DnsPlan plan = Plan(Map());
  EXPECT_EQ(plan.config.domain, "corp.mesh");
  EXPECT_EQ(plan.config.hosts,
            (std::vector<dns::DnsHost>{{"ann", {kOwn}}, {"bob", {kPeer}}}));
  EXPECT_EQ(plan.system, (SystemDnsSettings{.interface = "mesh0",
                                            .servers = {kOwn},
                                            .search = {"corp.mesh"}}));
  EXPECT_TRUE(plan.left_out.empty());
}

TEST(DnsPlanTest, IsNothingWithoutAPlaceOrAUsableDomain) {
  mesh::NetworkMap map = Map();
  map.self.reset();
  EXPECT_FALSE(MakeDnsPlan(map, "mesh0"));
  map = Map();
  map.dns.reset();
  EXPECT_FALSE(MakeDnsPlan(map, "mesh0"));
  for (const char* domain :
       {"", ".", "a..b", "a b", "corp.mesh\nnameserver 6.6.6.6", "-x", ".x"}) {
    map = Map();
    map.dns->domain = domain;
    EXPECT_FALSE(MakeDnsPlan(map, "mesh0")) << domain;
  }
}

TEST(DnsPlanTest, RoutesAreForTheServerAndForTheSystem) {
  mesh::NetworkMap map = Map();
  map.dns->routes = {{.suffix = "corp.example.", .resolvers = {kResolver}}};
  const DnsPlan plan = Plan(map);
  EXPECT_EQ(plan.config.routes,
            (std::vector<dns::SplitRoute>{{"corp.example", {kResolver}}}));
  EXPECT_EQ(plan.system.routed, std::vector<std::string>{"corp.example"});
  EXPECT_FALSE(plan.system.takes_all);
}

TEST(DnsPlanTest, OneWrongPieceCostsNoOther) {
  mesh::NetworkMap map = Map();
  map.peers[8].name = "a..b";
  map.dns->routes = {{.suffix = "in.corp.mesh", .resolvers = {kResolver}},
                     {.suffix = "silent.example"},
                     {.suffix = "--help", .resolvers = {kResolver}},
                     {.suffix = "good.example", .resolvers = {kResolver}}};
  map.dns->search = {"bad\nnameserver 6.6.6.6", "lan.example"};
  map.dns->records = {{.name = "a b", .address = kPeer}};
  const DnsPlan plan = Plan(map);
  EXPECT_TRUE(dns::CheckDnsConfig(plan.config));
  EXPECT_EQ(plan.config.hosts.size(), 2U);
  EXPECT_EQ(plan.system.routed, std::vector<std::string>{"good.example"});
  EXPECT_EQ(plan.system.search,
            (std::vector<std::string>{"corp.mesh", "lan.example"}));
  EXPECT_TRUE(plan.config.extra.empty());
  EXPECT_EQ(plan.left_out.size(), 6U);
}

TEST(DnsPlanTest, TakesAllNamesIfTheMeshHasResolversForThem) {
  mesh::NetworkMap map = Map();
  map.dns->resolvers = {kResolver};
  EXPECT_TRUE(Plan(map).system.takes_all);
  EXPECT_EQ(Plan(map).config.resolvers, std::vector<Endpoint>{kResolver});
  map.dns->resolvers.clear();
  map.dns->routes = {{.suffix = ".", .resolvers = {kResolver}}};
  EXPECT_TRUE(Plan(map).system.takes_all);
  EXPECT_TRUE(Plan(map).system.routed.empty());
}

TEST(DnsPlanTest, RecordsOfOneNameAreKeptTogether) {
  mesh::NetworkMap map = Map();
  const IpAddress v6 = *IpAddress::Parse("fd00::7");
  map.dns->records = {{.name = "git", .address = kPeer},
                      {.name = "git", .address = v6},
                      {.name = "www.example.org", .address = kPeer}};
  const DnsPlan plan = Plan(map);
  ASSERT_EQ(plan.config.extra.size(), 3U);
  EXPECT_EQ(plan.config.extra[0].name.ToText(), "git.corp.mesh");
  EXPECT_EQ(plan.config.extra[0].type, dns::RecordType::kA);
  EXPECT_EQ(plan.config.extra[1].name.ToText(), "git.corp.mesh");
  EXPECT_EQ(plan.config.extra[1].type, dns::RecordType::kAaaa);
  EXPECT_EQ(plan.config.extra[2].name.ToText(), "www.example.org");
  // What is outside the mesh domain has to be led here by the system.
  EXPECT_EQ(plan.system.routed, std::vector<std::string>{"www.example.org"});
}

TEST(DnsPlanTest, ReverseNamesOfTheMeshAreLedHere) {
  mesh::NetworkMap map = Map();
  map.settings = mesh::SettingsInfo{};
  map.settings->mesh_prefixes = {*IpPrefix::Parse("10.1.0.0/16"),
                                 *IpPrefix::Parse("fd12:3456::/32")};
  EXPECT_EQ(Plan(map).system.routed,
            (std::vector<std::string>{"1.10.in-addr.arpa",
                                      "6.5.4.3.2.1.d.f.ip6.arpa"}));
}

TEST(DnsPlanTest, ReverseZonesEndAtLabels) {
  const auto zones = [](const char* prefix) {
    return ReverseZones(*IpPrefix::Parse(prefix));
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(zones("10.0.0.0/8"), List{"10.in-addr.arpa"});
  EXPECT_EQ(zones("100.64.0.7/32"), List{"7.0.64.100.in-addr.arpa"});
  EXPECT_EQ(zones("192.168.4.0/23"),
            (List{"4.168.192.in-addr.arpa", "5.168.192.in-addr.arpa"}));
  const List shared = zones("100.64.0.0/10");
  ASSERT_EQ(shared.size(), 64U);
  EXPECT_EQ(shared.front(), "64.100.in-addr.arpa");
  EXPECT_EQ(shared.back(), "127.100.in-addr.arpa");
  EXPECT_EQ(zones("0.0.0.0/0").size(), 256U);
  EXPECT_EQ(zones("fd00::/9"),
            (List{"0.d.f.ip6.arpa", "1.d.f.ip6.arpa", "2.d.f.ip6.arpa",
                  "3.d.f.ip6.arpa", "4.d.f.ip6.arpa", "5.d.f.ip6.arpa",
                  "6.d.f.ip6.arpa", "7.d.f.ip6.arpa"}));
  EXPECT_EQ(zones("fd12::/12"), List{"1.d.f.ip6.arpa"});
  EXPECT_EQ(zones("::/0").size(), 16U);
}

}  // namespace
}  // namespace natkit::meshnode
