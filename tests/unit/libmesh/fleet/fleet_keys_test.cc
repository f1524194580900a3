// The keys of a mesh file that describe a fleet of plain WireGuard hosts.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fleet_support.h"

namespace natkit::mesh {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Findings(const std::string& text) {
  return Texts(ParseMeshFile(text).diagnostics);
}

const std::string kTwoNodes =
    FleetNodeText("a", 1, EndpointText(1)) + FleetNodeText("b", 2);

TEST(FleetKeys, AFileWithoutThemIsAFullMesh) {
  const FleetSettings fleet =
      FleetFileOf("[[relay]]\nname = \"r\"\nhost = \"r\"\n" + kTwoNodes).fleet;
  EXPECT_EQ(fleet.topology, FleetTopology::kFull);
  EXPECT_EQ(fleet.keepalive, std::chrono::seconds(25));
  EXPECT_EQ(fleet.outer_mtu, std::nullopt);
  EXPECT_EQ(fleet.interface, "wg0");
  EXPECT_EQ(fleet.key_dir, "/etc/wireguard");
  EXPECT_EQ(fleet.line, 0U);
}

TEST(FleetKeys, ReadsEveryKey) {
  const auto result = ParseMeshFile(
      "[fleet]\ntopology = \"hubs\"\nhubs = [\"a\"]\nkeepalive = 15\n"
      "outer_mtu = 1492\ninterface = \"office\"\nkey_dir = \"/srv/keys\"\n"
      "networks = [\"10.77.0.0/16\"]\n" +
      FleetNodeText("a", 1, "endpoint_name = \"vpn.example.net:51820\"\n") +
      FleetNodeText("b", 2,
                    "hub = \"a\"\nbehind_nat = false\nouter_mtu = 1400\n" +
                        NextKeyText(9)));
  ASSERT_THAT(Texts(result.diagnostics), IsEmpty());
  const FleetSettings& fleet = result.file.fleet;
  EXPECT_EQ(fleet.topology, FleetTopology::kHubs);
  EXPECT_THAT(fleet.hubs, ElementsAre("a"));
  EXPECT_EQ(fleet.keepalive, std::chrono::seconds(15));
  EXPECT_EQ(fleet.outer_mtu, 1492);
  EXPECT_EQ(fleet.interface, "office");
  EXPECT_EQ(fleet.key_dir, "/srv/keys");
  EXPECT_THAT(fleet.networks, ElementsAre(*IpPrefix::Parse("10.77.0.0/16")));
  EXPECT_EQ(fleet.line, 1U);
  EXPECT_EQ(result.file.nodes[0].fleet.endpoint_name, "vpn.example.net:51820");
  const FleetNodeSettings& b = result.file.nodes[1].fleet;
  EXPECT_EQ(b.hub, "a");
  EXPECT_EQ(b.behind_nat, false);
  EXPECT_EQ(b.outer_mtu, 1400);
  EXPECT_EQ(b.next_public_key, TestKey(9));
}

TEST(FleetKeys, WithAFleetAMeshNeedsNoRelay) {
  EXPECT_THAT(Findings("[fleet]\n" + kTwoNodes), IsEmpty());
  EXPECT_THAT(Findings(kTwoNodes), ElementsAre(HasSubstr("no [[relay]]")));
}

TEST(FleetKeys, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(Findings("[fleet]\nhub = \"a\"\n" + kTwoNodes),
              ElementsAre(HasSubstr("error 2 fleet: unknown key \"hub\"")));
  EXPECT_THAT(Findings("[fleet]\ntopology = \"ring\"\n" + kTwoNodes),
              ElementsAre(HasSubstr("topology is full or hubs")));
  EXPECT_THAT(Findings("fleet = 1\n" + kTwoNodes),
              ElementsAre(HasSubstr("write [fleet]")));
}

TEST(FleetKeys, RefusesValuesThatAShellWouldUnderstandOtherwise) {
  for (const auto* line :
       {"interface = \"wg0; reboot\"", "interface = \"-wg\"",
        "interface = \"abcdefghijklmnop\"", "key_dir = \"keys\"",
        "key_dir = \"/etc/$(reboot)\"", "key_dir = \"/a b\"", "keepalive = 0",
        "outer_mtu = 100", "networks = [\"here\"]"}) {
    EXPECT_FALSE(
        ParseMeshFile("[fleet]\n" + std::string(line) + "\n" + kTwoNodes)
            .is_usable())
        << line;
  }
  for (const auto* line :
       {"endpoint_name = \"a b:1\"", "endpoint_name = \"vpn.example.net\"",
        "endpoint_name = \"vpn.example.net:0\"",
        "endpoint_name = \"vpn.example.net:65536\"", "endpoint_name = \"-x:1\"",
        "endpoint_name = \":1\"", "endpoint_name = \"x\\ny:1\"",
        "next_public_key = \"AAAA\""}) {
    EXPECT_FALSE(ParseMeshFile("[fleet]\n" +
                               FleetNodeText("a", 1, std::string(line) + "\n"))
                     .is_usable())
        << line;
  }
}

TEST(FleetKeys, AHubMustExistAndBeReachable) {
  const std::string head = "[fleet]\ntopology = \"hubs\"\n";
  EXPECT_THAT(Findings(head + kTwoNodes),
              ElementsAre(HasSubstr("topology hubs needs hubs")));
  EXPECT_THAT(Findings(head + "hubs = [\"x\"]\n" + kTwoNodes),
              ElementsAre(HasSubstr("there is no node \"x\"")));
  EXPECT_THAT(Findings(head + "hubs = [\"b\"]\n" + kTwoNodes),
              ElementsAre(HasSubstr("a hub needs endpoint")));
  EXPECT_THAT(Findings(head + "hubs = [\"a\", \"a\"]\n" + kTwoNodes),
              ElementsAre(HasSubstr("\"a\" is listed twice")));
  EXPECT_THAT(Findings(head + "hubs = [\"a\"]\n" + kTwoNodes + "hub = \"b\"\n"),
              ElementsAre(HasSubstr("hub \"b\" is not in the list")));
  EXPECT_THAT(
      Findings(head + "hubs = [\"a\"]\n" +
               FleetNodeText("a", 1, EndpointText(1) + "hub = \"a\"\n")),
      ElementsAre(HasSubstr("hub is for spokes")));
}

TEST(FleetKeys, HubsCountOnlyInTheirTopology) {
  EXPECT_THAT(Findings("[fleet]\nhubs = [\"a\"]\n" + kTwoNodes),
              ElementsAre(HasSubstr("only with topology")));
  EXPECT_THAT(Findings("[fleet]\n" + kTwoNodes + "hub = \"a\"\n"),
              ElementsAre(HasSubstr("hub counts only with topology")));
}

TEST(FleetKeys, ANextKeyMustBeNew) {
  EXPECT_THAT(Findings("[fleet]\n" + kTwoNodes + NextKeyText(1)),
              ElementsAre(HasSubstr("next_public_key is a key of \"a\"")));
  EXPECT_THAT(Findings("[fleet]\n" + kTwoNodes + NextKeyText(2)),
              ElementsAre(HasSubstr("next_public_key is a key of \"b\"")));
  EXPECT_THAT(Findings("[fleet]\n" + FleetNodeText("a", 1, NextKeyText(9)) +
                       FleetNodeText("b", 2, NextKeyText(9))),
              Contains(HasSubstr("next_public_key is a key of \"a\"")));
}

TEST(FleetKeys, AnAddressAndANameExcludeEachOther) {
  EXPECT_THAT(Findings("[fleet]\n" +
                       FleetNodeText("a", 1,
                                     EndpointText(1) + "endpoint_name = "
                                                       "\"a.example:1\"\n")),
              ElementsAre(HasSubstr("exclude each other")));
}

}  // namespace
}  // namespace natkit::mesh
