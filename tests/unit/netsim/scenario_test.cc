#include "natkit/netsim/scenario.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace natkit::netsim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kHome = R"(name = "home"
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
cidr6 = "2001:db8::/64"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[host]]
name = "server"
network = "internet"
address = "203.0.113.10"
address6 = "2001:db8::10"
[[host]]
name = "laptop"
network = "lan"
address = "192.168.1.10"
[[nat]]
name = "router"
profile = "port-restricted"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
udp_timeout = 30
port_range = "2000-2999"
)";

/// The problems of kHome followed by `more`, each "LINE: TEXT"; the first
/// added line is 26.
std::vector<std::string> ProblemsWith(std::string_view more) {
  const auto scenario = ParseScenario(std::string(kHome) + std::string(more));
  std::vector<std::string> lines;
  if (!scenario) {
    for (const Problem& problem : scenario.error()) {
      lines.push_back(std::to_string(problem.line) + ": " + problem.text);
    }
  }
  return lines;
}

TEST(Scenario, ReadsNetworksHostsAndBoxes) {
  const auto scenario = ParseScenario(kHome);
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  EXPECT_EQ(scenario->name, "home");
  ASSERT_EQ(scenario->networks.size(), 2U);
  ASSERT_EQ(scenario->hosts.size(), 2U);
  EXPECT_EQ(scenario->hosts[0].address6->ToString(), "2001:db8::10");
  ASSERT_EQ(scenario->nats.size(), 1U);
  const Nat& router = scenario->nats[0];
  EXPECT_EQ(router.profile, NatProfile::kPortRestricted);
  EXPECT_EQ(router.inside_address, IpAddress::V4(192, 168, 1, 1));
  EXPECT_THAT(router.addresses, ElementsAre(IpAddress::V4(203, 0, 113, 20)));
  EXPECT_EQ(router.options.udp_timeout, 30U);
  EXPECT_EQ(router.options.port_range, (PortRange{2000, 2999}));
  EXPECT_EQ(scenario->UplinkOf("lan"), &router);
  EXPECT_EQ(scenario->UplinkOf("internet"), nullptr);
}

TEST(Scenario, FormattedReadsBackEqual) {
  const auto scenario = ParseScenario(kHome);
  ASSERT_TRUE(scenario);
  EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario);
}

TEST(Scenario, TurnsCgnIntoTwoBoxes) {
  const auto scenario = ParseScenario(R"(
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[nat]]
name = "isp"
profile = "cgn"
carrier_profile = "full-cone"
inside = "lan"
outside = "internet"
address = "203.0.113.20"
)");
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  ASSERT_EQ(scenario->nats.size(), 2U);
  const Nat& home = *scenario->FindNat("isp");
  EXPECT_EQ(home.profile, NatProfile::kPortRestricted);
  EXPECT_EQ(home.inside, "lan");
  EXPECT_EQ(home.outside, "isp-access");
  EXPECT_THAT(home.addresses, ElementsAre(IpAddress::V4(100, 64, 0, 2)));
  const Nat& carrier = *scenario->FindNat("isp-carrier");
  EXPECT_EQ(carrier.profile, NatProfile::kFullCone);
  EXPECT_EQ(carrier.inside, "isp-access");
  EXPECT_EQ(carrier.inside_address, IpAddress::V4(100, 64, 0, 1));
  EXPECT_EQ(carrier.outside, "internet");
  EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario);
}

TEST(Scenario, NamesTheLineOfAnUnknownKey) {
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.9\"\ncolour = \"red\"\n"),
              ElementsAre("30: [[host]]: unknown key 'colour' (known: address, "
                          "address6, name, network)"));
}

TEST(Scenario, RefusesUnknownTables) {
  EXPECT_THAT(ProblemsWith("[[router]]\nname = \"x\"\n"),
              ElementsAre(HasSubstr("unknown key 'router'")));
}

TEST(Scenario, RefusesDuplicateNames) {
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"router\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.9\"\n"),
              ElementsAre(HasSubstr("name 'router' is already taken in line")));
  EXPECT_THAT(ProblemsWith("[[network]]\nname = \"lan\"\n"
                           "cidr = \"10.0.0.0/8\"\n"),
              ElementsAre("26: network 'lan' is already defined in line 6"));
}

TEST(Scenario, RefusesDanglingReferences) {
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"wlan\"\n"
                           "address = \"192.168.1.9\"\n"),
              ElementsAre("26: host 'x': network 'wlan' is not defined"));
}

