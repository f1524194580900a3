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
  EXPECT_EQ(router.profile, "port-restricted");
  EXPECT_EQ(router.inside_address, IpAddress::V4(192, 168, 1, 1));
  EXPECT_THAT(router.addresses, ElementsAre(IpAddress::V4(203, 0, 113, 20)));
  EXPECT_EQ(router.config.timeouts.udp_unreplied, std::chrono::seconds(30));
  EXPECT_EQ(router.config.port_range, (PortRange{2000, 2999}));
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
  EXPECT_EQ(home.profile, "port-restricted");
  EXPECT_EQ(home.inside, "lan");
  EXPECT_EQ(home.outside, "isp-access");
  EXPECT_THAT(home.addresses, ElementsAre(IpAddress::V4(100, 64, 0, 2)));
  const Nat& carrier = *scenario->FindNat("isp-carrier");
  EXPECT_EQ(carrier.profile, "full-cone");
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
              ElementsAre("28: host 'x': network 'wlan' is not defined"));
}

TEST(Scenario, RefusesAddressesThatClash) {
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.1\"\n"),
              ElementsAre(HasSubstr("29: 192.168.1.1 of 'x' already belongs to "
                                    "'router', as gateway")));
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.255\"\n"),
              ElementsAre(HasSubstr("is not a host address of network 'lan'")));
  EXPECT_THAT(ProblemsWith("[[host]]\nname = \"x\"\nnetwork = \"lan\"\n"
                           "address = \"192.168.1.9\"\n"
                           "address6 = \"2001:db8::9\"\n"),
              ElementsAre(HasSubstr("network 'lan' has no IPv6 range")));
}

TEST(Scenario, RefusesASecondWayOut) {
  EXPECT_THAT(ProblemsWith("[[nat]]\nname = \"second\"\nprofile = \"none\"\n"
                           "inside = \"lan\"\noutside = \"internet\"\n"
                           "inside_address = \"192.168.1.2\"\n"
                           "address = \"203.0.113.21\"\n"),
              ElementsAre("29: network 'lan' is already the inside of "
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

TEST(Scenario, RefusesRangesThatHideHostsTwoBoxesAway) {
  const std::string boxes =
      "[[network]]\nname = \"carrier\"\ncidr = \"100.64.0.0/24\"\n"
      "[[nat]]\nname = \"cgn\"\nprofile = \"symmetric\"\n"
      "inside = \"carrier\"\noutside = \"internet\"\n"
      "address = \"203.0.113.21\"\n"
      "[[nat]]\nname = \"home\"\nprofile = \"symmetric\"\n"
      "inside = \"deep\"\noutside = \"carrier\"\n"
      "address = \"100.64.0.2\"\n[[network]]\nname = \"deep\"\n";
  EXPECT_THAT(ProblemsWith(boxes + "cidr = \"203.0.113.0/28\"\n"),
              ElementsAre(AllOf(HasSubstr("'deep' overlaps network 'internet'"),
                                HasSubstr("behind the other"))));
  EXPECT_THAT(ProblemsWith(boxes + "cidr = \"192.168.1.0/24\"\n"),
              ElementsAre());
}

TEST(Scenario, TheKernelPlaysWhatItPlaysExactly) {
  const auto backend_of = [](const std::string& keys) {
    return ParseScenario(std::string(kHome) +
                         "[[network]]\nname = \"a\"\ncidr = \"10.0.0.0/24\"\n"
                         "[[nat]]\nname = \"x\"\ninside = \"a\"\n"
                         "outside = \"internet\"\n"
                         "address = \"203.0.113.30\"\n" +
                         keys)
        .value()
        .FindNat("x")
        ->backend;
  };
  EXPECT_EQ(backend_of("profile = \"symmetric\""), Backend::kKernel);
  EXPECT_EQ(backend_of("profile = \"symmetric\"\nbackend = \"engine\""),
            Backend::kEngine);
  EXPECT_EQ(backend_of("profile = \"full-cone\""), Backend::kEngine);
  EXPECT_EQ(backend_of("profile = \"full-cone\"\nbackend = \"kernel\""),
            Backend::kKernel);
  EXPECT_EQ(backend_of("profile = \"cgn\""), Backend::kEngine);
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
                           "profile = \"full-cone\"\nbackend = \"kernel\"\n"
                           "address = [\"203.0.113.30\", \"203.0.113.31\"]\n"),
              ElementsAre(HasSubstr("a cone with several external addresses")));
}

TEST(Scenario, ReportsEveryProblemInLineOrder) {
  EXPECT_THAT(ProblemsWith("[[host]]\nname = 5\nnetwork = \"lan\"\n"
                           "address = \"2001:db8::g\"\n"),
              ElementsAre("27: [[host]]: 'name' must be a string",
                          "29: [[host]]: 'address' is not an IP address: "
                          "'2001:db8::g'"));
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
        "portres", "fullcone", "printer", "symmetric", "cgn", "blocked"}) {
    EXPECT_NE(scenario->FindHost(host), nullptr) << host;
  }
}

