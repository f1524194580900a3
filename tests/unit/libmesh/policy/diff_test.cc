#include "natkit/mesh/policy/diff.h"

#include <array>

#include "policy_fixture.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

std::vector<std::string> Diff(const std::string& before,
                              const std::string& after,
                              const PolicyWorld& world) {
  std::vector<std::string> lines;
  for (const PolicyChange& change :
       DiffPolicies(Compiled(before), Compiled(after), world)) {
    lines.push_back(ToString(change));
  }
  return lines;
}

std::vector<std::string> Diff(const std::string& before,
                              const std::string& after) {
  return Diff(before, after, World());
}

TEST(DiffPolicies, SaysNothingWhereNothingChanges) {
  const auto rules = Acl("group:eng", "tag:web:22,80");
  EXPECT_THAT(Diff(rules, rules), IsEmpty());
  // The same in other words: as grants, split, by names and by address.
  EXPECT_THAT(
      Diff(rules, R"("grants": [{"src": ["bob@x.org"], "dst": ["tag:web"],
                     "ip": ["80", "22"]}, {"src": ["ann@x.org"], "dst":
                     ["tag:web"], "ip": ["22", "80"]}])"),
      IsEmpty());
  EXPECT_THAT(Diff(Acl("kim@x.org", "tag:web:1-65535"),
                   R"("grants": [{"src": ["kim@x.org"], "dst": ["100.64.0.5",
                      "fd7a:115c:a1e0::5"], "ip": ["1-4000", "3000-65535"]}])"),
              IsEmpty());
}

TEST(DiffPolicies, NamesPairsAndPorts) {
  EXPECT_THAT(
      Diff(Acl("group:eng", "tag:web:22"), Acl("group:eng", "tag:web:22,443")),
      ElementsAre("+ ann -> web tcp,udp 443", "+ ann2 -> web tcp,udp 443",
                  "+ bob -> web tcp,udp 443"));
  EXPECT_THAT(Diff(Acl("bob@x.org", "tag:web:*"), "\"acls\": []"),
              ElementsAre("- bob -> web icmp,tcp,udp *"));
}

TEST(DiffPolicies, CutsOverlappingPorts) {
  EXPECT_THAT(Diff(Acl("bob@x.org", "tag:web:100-200,300"),
                   Acl("bob@x.org", "tag:web:150-250,300")),
              ElementsAre("+ bob -> web tcp,udp 201-250",
                          "- bob -> web tcp,udp 100-149"));
  EXPECT_THAT(
      Diff(Acl("bob@x.org", "tag:web:*"),
           Acl("bob@x.org", "tag:web:22", R"(, "proto": "tcp")")),
      ElementsAre("- bob -> web udp *", "- bob -> web tcp 1-21,23-65535"));
}

TEST(DiffPolicies, CutsOverlappingNetworks) {
  EXPECT_THAT(Diff(Acl("bob@x.org", "10.1.0.0/17:22"),
                   Acl("bob@x.org", "10.1.64.0/18:22")),
              ElementsAre("- bob -> 10.1.0.0/17 icmp",
                          "- bob -> 10.1.0.0/17 tcp,udp 22"));
  // A network that is swallowed by its two halves changes nothing.
  EXPECT_THAT(Diff(Acl("bob@x.org", "lan:22"),
                   Acl("bob@x.org", "10.1.0.0/17:22\", \"10.1.128.0/17:22")),
              IsEmpty());
}

TEST(DiffPolicies, TellsAddressesOfANodeApart) {
  EXPECT_THAT(
      Diff(Acl("ann@x.org", "tag:web:22"), Acl("annv4", "tag:web:22")),
      UnorderedElementsAre(
          "- ann (fd7a:115c:a1e0::1) -> web (fd7a:115c:a1e0::5) icmp",
          "- ann (fd7a:115c:a1e0::1) -> web (fd7a:115c:a1e0::5) tcp,udp 22",
          "- ann2 -> web icmp", "- ann2 -> web tcp,udp 22"));
}

TEST(DiffPolicies, ExitTrafficIsCutByWhatIsPublic) {
  const auto lines = Diff(Acl("bob@x.org", "autogroup:internet:443"),
                          Acl("bob@x.org", "*:443"));
  EXPECT_THAT(lines, Contains("+ bob -> web tcp,udp 443"));
  // Private space behind the exit is new, public space is not.
  EXPECT_THAT(lines, Contains("+ bob -> 0.0.0.0/0 tcp,udp 443"));
  for (const std::string& line : lines) {
    EXPECT_EQ(line.find("-> 8.0.0.0"), std::string::npos) << line;
  }
}

