#include "natkit/mesh/mesh_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace natkit::mesh {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kKeyA = "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
constexpr const char* kKeyB = "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

std::string Node(const std::string& name, const std::string& key,
                 const std::string& address, const std::string& more = "") {
  return "[[node]]\nname = \"" + name + "\"\npublic_key = \"" + key +
         "\"\naddresses = [\"" + address + "\"]\n" + more;
}

std::string Relay(const std::string& name) {
  return "[[relay]]\nname = \"" + name + "\"\nhost = \"192.0.2.1\"\n";
}

std::vector<std::string> Lines(const MeshFileResult& result) {
  std::vector<std::string> out;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    out.push_back(
        (diagnostic.severity == Severity::kError ? "error " : "warning ") +
        std::to_string(diagnostic.line) + " " + diagnostic.text);
  }
  return out;
}

TEST(MeshFile, HardNatIsOffUnlessAsked) {
  const auto result =
      ParseMeshFile(Relay("eu") + Node("a", kKeyA, "10.77.0.1") +
                    Node("b", kKeyB, "10.77.0.2",
                         "hard_nat = true\nhard_nat_packets_per_second = 20\n"
                         "hard_nat_packets = 300\nhard_nat_sockets = 16\n"
                         "hard_nat_quota_percent = 100\n"));
  EXPECT_THAT(Lines(result), IsEmpty());
  EXPECT_EQ(result.file.nodes[0].hard_nat, HardNatPolicy{});
  EXPECT_FALSE(result.file.nodes[0].hard_nat.is_allowed);
  const HardNatPolicy& asked = result.file.nodes[1].hard_nat;
  EXPECT_TRUE(asked.is_allowed);
  EXPECT_EQ(asked.budget.packets_per_second, 20U);
  EXPECT_EQ(asked.budget.max_packets, 300U);
  EXPECT_EQ(asked.budget.max_sockets, 16U);
  EXPECT_EQ(asked.budget.quota_share, 1.0);
  EXPECT_EQ(result.file.nodes[0].hard_nat.budget.quota_share, 0.25);
  EXPECT_FALSE(ParseMeshFile(Relay("eu") + Node("a", kKeyA, "10.77.0.1",
                                                "hard_nat_sockets = 0\n"))
                   .is_usable());
}

TEST(MeshFile, NodesSayHowMuchTheyMindKeepalives) {
  const auto result =
      ParseMeshFile(Relay("eu") + Node("a", kKeyA, "10.77.0.1") +
                    Node("b", kKeyB, "10.77.0.2",
                         "power = \"battery\"\nmapping_lifetime = 120\n"));
  EXPECT_THAT(Lines(result), IsEmpty());
  EXPECT_EQ(result.file.nodes[0].power, nat::PowerMode::kMains);
  EXPECT_EQ(result.file.nodes[0].mapping_lifetime, std::nullopt);
  EXPECT_EQ(result.file.nodes[1].power, nat::PowerMode::kBattery);
  EXPECT_EQ(result.file.nodes[1].mapping_lifetime, std::chrono::seconds(120));
  for (const auto* bad : {"power = \"full\"\n", "mapping_lifetime = 3\n"}) {
    EXPECT_FALSE(ParseMeshFile(Relay("eu") + Node("a", kKeyA, "10.77.0.1", bad))
                     .is_usable());
  }
}

TEST(MeshFile, NodesTellTheQuotaOfTheirNat) {
  const auto result =
      ParseMeshFile(Relay("eu") + Node("a", kKeyA, "10.77.0.1") +
                    Node("b", kKeyB, "10.77.0.2", "mapping_quota = 100\n"));
  EXPECT_THAT(Lines(result), IsEmpty());
  EXPECT_EQ(result.file.nodes[0].mapping_quota, std::nullopt);
  EXPECT_EQ(result.file.nodes[1].mapping_quota, 100U);
  for (const auto* bad : {"mapping_quota = 0\n", "mapping_quota = 70000\n"}) {
    EXPECT_FALSE(ParseMeshFile(Relay("eu") + Node("a", kKeyA, "10.77.0.1", bad))
                     .is_usable());
  }
}

TEST(MeshFile, ReadsEveryField) {
  const auto result = ParseMeshFile(
      "[mesh]\nname = \"home\"\nmtu = 1300\n"
      "[[relay]]\nname = \"eu\"\nhost = \"relay.example.net\"\nport = 8443\n"
      "plain = true\nstun_port = 0\npin = \"sha256-raw:"
      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"\n"
      "[[stun]]\nhost = \"198.51.100.1\"\nport = 3479\n" +
      Node("laptop", kKeyA, "10.77.0.1",
           "routes = [\"192.168.7.9/24\"]\nrelay = \"eu\"\n"
           "endpoint = \"203.0.113.1:51820\"\nlisten_port = 51820\n"));
  EXPECT_THAT(Lines(result), IsEmpty());
  ASSERT_TRUE(result.is_usable());
  EXPECT_EQ(result.file.name, "home");
  EXPECT_EQ(result.file.mtu, 1300);
  ASSERT_EQ(result.file.relays.size(), 1U);
  EXPECT_EQ(result.file.relays[0].port, 8443);
  EXPECT_TRUE(result.file.relays[0].is_plain);
  EXPECT_EQ(result.file.relays[0].stun_port, 0);
  EXPECT_EQ(result.file.stun_servers[0].port, 3479);
  const NodeEntry* node = result.file.FindNode("laptop");
  ASSERT_NE(node, nullptr);
  EXPECT_EQ(node->routes[0].ToString(), "192.168.7.0/24");
  EXPECT_EQ(node->endpoint->ToString(), "203.0.113.1:51820");
  EXPECT_EQ(node->listen_port, 51820);
  EXPECT_EQ(node->line, 14U);
  EXPECT_EQ(result.file.FindNode("desktop"), nullptr);
}