TEST(Scenario, KeysOfABoxChangeItsProfile) {
  const auto scenario = ParseScenario(std::string(kHome) + R"(mapping = "AD"
port_assignment = "sequential"
port_step = -2
assured_after = "1500ms"
refresh = "both"
udp_ports = [53, 3478]
exempt = ["10.0.0.0/8"]
services = ["pcp", "upnp"]
max_mappings = 100
)");
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  const Nat& router = scenario->nats.at(0);
  EXPECT_EQ(router.config.mapping, Dependence::kAddressDependent);
  EXPECT_EQ(router.config.port_assignment, PortAssignment::kSequential);
  EXPECT_EQ(router.config.port_step, -2);
  EXPECT_EQ(router.config.timeouts.assured_after,
            std::chrono::milliseconds(1500));
  EXPECT_TRUE(router.config.refresh.inbound);
  EXPECT_THAT(router.config.policy.udp_ports, ElementsAre(53, 3478));
  EXPECT_EQ(router.config.exempt.size(), 1U);
  EXPECT_TRUE(router.config.services.upnp);
  EXPECT_FALSE(router.config.services.nat_pmp);
  EXPECT_EQ(router.config.limits.max_mappings, 100U);
  EXPECT_EQ(router.config.external, router.addresses);
  EXPECT_EQ(router.backend, Backend::kEngine) << "no kernel does this";
  EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario);
}

TEST(Scenario, EveryKeyOfABoxIsKnownAndDescribed) {
  for (const Parameter& parameter : NatParameters()) {
    EXPECT_FALSE(parameter.meaning.empty()) << parameter.key;
    EXPECT_FALSE(parameter.values.empty()) << parameter.key;
    // No key takes a date, so every key complains about one.
    const auto problems =
        ProblemsWith(std::string(parameter.key) + " = 2026-01-01\n");
    ASSERT_FALSE(problems.empty()) << parameter.key;
    EXPECT_THAT(problems.front(),
                testing::AllOf(HasSubstr("'" + std::string(parameter.key)),
                               testing::Not(HasSubstr("unknown key"))));
  }
}

TEST(Scenario, KeysWithImpossibleValuesAreNamedWithTheirLine) {
  EXPECT_THAT(ProblemsWith("mapping = \"cone\"\n"),
              ElementsAre(HasSubstr("26: [[nat]]: 'mapping' cannot be 'cone' "
                                    "(known: EI, AD, APD")));
  EXPECT_THAT(ProblemsWith("udp_stream_timeout = \"soon\"\n"),
              ElementsAre(HasSubstr("26: [[nat]]: 'udp_stream_timeout' must")));
  EXPECT_THAT(ProblemsWith("port_step = 0\n"),
              ElementsAre(HasSubstr("port_step must not be 0")));
  EXPECT_THAT(ProblemsWith("port_assignment = \"dynamic-block\"\n"),
              ElementsAre(HasSubstr("must hold a block")));
  EXPECT_THAT(ProblemsWith("mapping = \"AD\"\nbackend = \"kernel\"\n"),
              ElementsAre(HasSubstr("27: [[nat]]: the kernel cannot be")));
  EXPECT_THAT(ProblemsWith("services = [\"igd\"]\n"),
              ElementsAre(HasSubstr("known: nat-pmp, pcp, upnp")));
  EXPECT_THAT(ProblemsWith("ipv6 = \"route\"\n"),
              ElementsAre(HasSubstr("needs a cidr6 of the inside network")));
  EXPECT_THAT(ProblemsWith("mapings = 3\n"),
              ElementsAre(HasSubstr("26: [[nat]]: unknown key 'mapings'")));
}