TEST(DiffPolicies, PublicAddressesAreOneDestination) {
  EXPECT_THAT(Diff("\"acls\": []", Acl("bob@x.org", "autogroup:internet:443")),
              ElementsAre("+ bob -> autogroup:internet icmp",
                          "+ bob -> autogroup:internet tcp,udp 443"));
  EXPECT_THAT(Diff("\"acls\": []", Acl("bob@x.org", "autogroup:internet:*", R"(,
                       "proto": "ipv6-icmp")")),
              Contains("+ bob (fd7a:115c:a1e0::3) -> autogroup:internet "
                       "(2000::/3) icmp"));
}

TEST(DiffPolicies, AFileWithoutRulesOpensAllProtocols) {
  const CompiledPolicy open(ParsePolicy("{}").policy);
  std::vector<std::string> lines;
  for (const PolicyChange& change :
       DiffPolicies(Compiled("\"acls\": []"), open, World())) {
    lines.push_back(ToString(change));
  }
  EXPECT_THAT(lines, Contains("+ bob -> web protocols 0-57,59-255 *"));
}

TEST(DiffPolicies, CanLookAtOneMoment) {
  const auto day = Acl("bob@x.org", "tag:web:22", R"(, "when":
      {"from": "08:00", "to": "20:00", "zone": "UTC"})");
  const auto changes = [&day](int64_t hour) {
    return DiffPolicies(Compiled("\"acls\": []"), Compiled(day), World(),
                        hour * 3600);
  };
  EXPECT_THAT(changes(7), IsEmpty());
  EXPECT_EQ(changes(8).size(), 2U);
  EXPECT_EQ(changes(19).size(), 2U);
  EXPECT_THAT(changes(20), IsEmpty());
}

TEST(DiffPolicies, ComparesHours) {
  const auto at = [](const std::string& when) {
    return Acl("bob@x.org", "tag:web:22", ", \"when\": " + when);
  };
  const std::string day = R"({"from": "08:00", "to": "20:00", "zone": "UTC"})";
  const std::string halves =
      R"([{"from": "14:00", "to": "20:00", "zone": "UTC"},
          {"from": "08:00", "to": "14:00", "zone": "UTC"}])";
  EXPECT_THAT(Diff(at(day), at(halves)), IsEmpty());
  EXPECT_THAT(Diff(at(day), Acl("bob@x.org", "tag:web:22")),
              ElementsAre("~ bob -> web icmp", "~ bob -> web tcp,udp 22"));
  EXPECT_THAT(Diff(at(R"([{"to": "12:00", "zone": "UTC"},
                          {"from": "12:00", "zone": "UTC"}])"),
                   Acl("bob@x.org", "tag:web:22")),
              IsEmpty());
  EXPECT_THAT(Diff("\"acls\": []", at(day)),
              ElementsAre("+ bob -> web icmp", "+ bob -> web tcp,udp 22"));
}

TEST(DiffPolicies, FollowsGroupsPosturesAndSelf) {
  EXPECT_THAT(
      Diff(Acl("ann@x.org", "tag:web:22"),
           Acl("ann@x.org", "tag:web:22", R"(, "srcPosture": ["posture:ok"])")),
      ElementsAre("- ann2 -> web icmp", "- ann2 -> web tcp,udp 22"));
  EXPECT_THAT(Diff("\"acls\": []", Acl("autogroup:member", "autogroup:self:22",
                                       R"(, "proto": "tcp")")),
              ElementsAre("+ ann -> ann2 icmp", "+ ann -> ann2 tcp 22",
                          "+ ann2 -> ann icmp", "+ ann2 -> ann tcp 22",
                          "+ kim -> rogue icmp", "+ kim -> rogue tcp 22",
                          "+ rogue -> kim icmp", "+ rogue -> kim tcp 22"));
}

/// TCP flows between nodes, many ports for each pair of addresses.
std::vector<FlowQuestion> Questions() {
  constexpr std::array<uint16_t, 10> kPorts = {1,  20, 22, 24, 25,
                                               30, 31, 35, 36, 443};
  std::vector<FlowQuestion> questions;
  for (const PolicyNode& from : World().nodes) {
    for (const PolicyNode& to : World().nodes) {
      for (const uint16_t port : kPorts) {
        if (from.name != to.name) {
          questions.push_back({from.ips[0], to.ips[0], kProtocolTcp, port, 0});
        }
      }
    }
  }
  return questions;
}

/// Whether a label of a change means the address.
bool Names(std::string_view label, const IpAddress& address) {
  static const PolicyWorld world = World();
  for (const PolicyNode& node : world.nodes) {
    if (std::ranges::find(node.ips, address) != node.ips.end()) {
      return label == node.name ||
             label == node.name + " (" + address.ToString() + ")";
    }
  }
  return false;
}

bool IsListed(const std::vector<PolicyChange>& changes,
              const FlowQuestion& question) {
  const auto has_port = [&question](const Ports& ports) {
    return ports.empty() ||
           std::ranges::any_of(ports, [&question](const PortRange& range) {
             return range.first <= question.port && question.port <= range.last;
           });
  };
  return std::ranges::any_of(changes, [&](const PolicyChange& change) {
    return Names(change.source, question.source) &&
           Names(change.destination, question.destination) &&
           std::ranges::count(change.protocols, question.protocol) > 0 &&
           has_port(change.ports);
  });
}

