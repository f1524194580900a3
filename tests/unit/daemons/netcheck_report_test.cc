#include "netcheck/netcheck_report.h"

#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

namespace natkit::meshnode {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;

stun::SurveyedServer Answered(const char* server, const char* mapped) {
  return {.server = *Endpoint::Parse(server),
          .asked = 5,
          .answered = 5,
          .round_trip = milliseconds(10),
          .mapped = *Endpoint::Parse(mapped)};
}

stun::SurveyedServer Silent(const char* server) {
  return {.server = *Endpoint::Parse(server), .asked = 5};
}

RelayReach Relay(const char* name, std::optional<Duration> udp,
                 std::optional<Duration> tcp) {
  return {.relay = {.name = name, .server = {"relay.example", 443}},
          .udp_v4 = udp,
          .tcp = tcp};
}

TEST(Netcheck, SeesAMappingThatVariesByDestination) {
  FamilyReach family;
  family.servers = {Answered("198.51.100.1:3478", "203.0.113.7:1000"),
                    Answered("198.51.100.2:3478", "203.0.113.7:1000")};
  EXPECT_EQ(family.Varies(), false);
  family.servers.push_back(Answered("198.51.100.3:3478", "203.0.113.7:1001"));
  EXPECT_EQ(family.Varies(), true);
  EXPECT_EQ(family.Seen().size(), 2U);
}

TEST(Netcheck, KnowsNothingOfAMappingThatOneServerSees) {
  FamilyReach family;
  family.servers = {Answered("198.51.100.1:3478", "203.0.113.7:1000"),
                    // Another port of one server: only the address may matter.
                    Answered("198.51.100.1:3479", "203.0.113.7:1000"),
                    Silent("198.51.100.2:3478")};
  EXPECT_FALSE(family.Varies());
  family.traits.mapping = nat::Dependence::kAddressDependent;
  EXPECT_EQ(family.Varies(), true);
  family.traits.mapping = nat::Dependence::kEndpointIndependent;
  EXPECT_EQ(family.Varies(), false);
}

TEST(Netcheck, PrefersTheNearestRelayAndTheFirstOfEquals) {
  NetcheckReport report;
  EXPECT_EQ(report.Preferred(), nullptr);
  report.relays = {Relay("far", milliseconds(90), milliseconds(95)),
                   Relay("near", milliseconds(9), {}),
                   Relay("same", milliseconds(9), {}), Relay("gone", {}, {})};
  EXPECT_EQ(report.Preferred()->relay.name, "near");
  EXPECT_EQ(report.relays[0].Latency(), milliseconds(90));
  report.relays[1].udp_v6 = milliseconds(5);
  EXPECT_EQ(report.relays[1].Latency(), milliseconds(5));
}

TEST(Netcheck, KnowsRelaysByTcpWhereUdpIsBlocked) {
  NetcheckReport report;
  report.v4.servers = {Silent("198.51.100.1:3478")};
  report.relays = {Relay("eu", {}, milliseconds(30))};
  EXPECT_EQ(report.HasUdp(), false);
  EXPECT_EQ(report.Preferred()->relay.name, "eu");
  const std::string text = NetcheckText(report);
  EXPECT_NE(text.find("eu            30.0 ms by TCP"), std::string::npos)
      << text;
  EXPECT_NE(text.find("no server answers"), std::string::npos) << text;
}

TEST(Netcheck, ShowsNoControlCharactersOfOthers) {
  NetcheckReport report;
  report.relays = {Relay("eu\x1b[2J", milliseconds(30), {})};
  EXPECT_EQ(NetcheckText(report).find('\x1b'), std::string::npos);
}

TEST(Netcheck, SaysNothingOfUdpWithoutAServer) {
  EXPECT_FALSE(NetcheckReport().HasUdp());
  const Json json = Json::parse(NetcheckJson({}));
  EXPECT_TRUE(json["UDP"].is_null());
  EXPECT_TRUE(json["MappingVariesByDestIP"].is_null());
  EXPECT_TRUE(json["PortMapping"].is_null());
  EXPECT_EQ(json["PreferredDERP"], "");
}

TEST(Netcheck, JsonHasTheNamesThatScriptsKnow) {
  NetcheckReport report;
  report.v4.local = *IpAddress::Parse("192.168.1.7");
  report.v4.servers = {Answered("198.51.100.1:3478", "203.0.113.7:1000"),
                       Answered("198.51.100.2:3478", "203.0.113.7:1001")};
  report.gateway = {.router = *IpAddress::Parse("192.168.1.1"),
                    .services = {{"pcp", "upnp"}}};
  report.relays = {Relay("eu", milliseconds(12), {}),
                   Relay("us", {}, milliseconds(80))};
  const Json json = Json::parse(NetcheckJson(report));
  EXPECT_EQ(json["UDP"], true);
  EXPECT_EQ(json["IPv4"], true);
  EXPECT_EQ(json["IPv6"], false);
  EXPECT_EQ(json["MappingVariesByDestIP"], true);
  EXPECT_EQ(json["PortMapping"], "pcp, upnp");
  EXPECT_EQ(json["PreferredDERP"], "eu");
  EXPECT_EQ(json["RegionLatency"]["eu"], 12'000'000);
  EXPECT_EQ(json["RegionLatency"]["us"], 80'000'000);
  EXPECT_EQ(json["GlobalV4"], "203.0.113.7:1000");
  EXPECT_EQ(json["GlobalV6"], "");
  EXPECT_EQ(json["preferred_relay"], "eu");
  EXPECT_EQ(json["relays"][0]["latency_ms"], 12.0);
  EXPECT_EQ(json["ipv4"]["local"], "192.168.1.7");
  EXPECT_TRUE(json["ipv6"]["udp"].is_null());
}

TEST(NetcheckServers, SurviveTheControlSocket) {
  NetcheckServers servers;
  servers.relays = {{.name = "eu",
                     .server = {"relay.example", 443},
                     .stun_port = 3478,
                     .is_home = true}};
  servers.stun_servers = {{"2001:db8::1", 3479}};
  servers.fwmark = 0xffffffff;
  servers.has_exit = true;
  const auto parsed = ParseServers(FormatServers(servers));
  ASSERT_TRUE(parsed) << parsed.error();
  ASSERT_EQ(parsed->relays.size(), 1U);
  EXPECT_EQ(parsed->relays[0].name, "eu");
  EXPECT_EQ(parsed->relays[0].server, servers.relays[0].server);
  EXPECT_EQ(parsed->relays[0].stun_port, 3478);
  EXPECT_TRUE(parsed->relays[0].is_home);
  EXPECT_EQ(parsed->stun_servers, servers.stun_servers);
  EXPECT_EQ(parsed->fwmark, 0xffffffff);
  EXPECT_TRUE(parsed->has_exit);
}

TEST(NetcheckServers, AreReadWithCare) {
  EXPECT_FALSE(ParseServers("[]"));
  EXPECT_FALSE(ParseServers("{"));
  const auto parsed = ParseServers(
      R"({"relays":[1,{"host":"","port":1},{"host":"a","port":65536},)"
      R"({"host":"b","port":443,"stun_port":-1}],"stun_servers":{},)"
      R"("fwmark":4294967296})");
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->relays.size(), 1U);
  EXPECT_EQ(parsed->relays[0].server.host, "b");
  EXPECT_EQ(parsed->relays[0].stun_port, 0);
  EXPECT_TRUE(parsed->stun_servers.empty());
  EXPECT_EQ(parsed->fwmark, 0U);
  Json many;
  for (int i = 0; i < 200; ++i) {
    many["stun_servers"].push_back({{"host", "a"}, {"port", 1 + i}});
  }
  EXPECT_EQ(ParseServers(many.dump())->stun_servers.size(), 64U);
}

TEST(NetcheckServers, ComeFromAMeshFile) {
  const auto file = mesh::ParseMeshFile(
      "[[relay]]\nname = \"eu\"\nhost = \"relay.example\"\nstun_port = 0\n"
      "[[stun]]\nhost = \"stun.example\"\n");
  const NetcheckServers servers = ServersOf(file.file);
  ASSERT_EQ(servers.relays.size(), 1U);
  EXPECT_EQ(servers.relays[0].stun_port, 0);
  EXPECT_EQ(servers.relays[0].server,
            (shell::ServerName{"relay.example", 443}));
  EXPECT_EQ(servers.stun_servers,
            (std::vector<shell::ServerName>{{"stun.example", 3478}}));
}

}  // namespace
}  // namespace natkit::meshnode