TEST(Scenario, RefusesMoreSubscribersThanDeterministicBlocks) {
  const std::string box =
      "[[network]]\nname = \"a\"\ncidr = \"10.0.0.0/23\"\n"
      "[[nat]]\nname = \"x\"\ninside = \"a\"\noutside = \"internet\"\n"
      "profile = \"cgn-deterministic\"\n";
  EXPECT_THAT(ProblemsWith(box + "address = \"203.0.113.30\"\n"),
              ElementsAre(HasSubstr("29: nat 'x': 256 deterministic blocks are "
                                    "too few for the 512 addresses of 'a'")));
  EXPECT_THAT(
      ProblemsWith(box + "address = [\"203.0.113.30\", \"203.0.113.31\"]\n"),
      ElementsAre());
}

TEST(Scenario, ReadsLinksOfNetworksAndCables) {
  const auto scenario = ParseScenario(R"(
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
delay = "25ms"
[[host]]
name = "a"
network = "internet"
address = "203.0.113.1"
[[link]]
member = "a"
direction = "up"
delay = "40ms"
jitter = "5ms"
loss = 0.05
rate = "10Mbit"
mtu = 1280
[[link]]
member = "a"
direction = "down"
reorder = 0.1
)");
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  EXPECT_EQ(scenario->networks.at(0).link.delay, std::chrono::milliseconds(25));
  ASSERT_EQ(scenario->cables.size(), 1U);
  const Cable& cable = scenario->cables[0];
  EXPECT_EQ(cable.network, "internet");
  EXPECT_EQ(cable.up.loss, 0.05);
  EXPECT_EQ(cable.up.rate, 10'000'000U);
  EXPECT_EQ(cable.up.mtu, 1280);
  EXPECT_EQ(cable.down.reorder, 0.1);
  EXPECT_EQ(cable.down.delay, Duration::zero());
  EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario);
}

TEST(Scenario, RefusesLinksOfNobody) {
  EXPECT_THAT(ProblemsWith("[[link]]\nmember = \"laptopp\"\nloss = 1\n"),
              ElementsAre("27: link: there is no host or box 'laptopp'"));
  EXPECT_THAT(ProblemsWith("[[link]]\nmember = \"router\"\nnetwork = \"lam\"\n"
                           "loss = 1\n"),
              ElementsAre(HasSubstr("is not on network 'lam' (but on 'lan' and "
                                    "'internet')")));
  EXPECT_THAT(ProblemsWith("[[link]]\nmember = \"laptop\"\nloss = 1.5\n"),
              ElementsAre("28: [[link]]: 'loss' must be a number, 0 to 1"));
  EXPECT_THAT(ProblemsWith("[[link]]\nmember = \"laptop\"\nloss = 1\n[[link]]\n"
                           "member = \"laptop\"\ndirection = \"up\"\n"
                           "loss = 1\n"),
              ElementsAre(HasSubstr("30: [[link]]: a second [[link]]")));
}

TEST(Scenario, ReadsStepsAndForwards) {
  const auto scenario = ParseScenario(std::string(kHome) + R"([[forward]]
nat = "router"
protocol = "tcp"
port = 8080
to = "192.168.1.10:80"
[[step]]
on = "server"
run = "nc -l 9000"
background = true
[[step]]
name = "greets"
on = "laptop"
run = ["nc", "203.0.113.10", "9000"]
output = "hel+o"
within = "5s"
[[step]]
on = "router"
event = "reboot"
argument = "203.0.113.21"
)");
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  ASSERT_EQ(scenario->steps.size(), 3U);
  EXPECT_THAT(scenario->steps[0].command,
              ElementsAre("sh", "-c", "nc -l 9000"));
  EXPECT_EQ(scenario->steps[0].name, "server: nc -l 9000");
  EXPECT_TRUE(scenario->steps[0].is_background);
  EXPECT_EQ(scenario->steps[1].line, 35U);
  EXPECT_EQ(scenario->steps[1].within, std::chrono::seconds(5));
  EXPECT_EQ(scenario->steps[2].event, "reboot");
  EXPECT_EQ(scenario->nats[0].config.forwards.at(0).external_port, 8080);
  EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario);
}