TEST(Scenario, RefusesAddressesThatClash) {
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.1\"\n"),
              ElementsAre("18: 192.168.1.1 of 'router' already belongs to "
                          "'x'"));
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.255\"\n"),
              ElementsAre(HasSubstr("is not a host address of network 'lan'")));
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.9\"\n"
                           "address6 = \"2001:db8::9\"\n"),
              ElementsAre(HasSubstr("network 'lan' has no cidr6")));
}

TEST(Scenario, RefusesASecondWayOut) {
  EXPECT_THAT(ProblemsWith("[[nat]]\nname = \"second\"\nprofile = \"none\"\n"
                           "inside = \"lan\"\noutside = \"internet\"\n"
                           "inside_address = \"192.168.1.2\"\n"
                           "address = \"203.0.113.21\"\n"),
              ElementsAre("26: network 'lan' is already the inside of "
                          "'router'"));
}

TEST(Scenario, RefusesACycle) {
  const std::vector<std::string> problems = ProblemsWith(
      "[[nat]]\nname = \"back\"\nprofile = \"none\"\n"
      "inside = \"internet\"\noutside = \"lan\"\n"
      "address = \"192.168.1.2\"\n");
  ASSERT_FALSE(problems.empty());
  EXPECT_THAT(problems.front(), HasSubstr("a cycle"));
}

TEST(Scenario, RefusesOverlappingRangesOnlyWhereTheyMeet) {
  EXPECT_THAT(ProblemsWith("[[network]]\nname = \"a\"\n"
                           "cidr = \"203.0.113.128/25\"\n[[nat]]\n"
                           "name = \"x\"\nprofile = \"none\"\ninside = \"a\"\n"
                           "outside = \"internet\"\n"
                           "address = \"203.0.113.21\"\n"),
              ElementsAre("26: network 'a' overlaps network 'internet', and "
                          "one box joins them"));
  EXPECT_THAT(
      ProblemsWith("[[network]]\nname = \"a\"\ncidr = \"192.168.1.0/24\"\n"
                   "[[nat]]\nname = \"x\"\nprofile = \"symmetric\"\n"
                   "inside = \"a\"\noutside = \"internet\"\n"
                   "address = \"203.0.113.21\"\n"),
      ElementsAre());
}

TEST(Scenario, RefusesPoolsThatTheKernelCannotTake) {
  const std::string_view box =
      "[[network]]\nname = \"a\"\ncidr = \"10.0.0.0/24\"\n"
      "[[nat]]\nname = \"x\"\ninside = \"a\"\noutside = \"internet\"\n";
  EXPECT_THAT(ProblemsWith(std::string(box) +
                           "profile = \"symmetric\"\n"
                           "address = [\"203.0.113.30\", \"203.0.113.32\"]\n"),
              ElementsAre(HasSubstr("must be consecutive")));
  EXPECT_THAT(ProblemsWith(std::string(box) +
                           "profile = \"full-cone\"\n"
                           "address = [\"203.0.113.30\", \"203.0.113.31\"]\n"),
              ElementsAre(HasSubstr("takes one external address")));
}

TEST(Scenario, ReportsEveryProblemInLineOrder) {
  EXPECT_THAT(ProblemsWith("[[host]]\nname = 5\nnetwork = \"lan\"\n"
                           "address = \"2001:db8::1\"\n"),
              ElementsAre("27: [[host]]: 'name' must be a string",
                          "29: [[host]]: 'address' is not an IPv4 address: "
                          "'2001:db8::1'"));
}

TEST(Scenario, ReportsTomlErrorsWithTheirLine) {
  const auto scenario = ParseScenario("name = \"x\"\n[[host\n");
  ASSERT_FALSE(scenario);
  EXPECT_EQ(scenario.error().front().line, 2U);
}

TEST(Scenario, RefusesAnEmptyFile) {
  const auto scenario = ParseScenario("");
  ASSERT_FALSE(scenario);
  EXPECT_THAT(scenario.error().front().text, HasSubstr("no [[network]]"));
}

TEST(Scenario, ReadsTheDemo) {
  std::ifstream file(NATKIT_SOURCE_DIR "/netsim/scenarios/demo.toml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto scenario = ParseScenario(text);
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  for (const std::string_view host :
       {"relay1", "relay2", "stun1", "stun2", "public", "home1", "home2",
        "portres", "fullcone", "symmetric", "cgn", "blocked"}) {
    EXPECT_NE(scenario->FindHost(host), nullptr) << host;
  }
}

}  // namespace
}  // namespace natkit::netsim
