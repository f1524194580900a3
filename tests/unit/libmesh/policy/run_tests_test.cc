#include "natkit/mesh/policy/run_tests.h"

#include "policy_fixture.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// The texts of the tests that fail, with real nodes.
std::vector<std::string> Failures(const std::string& rules,
                                  const std::string& test,
                                  const std::vector<PolicyNode>& nodes) {
  std::vector<std::string> out;
  for (const Diagnostic& failure :
       RunTests(Compiled(rules + ", \"tests\": [{" + test + "}]"), nodes)) {
    out.push_back(ToString(failure));
  }
  return out;
}

std::vector<std::string> Failures(const std::string& rules,
                                  const std::string& test) {
  return Failures(rules, test, {});
}

TEST(RunTests, PassWithoutAnyMachine) {
  EXPECT_THAT(Failures(Acl("group:eng", "tag:web:443"),
                       R"("src": "ann@x.org", "accept": ["tag:web:443"],
                     "deny": ["tag:web:22", "kim@x.org:443", "db:443"])"),
              IsEmpty());
  EXPECT_THAT(Failures(Acl("*", "*:443"),
                       R"("src": "group:eng", "accept": ["db:443",
                     "autogroup:tagged:443", "100.64.0.1:443"])"),
              IsEmpty());
}

TEST(RunTests, FailuresNameTheirPlaceAndCause) {
  const auto failures =
      Failures(Acl("group:eng", "tag:web:443"),
               "\n\"src\": \"kim@x.org\",\n  \"accept\": [\"tag:web:443\"]");
  ASSERT_THAT(failures, ElementsAre(HasSubstr("no rule joins")));
  EXPECT_THAT(failures[0], HasSubstr("8:14: error: test of \"kim@x.org\" and "
                                     "\"tag:web:443\" fails"));
  EXPECT_THAT(Failures(Acl("group:eng", "tag:web:443"),
                       R"("src": "ann@x.org", "deny": ["tag:web:443"])"),
              ElementsAre(HasSubstr("reaches a machine of tag:web")));
}

TEST(RunTests, EveryAddressOfTheSourceMustPass) {
  EXPECT_THAT(Failures(Acl("annv4", "tag:web:443"),
                       R"("src": "ann@x.org", "accept": ["tag:web:443"])",
                       World().nodes),
              ElementsAre(HasSubstr("does not reach")));
  EXPECT_THAT(
      Failures(Acl("annv4", "tag:web:443"),
               R"("src": "annv4", "accept": ["tag:web:443"])", World().nodes),
      IsEmpty());
  EXPECT_THAT(Failures(Acl("ann@x.org", "tag:web:443"),
                       R"("src": "group:eng", "accept": ["tag:web:443"])"),
              ElementsAre(HasSubstr("a machine of bob@x.org")));
}

TEST(RunTests, WithoutProtocolTcpOrUdpSuffices) {
  const auto rules = Acl("*", "tag:web:53", R"(, "proto": "udp")");
  EXPECT_THAT(Failures(rules, R"("src": "tag:gate", "accept": ["tag:web:53"])"),
              IsEmpty());
  EXPECT_THAT(Failures(rules, R"("src": "tag:gate", "proto": "tcp",
                            "deny": ["tag:web:53"])"),
              IsEmpty());
  EXPECT_THAT(Failures(rules, R"("src": "tag:gate", "deny": ["tag:web:53"])"),
              ElementsAre(HasSubstr("reaches")));
}

TEST(RunTests, TheMachineReportsWhatTheTestSays) {
  const auto rules =
      Acl("group:eng", "tag:web:22", R"(, "srcPosture": ["posture:ok"])");
  EXPECT_THAT(Failures(rules,
                       R"("src": "ann@x.org", "accept": ["tag:web:22"],
                     "srcPostureAttrs": {"node:healthy": true})"),
              IsEmpty());
  EXPECT_THAT(Failures(rules, R"("src": "ann@x.org", "deny": ["tag:web:22"])",
                       World().nodes),
              IsEmpty());
}

TEST(RunTests, TimeIsAMomentOrAlways) {
  const auto rules = Acl("group:eng", "tag:web:22",
                         R"(, "when": {"days": "mon-fri", "from": "09:00",
                            "to": "18:00", "zone": "UTC"})");
  const std::string source = R"("src": "ann@x.org", )";
  EXPECT_THAT(Failures(rules, source + R"("at": "tue 12:00",
                                     "accept": ["tag:web:22"])"),
              IsEmpty());
  EXPECT_THAT(Failures(rules, source + R"("at": "tue 18:00",
                                     "deny": ["tag:web:22"])"),
              IsEmpty());
  EXPECT_THAT(Failures(rules, source + R"("accept": ["tag:web:22"])"),
              ElementsAre(HasSubstr("not at this time")));
  EXPECT_THAT(Failures(rules, source + R"("deny": ["tag:web:22"])"),
              ElementsAre(HasSubstr("reaches")));
}

TEST(RunTests, SelfMeansTheMachinesOfTheSource) {
  EXPECT_THAT(Failures(Acl("autogroup:member", "autogroup:self:22"),
                       R"("src": "ann@x.org", "accept": ["ann@x.org:22"],
                     "deny": ["bob@x.org:22", "tag:web:22"])",
                       World().nodes),
              IsEmpty());
}