TEST(Scenario, RefusesImpossibleStepsAndForwards) {
  EXPECT_THAT(ProblemsWith("[[step]]\non = \"nobody\"\nrun = \"true\"\n"),
              ElementsAre("27: step: there is no host or box 'nobody'"));
  EXPECT_THAT(ProblemsWith("[[step]]\non = \"laptop\"\n"),
              ElementsAre(HasSubstr("needs either 'run' or 'event'")));
  EXPECT_THAT(ProblemsWith("[[step]]\non = \"laptop\"\nrun = \"true\"\n"
                           "output = \"(\"\n"),
              ElementsAre(HasSubstr("not a regular expression")));
  EXPECT_THAT(ProblemsWith("[[forward]]\nnat = \"router\"\n"
                           "protocol = \"udp\"\nport = 80\n"
                           "to = \"10.0.0.1:80\"\n"),
              ElementsAre(HasSubstr("which is not on 'lan'")));
}

TEST(Scenario, ProblemsNameTheLineOfTheKey) {
  EXPECT_THAT(ProblemsWith("udp_timeout = 40\n"),
              ElementsAre(HasSubstr("26: ")))
      << "the key is there twice";
  EXPECT_THAT(ProblemsWith("keep_parity = true\nport_step = 0\n"),
              ElementsAre("27: nat 'router': port_step must not be 0"));
  EXPECT_THAT(ProblemsWith("[[forward]]\nnat = \"router\"\n"
                           "protocol = \"udp\"\nport = 80\n"
                           "to = \"192.168.1.1:80\"\n"),
              ElementsAre(HasSubstr("30: nat 'router': the forward of port 80 "
                                    "goes to the box itself")));
}

/// kHome with one text in place of another.
std::vector<std::string> ProblemsWhere(std::string_view before,
                                       std::string_view after) {
  std::string text(kHome);
  text.replace(text.find(before), before.size(), after);
  const auto scenario = ParseScenario(text);
  std::vector<std::string> lines;
  if (!scenario) {
    for (const Problem& problem : scenario.error()) {
      lines.push_back(std::to_string(problem.line) + ": " + problem.text);
    }
  }
  return lines;
}

TEST(Scenario, ProblemsOfForwardsAreAtTheForward) {
  const auto forward = [](std::string_view to) {
    return "[[forward]]\nnat = \"router\"\nprotocol = \"tcp\"\nport = 80\n"
           "to = \"" +
           std::string(to) + "\"\n";
  };
  EXPECT_THAT(ProblemsWith(forward("192.168.1.10:0")),
              ElementsAre("30: [[forward]]: 'to' needs a port from 1 to "
                          "65535"));
  EXPECT_THAT(
      ProblemsWith(forward("192.168.1.10:80") + forward("192.168.1.10:81")),
      ElementsAre("34: nat 'router': the forward of port 80 is there already, "
                  "in line 29; take another port"));
  const std::string router =
      "[[network]]\nname = \"a\"\ncidr = \"10.0.0.0/24\"\n"
      "[[host]]\nname = \"h\"\nnetwork = \"a\"\naddress = \"10.0.0.2\"\n"
      "[[nat]]\nname = \"x\"\ninside = \"a\"\noutside = \"internet\"\n"
      "address = \"203.0.113.30\"\nprofile = \"open\"\n";
  EXPECT_THAT(
      ProblemsWith(router + "[[forward]]\nnat = \"x\"\nprotocol = \"tcp\"\n"
                            "port = 80\nto = \"10.0.0.2:81\"\n"),
      ElementsAre(HasSubstr("40: nat 'x': the forward of port 80: this "
                            "box does not translate ports")));
}

TEST(Scenario, AMissingArgumentIsTheEventsProblem) {
  EXPECT_THAT(ProblemsWith("[[step]]\non = \"router\"\n"
                           "event = \"readdress\"\n"),
              ElementsAre(HasSubstr("28: step: 'readdress' takes a new")));
  EXPECT_THAT(ProblemsWith("[[step]]\non = \"laptop\"\n"
                           "event = \"blackhole\"\n"),
              ElementsAre(HasSubstr("28: step: 'blackhole' needs a")));
}