void ExpectAgreement(const std::string& a, const std::string& b) {
  const PolicyWorld world = World();
  const auto before = Compiled(a);
  const auto after = Compiled(b);
  const auto changes = DiffPolicies(before, after, world);
  for (const FlowQuestion& question : Questions()) {
    const bool was = Decide(before, world, question).is_accepted;
    const bool is = Decide(after, world, question).is_accepted;
    EXPECT_EQ(was != is, IsListed(changes, question))
        << question.source.ToString() << " " << question.destination.ToString()
        << " " << question.port << "\n"
        << a << "\n"
        << b;
  }
}

TEST(DiffPolicies, AgreesWithAskingEachPacket) {
  const std::vector<std::string> policies = {
      "\"acls\": []", Acl("*", "*:*"),
      Acl("group:eng", "lan:20-30\", \"tag:web:25-35\", \"*:443"),
      Acl("10.1.128.0/17", "autogroup:member:1-100") + "," +
          Grant("kim@x.org", "tag:web", R"(, "ip": ["tcp:22-24", "30"])"),
      Acl("autogroup:member", "autogroup:self:22")};
  for (const std::string& a : policies) {
    for (const std::string& b : policies) {
      ExpectAgreement(a, b);
    }
  }
}

std::vector<std::string> DiffByName(const std::string& before,
                                    const std::string& after) {
  std::vector<std::string> lines;
  for (const PolicyChange& change :
       DiffPoliciesByName(Compiled(before), Compiled(after), World().is_open)) {
    lines.push_back(ToString(change));
  }
  return lines;
}

TEST(DiffPoliciesByName, NamesUsersTagsAndNetworks) {
  EXPECT_THAT(DiffByName(Acl("group:eng", "tag:web:22"),
                         Acl("group:eng", "tag:web:22,80")),
              ElementsAre("+ ann@x.org -> tag:web tcp,udp 80",
                          "+ bob@x.org -> tag:web tcp,udp 80"));
  EXPECT_THAT(DiffByName("\"acls\": []", Acl("tag:web", "db:22")),
              ElementsAre("+ tag:web -> 10.1.2.3/32 icmp",
                          "+ tag:web -> 10.1.2.3/32 tcp,udp 22"));
  EXPECT_THAT(
      DiffByName("\"acls\": []", Acl("annv4", "tag:web:22")),
      ElementsAre("+ annv4 -> tag:web icmp", "+ annv4 -> tag:web tcp,udp 22"));
  EXPECT_THAT(DiffByName("\"acls\": []", Acl("autogroup:admin", "tag:web:22")),
              ElementsAre("+ autogroup:admin -> tag:web icmp",
                          "+ autogroup:admin -> tag:web tcp,udp 22"));
  EXPECT_THAT(DiffByName(Acl("*", "*:*"), Acl("*", "*:*")), IsEmpty());
}

TEST(DiffPoliciesByName, OthersStandForWhoIsNotNamed) {
  EXPECT_THAT(DiffByName(Acl("ann@x.org", "autogroup:tagged:22"),
                         Acl("ann@x.org", "tag:web:22")),
              UnorderedElementsAre("- ann@x.org -> another tag icmp",
                                   "- ann@x.org -> another tag tcp,udp 22",
                                   "- ann@x.org -> tag:exit icmp",
                                   "- ann@x.org -> tag:exit tcp,udp 22",
                                   "- ann@x.org -> tag:gate icmp",
                                   "- ann@x.org -> tag:gate tcp,udp 22"));
}

TEST(DiffPoliciesByName, RulesToSelfNameTheOtherMachine) {
  EXPECT_THAT(
      DiffByName(Acl("ann@x.org", "autogroup:self:22"),
                 Acl("ann@x.org", "autogroup:self:22,23")),
      ElementsAre("+ ann@x.org -> another machine of ann@x.org tcp,udp 23"));
}

TEST(DiffPoliciesByName, TellsMachinesByPosture) {
  EXPECT_THAT(
      DiffByName(
          Acl("ann@x.org", "tag:web:22"),
          Acl("ann@x.org", "tag:web:22", R"(, "srcPosture": ["posture:ok"])")),
      ElementsAre("- ann@x.org (postures not met) -> tag:web icmp",
                  "- ann@x.org (postures not met) -> tag:web tcp,udp 22"));
  EXPECT_THAT(
      DiffByName("\"acls\": []", Acl("ann@x.org", "tag:web:22",
                                     R"(, "srcPosture": ["posture:ok"])")),
      ElementsAre("+ ann@x.org (postures met) -> tag:web icmp",
                  "+ ann@x.org (postures met) -> tag:web tcp,udp 22"));
}

TEST(DiffPoliciesByName, RoutersHaveTheTagsOfVia) {
  EXPECT_THAT(DiffByName("\"acls\": []",
                         Grant("ann@x.org", "db",
                               R"(, "ip": ["22"], "via": ["tag:gate"])")),
              ElementsAre("+ ann@x.org -> 10.1.2.3/32 icmp",
                          "+ ann@x.org -> 10.1.2.3/32 tcp,udp 22"));
}

}  // namespace
}  // namespace natkit::mesh::policy