TEST(RunTests, ATagWithMachinesMeansTheseAlone) {
  EXPECT_THAT(
      Failures(Acl("ann@x.org", "100.64.0.5:1\", \"[fd7a:115c:a1e0::5]:1"),
               R"("src": "ann@x.org", "accept": ["tag:web:1"])", World().nodes),
      IsEmpty());
}

TEST(RunTests, SelfNeedsNoSecondMachine) {
  const auto rules = Acl("autogroup:member", "autogroup:self:22");
  const auto* test = R"("src": "bob@x.org", "accept": ["bob@x.org:22"],
                        "deny": ["ann@x.org:22"])";
  EXPECT_THAT(Failures(rules, test), IsEmpty());
  EXPECT_THAT(Failures(rules, test, World().nodes), IsEmpty());
}

TEST(RunTests, ExitsStandForNoAddressThatHasNoRouter) {
  const auto rules =
      R"("acls": [{"action": "accept", "src": ["tag:web"],
                   "dst": ["10.200.0.1:5432"]}])";
  EXPECT_THAT(
      Failures(rules, R"("src": "tag:web", "accept": ["10.200.0.1:5432"])",
               World().nodes),
      IsEmpty());
}

TEST(RunTests, RefuseWhatNamesNobody) {
  EXPECT_THAT(Failures(Acl("*", "*:*"),
                       R"("src": "group:none", "accept": ["tag:web:1"])"),
              ElementsAre(HasSubstr("no two addresses")));
  EXPECT_THAT(
      Failures(Acl("*", "*:*"), R"("src": "db", "accept": ["[fd00::1]:1"])"),
      ElementsAre(HasSubstr("no two addresses")));
}

TEST(RunTests, SshTestsRunToo) {
  const auto run = [](const std::string& lists) {
    return RunTests(Compiled(R"("acls": [], "ssh": [{"action": "check",
                    "src": ["group:eng"], "dst": ["tag:web"],
                    "users": ["root"]}], "sshTests": [{"src": "ann@x.org",
                    "dst": ["tag:web"], )" +
                             lists + "}]"),
                    {});
  };
  EXPECT_THAT(run(R"("check": ["root"], "deny": ["www"])"), IsEmpty());
  const auto failures = run(R"("accept": ["root"])");
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_THAT(failures[0].text, HasSubstr("as root at \"tag:web\" fails"));
}

TEST(RunTests, ShapesAreChecked) {
  const auto says = [](const std::string& test) {
    std::string all;
    for (const auto& diagnostic :
         ParsePolicy(PolicyText("\"acls\": [], \"tests\": [{" + test + "}]"))
             .diagnostics) {
      all += diagnostic.text + "\n";
    }
    return all;
  };
  EXPECT_THAT(says(R"("src": "lan", "accept": ["db:1"])"),
              HasSubstr("one address, not the network"));
  EXPECT_THAT(says(R"("src": "*", "accept": ["db:1"])"),
              HasSubstr("cannot stand here"));
  for (const auto* bad : {"db", "db:*", "db:1,2", "db:1-2", "db:0"}) {
    EXPECT_THAT(says(std::string(R"("src": "db", "accept": [")") + bad + "\"]"),
                HasSubstr("one host and one port"))
        << bad;
  }
  EXPECT_THAT(says(R"("src": "db", "deny": ["autogroup:internet:1"])"),
              HasSubstr("cannot stand here"));
  EXPECT_THAT(says(R"("src": "db", "deny": ["10.0.0.0/8:1"])"),
              HasSubstr("one address"));
  EXPECT_THAT(says(R"("src": "db", "proto": "icmp", "deny": ["db:1"])"),
              HasSubstr("tcp, udp or sctp"));
  EXPECT_THAT(says(R"("src": "db")"), HasSubstr("\"accept\" or \"deny\""));
  EXPECT_THAT(says(R"("accept": ["db:1"])"), HasSubstr("needs \"src\""));
  EXPECT_THAT(says(R"("src": "db", "deny": ["db:1"], "at": "noon")"),
              HasSubstr("no moment"));
  EXPECT_THAT(says(R"("src": "db", "allow": ["db:1"])"),
              HasSubstr("write \"accept\""));
}

TEST(IsOpenAt, CrossesMidnightFromTheDayItBegan) {
  const TimeWindow window{0x10, 22 * 60, 6 * 60, "UTC"};  // Friday night
  EXPECT_FALSE(IsOpenAt(window, {4, 21 * 60 + 59}));
  EXPECT_TRUE(IsOpenAt(window, {4, 22 * 60}));
  EXPECT_TRUE(IsOpenAt(window, {5, 5 * 60 + 59}));
  EXPECT_FALSE(IsOpenAt(window, {5, 6 * 60}));
  EXPECT_FALSE(IsOpenAt(window, {4, 60}));
  const TimeWindow sunday{0x40, 0, 0, "UTC"};
  EXPECT_TRUE(IsOpenAt(sunday, {6, 0}));
  EXPECT_TRUE(IsOpenAt(sunday, {6, 1439}));
  EXPECT_FALSE(IsOpenAt(sunday, {0, 0}));
}

}  // namespace
}  // namespace natkit::mesh::policy