TEST(Scenario, WhoTakesTheGatewaysAddressIsAtFault) {
  EXPECT_THAT(
      ProblemsWhere("192.168.1.10", "192.168.1.1"),
      ElementsAre("17: 192.168.1.1 of 'laptop' already belongs to 'router', as "
                  "gateway; take another, or give the box an inside_address "
                  "of its own"));
  EXPECT_THAT(ProblemsWith("inside_address = \"192.168.1.10\"\n"),
              ElementsAre("26: 192.168.1.10 of 'router' already belongs to "
                          "'laptop'"));
}

TEST(Scenario, AWrongRangeIsOneProblem) {
  for (const char* cidr : {"192.168.1.0/31", "192.168.1.0", "192.0.0.0/7",
                           "127.0.0.0/8", "2001:db8::/127"}) {
    EXPECT_THAT(ProblemsWhere("192.168.1.0/24", cidr),
                ElementsAre(HasSubstr("8: cidr of 'lan' ")))
        << cidr;
  }
  EXPECT_THAT(ProblemsWhere("2001:db8::/64", "2001:db8::/127"),
              ElementsAre("5: cidr6 of 'internet' must have a length of at "
                          "most 126, such as /64"));
  EXPECT_THAT(ProblemsWhere("2001:db8::/64", "10.0.0.0/8"),
              ElementsAre("5: cidr6 of 'internet' must be IPv6"));
}

TEST(Scenario, ABoxsLinkSaysWhichNetwork) {
  EXPECT_THAT(ProblemsWith("[[link]]\nmember = \"router\"\nloss = 1\n"),
              ElementsAre("27: link: 'network' is missing: 'router' is on "
                          "'lan' and 'internet'"));
}

TEST(Scenario, AWrongCommandIsOneProblem) {
  EXPECT_THAT(ProblemsWith("[[step]]\non = \"laptop\"\nrun = []\n"),
              ElementsAre("28: [[step]]: 'run' must be a string or a list of "
                          "them"));
}

TEST(Scenario, RefusesMoreHostsThanOneToOneAddresses) {
  const std::string box =
      "[[network]]\nname = \"a\"\ncidr = \"10.0.0.0/24\"\n"
      "[[host]]\nname = \"h1\"\nnetwork = \"a\"\naddress = \"10.0.0.2\"\n"
      "[[host]]\nname = \"h2\"\nnetwork = \"a\"\naddress = \"10.0.0.3\"\n"
      "[[nat]]\nname = \"x\"\ninside = \"a\"\noutside = \"internet\"\n"
      "profile = \"one-to-one\"\n";
  EXPECT_THAT(ProblemsWith(box + "address = \"203.0.113.30\"\n"),
              ElementsAre("42: nat 'x': 1 external addresses are too few for "
                          "the 2 members of 'a'"));
  EXPECT_THAT(
      ProblemsWith(box + "address = [\"203.0.113.30\", \"203.0.113.31\"]\n"),
      ElementsAre());
}

TEST(Scenario, RefusesHostBits) {
  EXPECT_THAT(
      ProblemsWith("[[network]]\nname = \"x\"\ncidr = \"10.0.0.5/24\"\n"),
      ElementsAre("28: [[network]]: 'cidr' has host bits: '10.0.0.5/24' is in "
                  "10.0.0.0/24"));
  EXPECT_THAT(ProblemsWith("exempt = [\"10.0.0.1/8\"]\n"),
              ElementsAre(HasSubstr("26: [[nat]]: 'exempt' has host bits")));
}

TEST(Scenario, RefusesNetworksThatNoHostCanBeOn) {
  for (const char* cidr : {"0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/8"}) {
    EXPECT_THAT(ProblemsWith("[[network]]\nname = \"x\"\ncidr = \"" +
                             std::string(cidr) + "\"\n"),
                ElementsAre(HasSubstr("28: cidr of 'x' is of addresses")))
        << cidr;
  }
}

TEST(Scenario, RefusesCommandsOnBoxesOfTheEngine) {
  EXPECT_THAT(ProblemsWith("backend = \"engine\"\n[[step]]\non = \"router\"\n"
                           "run = \"true\"\n"),
              ElementsAre(HasSubstr("28: step: 'router' is a box of the")));
}