TEST(MeshFile, NamesTheLineOfBrokenToml) {
  const auto result = ParseMeshFile("[mesh]\nname = \n");
  ASSERT_FALSE(result.is_usable());
  EXPECT_EQ(result.diagnostics[0].line, 2U);
  EXPECT_THAT(result.diagnostics[0].text, HasSubstr("not valid TOML"));
}

TEST(MeshFile, ReportsUnknownKeysAndSections) {
  const auto result = ParseMeshFile("[mesh]\nmtuu = 1300\n[nodes]\n");
  EXPECT_THAT(Lines(result),
              Contains(HasSubstr("error 2 mesh: unknown key \"mtuu\"")));
  EXPECT_THAT(Lines(result),
              Contains(HasSubstr("error 3 unknown section \"nodes\"")));
}

TEST(MeshFile, RejectsValuesOutOfBoundsAndOfTheWrongType) {
  const auto result = ParseMeshFile(
      "[mesh]\nmtu = 100\n[[relay]]\nname = \"e u\"\nhost = 5\nport = 0\n"
      "pin = \"sha256:00\"\n[[node]]\nname = \"a\"\npublic_key = \"AAAA\"\n"
      "addresses = [\"10.0.0.0/8\", 5]\nendpoint = \"1.2.3.4\"\n");
  const auto lines = Lines(result);
  EXPECT_THAT(lines, Contains(HasSubstr("error 2 mesh: mtu must be")));
  EXPECT_THAT(lines, Contains(HasSubstr("error 4 relay 1: name")));
  EXPECT_THAT(lines, Contains(HasSubstr("error 5 relay 1: host must be")));
  EXPECT_THAT(lines, Contains(HasSubstr("error 6 relay 1: port must be")));
  EXPECT_THAT(lines, Contains(HasSubstr("error 7 relay 1: pin must be")));
  EXPECT_THAT(lines, Contains(HasSubstr("error 10 node 1: public_key must")));
  EXPECT_THAT(lines, Contains(HasSubstr("error 11 node 1: addresses must")));
  EXPECT_THAT(lines, Contains(HasSubstr("error 12 node 1: \"1.2.3.4\"")));
}

TEST(MeshFile, NamesBothNodesThatClaimOnePrefix) {
  const auto result = ParseMeshFile(
      Relay("eu") +
      Node("a", kKeyA, "10.0.0.1", "routes = [\"10.9.0.0/16\"]\n") +
      Node("b", kKeyB, "10.0.0.2", "routes = [\"10.9.0.0/16\"]\n"));
  EXPECT_FALSE(result.is_usable());
  EXPECT_THAT(Lines(result),
              Contains(HasSubstr("error 9 overlapping AllowedIPs: 10.9.0.0/16 "
                                 "of node \"b\" (line 9) belongs to node \"a\" "
                                 "(line 4)")));
}

TEST(MeshFile, WarnsOfAPrefixInsideAnothersPrefix) {
  const auto result = ParseMeshFile(
      Relay("eu") +
      Node("a", kKeyA, "10.0.0.1", "routes = [\"10.9.0.0/16\"]\n") +
      Node("b", kKeyB, "10.9.0.2"));
  EXPECT_TRUE(result.is_usable());
  EXPECT_THAT(Lines(result),
              Contains(HasSubstr("warning 9 overlapping AllowedIPs")));
}

TEST(MeshFile, ReportsDuplicateNamesKeysAndAddresses) {
  const auto result =
      ParseMeshFile(Relay("eu") + Relay("eu") + Node("a", kKeyA, "10.0.0.1") +
                    Node("a", kKeyA, "10.0.0.1"));
  const auto lines = Lines(result);
  EXPECT_THAT(lines,
              Contains(HasSubstr("error 4 relay \"eu\": duplicate name")));
  EXPECT_THAT(lines,
              Contains(HasSubstr("error 11 node \"a\": duplicate name")));
  EXPECT_THAT(lines, Contains(HasSubstr("duplicate public_key, first used by "
                                        "\"a\" (line 7)")));
  EXPECT_THAT(lines,
              Contains(HasSubstr("overlapping AllowedIPs: 10.0.0.1/32")));
}

TEST(MeshFile, ReportsARelayThatDoesNotExist) {
  const auto result = ParseMeshFile(
      Relay("eu") + Node("a", kKeyA, "10.0.0.1", "relay = \"us\"\n"));
  EXPECT_THAT(Lines(result), Contains(HasSubstr("there is no relay \"us\"")));
}

TEST(MeshFile, WarnsWhereThereIsNoRelay) {
  const auto result = ParseMeshFile(Node("a", kKeyA, "10.0.0.1"));
  EXPECT_TRUE(result.is_usable());
  EXPECT_THAT(Lines(result), Contains(HasSubstr("warning 0 no [[relay]]")));
}

}  // namespace
}  // namespace natkit::mesh