TEST(Scenario, RefusesStepsThatSayNothing) {
  const auto problems = [](std::string_view keys) {
    return ProblemsWith("[[step]]\non = \"laptop\"\n" + std::string(keys));
  };
  EXPECT_THAT(problems("run = \" \"\n"), ElementsAre(HasSubstr("is empty")));
  EXPECT_THAT(problems("run = \"x\"\nargument = \"y\"\n"),
              ElementsAre(HasSubstr("29: [[step]]: 'argument' belongs to")));
  EXPECT_THAT(problems("run = \"x\"\nbackground = true\nexit = 1\n"),
              ElementsAre(HasSubstr(
                  "30: [[step]]: 'exit' does not go with 'background'")));
  EXPECT_THAT(problems("run = \"x\"\nmay_exit = true\n"),
              ElementsAre(HasSubstr("'may_exit' belongs to 'background'")));
  EXPECT_THAT(problems("run = \"x\"\ntimeout = 0\n"),
              ElementsAre(HasSubstr("must not be 0")));
  EXPECT_THAT(problems("event = \"link-down\"\nwithin = 3\n"),
              ElementsAre(HasSubstr("'within' belongs to 'run'")));
}

TEST(Scenario, RefusesImpossibleEvents) {
  const auto problems = [](std::string_view on, std::string_view event,
                           std::string_view argument) {
    return ProblemsWith("[[step]]\non = \"" + std::string(on) +
                        "\"\nevent = \"" + std::string(event) +
                        "\"\nargument = \"" + std::string(argument) + "\"\n");
  };
  EXPECT_THAT(problems("router", "rebot", ""),
              ElementsAre(HasSubstr("28: step: unknown event 'rebot'")));
  EXPECT_THAT(problems("laptop", "reboot", ""),
              ElementsAre(HasSubstr("27: step: 'reboot' is for boxes")));
  EXPECT_THAT(problems("router", "readdress", ""),
              ElementsAre(HasSubstr("29: step: 'readdress' takes a new")));
  EXPECT_THAT(problems("router", "readdress", "10.0.0.1"),
              ElementsAre(HasSubstr("not a host address of network")));
  EXPECT_THAT(problems("router", "readdress", "203.0.113.10"),
              ElementsAre(HasSubstr("belongs to 'server'")));
  EXPECT_THAT(problems("laptop", "blackhole", "soon"),
              ElementsAre(HasSubstr("needs a duration")));
  EXPECT_THAT(problems("laptop", "set-link", "foo=3"),
              ElementsAre(HasSubstr("'foo=3' is not a setting of a link")));
  EXPECT_THAT(problems("laptop", "set-link", "delay=-20ms"),
              ElementsAre(HasSubstr("'delay=-20ms': no such value")));
  EXPECT_THAT(problems("laptop", "blackhole", "2s network=nope"),
              ElementsAre(HasSubstr("is not on network 'nope'")));
  EXPECT_THAT(problems("laptop", "blackhole", "2s network=lan"), ElementsAre());
}

TEST(Scenario, Nat64InsideMayBeIpv6Alone) {
  const auto scenario = ParseScenario(R"(
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "phones"
cidr = "2001:db8:1::/64"
[[host]]
name = "phone"
network = "phones"
address = "2001:db8:1::10"
[[nat]]
name = "carrier"
profile = "nat64"
inside = "phones"
outside = "internet"
address = "203.0.113.20"
)");
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  EXPECT_EQ(scenario->nats.at(0).config.inside_address6->ToString(),
            "2001:db8:1::1");
  EXPECT_EQ(scenario->nats.at(0).backend, Backend::kEngine);
  EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario);
}

TEST(Scenario, HomeOverCgnIsTwoBoxes) {
  const auto scenario = ParseScenario(R"(
[[network]]
name = "internet"
cidr = "203.0.113.0/24"
[[network]]
name = "lan"
cidr = "192.168.1.0/24"
[[nat]]
name = "home"
profile = "home-over-cgn"
inside = "lan"
outside = "internet"
address = ["203.0.113.20", "203.0.113.30"]
)");
  ASSERT_TRUE(scenario) << scenario.error().front().text;
  ASSERT_EQ(scenario->nats.size(), 2U);
  EXPECT_EQ(scenario->nats[0].profile, "port-restricted");
  EXPECT_EQ(scenario->nats[1].name, "home-carrier");
  EXPECT_EQ(scenario->nats[1].profile, "cgn-port-block");
  EXPECT_EQ(scenario->nats[1].backend, Backend::kEngine);
  EXPECT_EQ(ParseScenario(FormatScenario(*scenario)), scenario);
}

}  // namespace
}  // namespace natkit::netsim
