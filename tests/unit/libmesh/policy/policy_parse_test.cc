#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "natkit/mesh/policy/policy.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Findings(const PolicyResult& result) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    lines.push_back(ToString(diagnostic));
  }
  return lines;
}

/// A policy with one rule (or other sections) after usual definitions.
std::string With(const std::string& sections) {
  return R"({"groups": {"group:eng": ["ann@x.org", "bob@"]},
"hosts": {"db": "10.1.2.3", "lan": "192.168.7.0/24"},
"tagOwners": {"tag:web": ["group:eng"], "tag:gate": []},
"postures": {"posture:ok": ["node:os == 'linux'"]},
)" + sections +
         "}";
}

std::string Acl(const std::string& src, const std::string& dst,
                const std::string& more = "") {
  return With("\"acls\": [{\"action\": \"accept\", \"src\": [" + src +
              "], \"dst\": [" + dst + "]" + more + "}]");
}

std::string Grant(const std::string& src, const std::string& dst,
                  const std::string& more) {
  return With("\"grants\": [{\"src\": [" + src + "], \"dst\": [" + dst + "]" +
              more + "}]");
}

/// All findings of a text in one string; empty if there is none.
std::string Says(const std::string& text) {
  std::string all;
  for (const std::string& line : Findings(ParsePolicy(text))) {
    all += line + "\n";
  }
  return all;
}

/// Networks "10.x.y.0/24", quoted, with `after` behind each.
std::string Networks(int count, const std::string& after = "") {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += (i == 0 ? "\"10." : ", \"10.") + std::to_string(i / 256) + "." +
            std::to_string(i % 256) + ".0/24" + after + "\"";
  }
  return text;
}

TEST(PolicyParse, ARuleIsNoLongerThanANodeTakes) {
  EXPECT_EQ(Says(Acl(Networks(1000), "\"tag:web:22\"")), "");
  EXPECT_THAT(Says(Acl(Networks(1001), "\"tag:web:22\"")),
              HasSubstr("a rule names 1000 sources at most, not 1001: split"));
  EXPECT_EQ(Says(Acl("\"*\"", Networks(1001, ":22"))), "");  // a rule each
  EXPECT_THAT(Says(Grant("\"*\"", Networks(1001), ", \"ip\": [\"22\"]")),
              HasSubstr("1000 destinations at most"));
  std::string ports = "1";
  std::string entries = "\"1\"";
  for (int port = 3; port <= 2001; port += 2) {
    ports += "," + std::to_string(port);
    entries += ", \"" + std::to_string(port) + "\"";
  }
  EXPECT_THAT(Says(Acl("\"*\"", "\"tag:web:" + ports + "\"")),
              HasSubstr("1000 ports at most, not 1001"));
  EXPECT_THAT(
      Says(Grant("\"*\"", "\"tag:web\"", ", \"ip\": [" + entries + "]")),
      HasSubstr("1000 ports at most, not 1001"));
}

TEST(PolicyParse, ReadsTheKindsOfNames) {
  const auto result = ParsePolicy(Acl(
      R"("*", "ann@x.org", "bob@", "group:eng", "tag:web", "autogroup:member",
         "autogroup:tagged", "autogroup:danger-all", "autogroup:admin", "db",
         "10.0.0.0/8", "fd7a:115c:a1e0::1")",
      "\"tag:web:*\""));
  EXPECT_THAT(Findings(result), IsEmpty());
  std::vector<SelectorKind> kinds;
  for (const Selector& selector : result.policy.acls->at(0).src) {
    kinds.push_back(selector.kind);
  }
  using enum SelectorKind;
  EXPECT_THAT(kinds,
              ElementsAre(kAny, kUser, kUser, kGroup, kTag, kMember, kTagged,
                          kDangerAll, kRole, kHost, kPrefix, kPrefix));
  EXPECT_EQ(result.policy.acls->at(0).src[2].name, "bob");
  EXPECT_EQ(result.policy.groups.at("eng"),
            (std::vector<std::string>{"ann@x.org", "bob"}));
}

TEST(PolicyParse, ReadsDestinationsWithTheirPorts) {
  const auto result = ParsePolicy(Acl(
      "\"*\"",
      R"("tag:web:80,443,8000-8080,8081", "*:*", "db:22", "10.0.0.0/8:1-65535",
         "[fd00::1]:22", "fd00::/8:22", "autogroup:internet:443")"));
  EXPECT_THAT(Findings(result), IsEmpty());
  std::vector<std::string> ports;
  std::vector<std::string> hosts;
  for (const Destination& destination : result.policy.acls->at(0).dst) {
    hosts.push_back(destination.host.text);
    ports.push_back(ToString(destination.ports));
  }
  EXPECT_THAT(hosts, ElementsAre("tag:web", "*", "db", "10.0.0.0/8", "fd00::1",
                                 "fd00::/8", "autogroup:internet"));
  EXPECT_THAT(ports, ElementsAre("80,443,8000-8081", "*", "22", "1-65535", "22",
                                 "22", "443"));
}

TEST(PolicyParse, ErrorsNameLineAndColumn) {
  EXPECT_THAT(
      Findings(ParsePolicy("{\n  \"acls\": [\n    {\"action\": "
                           "\"accept\",\n     \"src\": [\"group:ops\"],"
                           "\n     \"dst\": [\"*:*\", \"x:1\"]}\n  ]\n}")),
      ElementsAre("4:14: error: not defined in \"groups\": "
                  "\"group:ops\"",
                  "5:21: error: no address and not defined in "
                  "\"hosts\": \"x\""));
  EXPECT_EQ(Says("{"),
            "1:2: error: expected a string in double quotes, found the end of "
            "the file\n");
}

TEST(PolicyParse, RefusesUnknownFieldsWithANearMiss) {
  EXPECT_THAT(Says("{\"acl\": []}"), HasSubstr("did you mean \"acls\"?"));
  EXPECT_THAT(Says(Acl("\"*\"", "\"*:*\"", ", \"protos\": \"tcp\"")),
              HasSubstr("an acls entry has no field \"protos\", did you mean "
                        "\"proto\"?"));
  EXPECT_THAT(Says(Acl("\"*\"", "\"*:*\"", ", \"users\": []")),
              HasSubstr("no field \"users\": write \"src\""));
  EXPECT_THAT(
      Says(Grant("\"*\"", "\"*\"", ", \"ip\": [\"*\"], \"proto\": \"x\"")),
      HasSubstr("as in \"udp:53\""));
  EXPECT_THAT(Says(Acl("\"group:eg\"", "\"*:*\"")),
              HasSubstr("did you mean \"group:eng\"?"));
  EXPECT_THAT(Says(Acl("\"autogroup:members\"", "\"*:*\"")),
              HasSubstr("did you mean \"autogroup:member\"?"));
}

TEST(PolicyParse, ReportsSeveralErrorsInTheOrderOfTheFile) {
  const auto lines = Findings(ParsePolicy(
      "{\"acls\": [],\n\"grants\": 1,\n\"hosts\": {\"a\": \"b\"},\n\"x\": 1}"));
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], HasSubstr("2:11: error: \"grants\" must be a list"));
  EXPECT_THAT(lines[1], HasSubstr("3:16: error: \"b\" is no address"));
  EXPECT_THAT(lines[2], HasSubstr("4:1: error: a policy has no field \"x\""));
}

TEST(PolicyParse, BoundsTheFindings) {
  std::string sources;
  for (int i = 0; i < 150; ++i) {
    sources += "\"tag:none\", ";
  }
  const auto result = ParsePolicy(Acl(sources, "\"*:*\""));
  EXPECT_THAT(result.diagnostics, SizeIs(kMaxPolicyFindings + 1));
  EXPECT_EQ(result.diagnostics.back().text, "and 50 more findings");
  EXPECT_FALSE(result.is_usable());
}

TEST(PolicyParse, RefusesDenyWithAWayOut) {
  const std::string text = With(
      R"("acls": [{"action": "deny", "src": ["tag:web"], "dst": ["*:*"]}])");
  EXPECT_THAT(Says(text), HasSubstr("what no rule accepts is denied already"));
  EXPECT_THAT(
      Says(With(R"("acls": [{"action": "allow", "src": [], "dst": []}])")),
      HasSubstr("the only action is accept, not \"allow\""));
  EXPECT_THAT(Says(With(R"("acls": [{"src": [], "dst": []}])")),
              HasSubstr("needs \"action\""));
}

TEST(PolicyParse, RefusesBadPorts) {
  const auto says = [](const std::string& ports) {
    return Says(Acl("\"*\"", "\"db" + ports + "\""));
  };
  for (const auto* ports : {":0", ":65536", ":1-65536", ":0-80"}) {
    EXPECT_THAT(says(ports), HasSubstr("is not within 1 to 65535")) << ports;
  }
  for (const auto* ports : {":a", ":-1", ":80-", ":80-90-99"}) {
    EXPECT_THAT(says(ports), HasSubstr("is no port or range")) << ports;
  }
  for (const auto* ports : {":", ":80,", ":,80", ":80,,81"}) {
    EXPECT_THAT(says(ports), HasSubstr("a port is missing")) << ports;
  }
  EXPECT_THAT(says(":80-70"), HasSubstr("the wrong way round: write 70-80"));
  EXPECT_THAT(says(":*,80"), HasSubstr("stands alone"));
  EXPECT_THAT(says(":80, 443"), HasSubstr("no spaces: write \"80,443\""));
  EXPECT_THAT(says(":8 0"), HasSubstr("no spaces: write *, a port"));
  EXPECT_THAT(Says(Acl("\"*\"", "\":22\"")), HasSubstr("write \"*:22\""));
  EXPECT_THAT(Says(Acl("\"*\"", "\"fd00::1\"")),
              HasSubstr("ports are missing: write \"[fd00::1]:*\""));
  EXPECT_EQ(Says(Acl("\"*\"", "\"[fd00::]/8:22\"")), "");
  EXPECT_THAT(Says(Acl("\"*\"", "\"[db]:22\"")), HasSubstr("\"[db]\" is no"));
  EXPECT_THAT(Says(Acl("\"*\"", "\"tag:web\"")),
              HasSubstr("ports are missing: write \"tag:web:*\""));
  EXPECT_THAT(Says(Acl("\"*\"", "\"db\"")), HasSubstr("ports are missing"));
}

TEST(PolicyParse, PortsGoWithTcpUdpAndSctpOnly) {
  for (const auto* proto : {"tcp", "UDP", "sctp", "6", "17", "132"}) {
    EXPECT_EQ(Says(Acl("\"*\"", "\"db:22\"",
                       std::string(", \"proto\": \"") + proto + "\"")),
              "");
  }
  for (const auto* proto : {"icmp", "gre", "0", "255", "ipv6-icmp", "50"}) {
    const std::string field = std::string(", \"proto\": \"") + proto + "\"";
    EXPECT_EQ(Says(Acl("\"*\"", "\"db:*\"", field)), "") << proto;
    EXPECT_THAT(Says(Acl("\"*\"", "\"db:22\"", field)), HasSubstr("no ports"));
  }
  for (const auto* proto : {"", "06", "256", "-1", "http", "*"}) {
    EXPECT_THAT(Says(Acl("\"*\"", "\"db:*\"",
                         std::string(", \"proto\": \"") + proto + "\"")),
                HasSubstr("is no protocol"))
        << proto;
  }
}

TEST(PolicyParse, KeepsNamesInTheirPlaces) {
  const auto refuses = [](const std::string& text) {
    return Says(text).find("cannot stand here") != std::string::npos;
  };
  EXPECT_TRUE(refuses(Acl("\"autogroup:self\"", "\"*:*\"")));
  EXPECT_TRUE(refuses(Acl("\"autogroup:internet\"", "\"*:*\"")));
  EXPECT_TRUE(refuses(Acl("\"*\"", "\"autogroup:danger-all:*\"")));
  EXPECT_TRUE(refuses(With(R"("tagOwners2": {}, "autoApprovers":
      {"exitNode": ["*"]}, "acls": [])")));
  EXPECT_THAT(Says(Acl("\"*\"", "\"autogroup:shared:*\"")),
              HasSubstr("a source only"));
  EXPECT_THAT(Says(Acl("\"autogroup:nonroot\"", "\"*:*\"")),
              HasSubstr("ssh rule"));
}

TEST(PolicyParse, SelfWantsSourcesThatAreUsers) {
  EXPECT_EQ(Says(Acl(R"("*", "group:eng", "ann@x.org", "autogroup:member")",
                     "\"autogroup:self:*\"")),
            "");
  EXPECT_THAT(Says(Acl("\"tag:web\"", "\"autogroup:self:*\"")),
              HasSubstr("with autogroup:self"));
  EXPECT_THAT(Says(Acl("\"10.0.0.0/8\"", "\"autogroup:self:*\"")),
              HasSubstr("with autogroup:self"));
  EXPECT_THAT(Says(Grant("\"*\"", "\"autogroup:self\"", ", \"ip\": [\"*\"]")),
              HasSubstr("with autogroup:self"));
}

TEST(PolicyParse, GroupsHoldUsersOnly) {
  EXPECT_THAT(Says(R"({"acls": [], "groups": {"group:a": ["group:b"]}})"),
              HasSubstr("not other groups"));
  EXPECT_THAT(Says(R"({"acls": [], "groups": {"group:a": ["tag:b", "me"]}})"),
              HasSubstr("a group holds users"));
  EXPECT_THAT(Says(R"({"acls": [], "groups": {"eng": []}})"),
              HasSubstr("must be group:"));
}

TEST(PolicyParse, TagsHaveOwnersAndTheirForm) {
  EXPECT_EQ(Says(R"({"acls": [], "tagOwners": {"tag:a": ["tag:b"],
                     "tag:b": ["tag:a", "autogroup:admin"]}})"),
            "");
  EXPECT_THAT(Says(Acl("\"tag:new\"", "\"*:*\"")),
              HasSubstr("not defined in \"tagOwners\""));
  for (const auto* bad : {"tag:1a", "tag:", "tag:a_b", "web"}) {
    EXPECT_THAT(Says(std::string("{\"acls\": [], \"tagOwners\": {\"") + bad +
                     "\": []}}"),
                HasSubstr("must be tag:"))
        << bad;
  }
}

TEST(PolicyParse, HostsAreAddressesOrNetworks) {
  EXPECT_THAT(Says(R"({"acls": [], "hosts": {"a@b": "10.0.0.1"}})"),
              HasSubstr("cannot be an alias"));
  EXPECT_THAT(Says(R"({"acls": [], "hosts": {"10.0.0.1": "10.0.0.2"}})"),
              HasSubstr("cannot be an alias"));
  EXPECT_THAT(Says(R"({"acls": [], "hosts": {"a": "10.0.0.1/8"}})"),
              HasSubstr("warning: \"10.0.0.1/8\" is read as 10.0.0.0/8"));
}

TEST(PolicyParse, WarnsOfNetworksWiderThanTheyLook) {
  EXPECT_THAT(Says(Acl("\"10.0.0.1/8\"", "\"*:*\"")),
              HasSubstr("warning: \"10.0.0.1/8\" is read as 10.0.0.0/8"));
  EXPECT_EQ(Says(Acl("\"10.0.0.1/32\"", "\"10.0.0.0/8:*\"")), "");
}

TEST(PolicyParse, IpSetsAddAndRemove) {
  const auto result = ParsePolicy(With(
      R"("ipsets": {"ipset:a": ["10.0.0.0/30", "add host:db", "remove 10.0.0.1",
         "lan"]}, "acls": [{"action": "accept", "src": ["ipset:a"],
         "dst": ["ipset:a:22"]}])"));
  EXPECT_THAT(Findings(result), IsEmpty());
  std::vector<std::string> set;
  for (const IpPrefix& prefix : result.policy.acls->at(0).src[0].prefixes) {
    set.push_back(prefix.ToString());
  }
  EXPECT_THAT(set, ElementsAre("10.0.0.0/32", "10.0.0.2/31", "10.1.2.3/32",
                               "192.168.7.0/24"));
  EXPECT_THAT(Says(Acl("\"ipset:b\"", "\"*:*\"")), HasSubstr("\"ipsets\""));
  EXPECT_THAT(Says(R"({"acls": [], "ipsets": {"ipset:a": ["tag:b"]}})"),
              HasSubstr("an ipset holds addresses"));
}

TEST(PolicyParse, GrantsReadProtocolsAndPorts) {
  const auto result = ParsePolicy(Grant(
      "\"*\"", "\"*\"",
      R"(, "ip": ["*", "80", "80-90", "tcp:443", "udp:*", "icmp:*", "47:*"])"));
  EXPECT_THAT(Findings(result), IsEmpty());
  const auto& ip = result.policy.grants->at(0).ip;
  ASSERT_THAT(ip, SizeIs(7));
  EXPECT_FALSE(ip[0].protocol || ip[1].protocol);
  EXPECT_EQ(ToString(ip[2].ports), "80-90");
  EXPECT_EQ(ip[3].protocol, kProtocolTcp);
  EXPECT_EQ(ToString(ip[4].ports), "*");
  EXPECT_EQ(ip[6].protocol, 47);
}

TEST(PolicyParse, SaysWhatToWriteForProtocols) {
  const auto says = [](const std::string& protocol) {
    return Says(Acl("\"*\"", "\"*:*\"", ", \"proto\": \"" + protocol + "\""));
  };
  EXPECT_THAT(says("06"), HasSubstr("write \"6\""));
  EXPECT_THAT(says("00"), HasSubstr("write \"0\""));
  EXPECT_THAT(says("any"), HasSubstr("leave \"proto\" out"));
  EXPECT_THAT(says("tcp,udp"), HasSubstr("write a rule for each"));
  EXPECT_THAT(says("icmpv6"), HasSubstr("write ipv6-icmp"));
  EXPECT_THAT(says("256"), HasSubstr("0 to 255"));
}

TEST(PolicyParse, SuggestsNames) {
  const auto says = [](const std::string& name) {
    return Says(Grant("\"" + name + "\"", "\"*\"", ", \"ip\": [\"*\"]"));
  };
  EXPECT_THAT(says("Tag:web"), HasSubstr("did you mean \"tag:web\"?"));
  EXPECT_THAT(says("tag:web:22"), HasSubstr("write \"tag:web\""));
  EXPECT_THAT(says("10.0.0.0/8:22"), HasSubstr("write \"10.0.0.0/8\""));
  EXPECT_THAT(says(""), HasSubstr("the name is empty"));
}

TEST(PolicyParse, ABrokenFileIsNotSaidToAllowEverything) {
  EXPECT_EQ(Says(R"({"acl": []})").find("warning"), std::string::npos);
}

TEST(PolicyParse, GrantsRefuseWhatMakesNoSense) {
  const auto says = [](const std::string& ip) {
    return Says(Grant("\"*\"", "\"*\"", ", \"ip\": [\"" + ip + "\"]"));
  };
  EXPECT_THAT(says("tcp"), HasSubstr("write \"tcp:*\""));
  EXPECT_THAT(says("icmp:8"), HasSubstr("icmp has no ports"));
  EXPECT_THAT(says("80,443"), HasSubstr("write an item for each"));
  EXPECT_THAT(says("tcp:90-80"), HasSubstr("the wrong way round"));
  EXPECT_THAT(says("0"), HasSubstr("alone is not enough"));
  EXPECT_THAT(says("foo:80"), HasSubstr("no protocol"));
  EXPECT_THAT(Says(Grant("\"*\"", "\"*\"", "")),
              HasSubstr("a grant needs \"ip\" or \"app\""));
  EXPECT_THAT(
      Says(Grant("\"*\"", "\"0.0.0.0/0\", \"::/0\"", ", \"ip\": [\"*\"]")),
      HasSubstr("write autogroup:internet"));
  EXPECT_EQ(Says(Grant("", "", ", \"ip\": [\"*\"]")), "");
}

TEST(PolicyParse, CapabilitiesHaveADomain) {
  const auto says = [](const std::string& app, const std::string& dst = "*") {
    return Says(Grant("\"*\"", "\"" + dst + "\"", ", \"app\": {" + app + "}"));
  };
  EXPECT_EQ(says(R"("example.com/cap/x": [{"a": 1}])"), "");
  EXPECT_EQ(says(R"("tailscale.com/cap/drive": [{}])"), "");
  EXPECT_THAT(says(R"("https://example.com/x": [])"), HasSubstr("a scheme"));
  EXPECT_THAT(says(R"("edit": [])"), HasSubstr("is no capability"));
  EXPECT_THAT(says(R"("tailscale.com/cap/own": [])"), HasSubstr("of your own"));
  EXPECT_THAT(says(R"("example.com/x": {})"), HasSubstr("are a list"));
  EXPECT_THAT(says(R"("example.com/x": [])", "autogroup:internet"),
              HasSubstr("cannot go with autogroup:internet"));
}

TEST(PolicyParse, ViaNamesDefinedTags) {
  EXPECT_EQ(
      Says(Grant("\"*\"", "\"lan\"", R"(, "ip": ["*"], "via": ["tag:gate"])")),
      "");
  EXPECT_THAT(Says(Grant("\"*\"", "\"lan\"",
                         R"(, "ip": ["*"], "via": ["tag:none", "db"])")),
              ::testing::AllOf(HasSubstr("not defined in \"tagOwners\""),
                               HasSubstr("\"via\" names tags")));
}

TEST(PolicyParse, ReadsWindows) {
  const auto result = ParsePolicy(
      Acl("\"*\"", "\"*:*\"", R"(, "when": [{"days": "mon-fri", "from": "09:00",
      "to": "18:00", "zone": "Europe/Berlin"}, {"days": ["sat", "sun-mon"],
      "from": "22:30", "to": "06:00", "zone": "UTC"}, {"zone": "UTC"}])"));
  EXPECT_THAT(Findings(result), IsEmpty());
  EXPECT_THAT(result.policy.acls->at(0).conditions.windows,
              ElementsAre(TimeWindow{0x1f, 540, 1080, "Europe/Berlin"},
                          TimeWindow{0x61, 1350, 360, "UTC"},
                          TimeWindow{0x7f, 0, 1440, "UTC"}));
}

TEST(PolicyParse, RefusesBadWindows) {
  const auto says = [](const std::string& when) {
    PolicyOptions options;
    options.zone_exists = [](std::string_view zone) { return zone == "UTC"; };
    std::string all;
    for (const auto& diagnostic :
         ParsePolicy(Acl("\"*\"", "\"*:*\"", ", \"when\": " + when), options)
             .diagnostics) {
      all += diagnostic.text + "\n";
    }
    return all;
  };
  EXPECT_EQ(says(R"({"zone": "UTC"})"), "");
  EXPECT_THAT(says(R"({"from": "09:00"})"), HasSubstr("needs \"zone\""));
  EXPECT_THAT(says(R"({"zone": "Mars/Base"})"), HasSubstr("no time zone"));
  EXPECT_THAT(says(R"({"zone": "UTC", "days": "mo"})"), HasSubstr("is no day"));
  EXPECT_THAT(says(R"({"zone": "UTC", "days": []})"), HasSubstr("no day"));
  EXPECT_THAT(says("[]"), HasSubstr("names no time"));
  for (const auto* bad : {"9:00", "24:01", "12:60", "12.00", "noon"}) {
    EXPECT_THAT(says(std::string(R"({"zone": "UTC", "to": ")") + bad + "\"}"),
                HasSubstr("no time of day"))
        << bad;
  }
  EXPECT_THAT(says(R"({"zone": "UTC", "from": "24:00"})"), HasSubstr("23:59"));
  EXPECT_THAT(says(R"({"zone": "UTC", "form": "09:00"})"),
              HasSubstr("did you mean \"from\"?"));
}

TEST(PolicyParse, PosturesAreDefinedAndWellFormed) {
  EXPECT_EQ(Says(Acl("\"*\"", "\"*:*\"", R"(, "srcPosture": ["posture:ok"])")),
            "");
  EXPECT_THAT(Says(Acl("\"*\"", "\"*:*\"", R"(, "srcPosture": ["posture:k"])")),
              HasSubstr("did you mean \"posture:ok\"?"));
  EXPECT_THAT(Says(R"({"acls": [], "postures": {"posture:a": ["os = 1"]}})"),
              HasSubstr("begins with an attribute"));
  EXPECT_THAT(Says(R"({"acls": [], "postures": {"posture:a": []}})"),
              HasSubstr("every machine"));
}

TEST(PolicyParse, WarnsWhereEverythingIsOpenOrIgnored) {
  const auto result = ParsePolicy("{}");
  EXPECT_TRUE(result.is_usable());
  EXPECT_THAT(Says("{}"), HasSubstr("warning: with neither"));
  EXPECT_THAT(Says(R"({"acls": [], "randomizeClientPort": true})"),
              HasSubstr("warning: \"randomizeClientPort\" has no effect"));
  EXPECT_THAT(Says("[]"), HasSubstr("a policy must be an object"));
}

TEST(PolicyParse, AFileWithErrorsAllowsNothing) {
  for (const auto* text :
       {"{", "{\"x\": 1}", "{\"acls\": null}", "{\"grants\": {}}",
        R"({"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"],
                      "when": {}}]})"}) {
    const auto result = ParsePolicy(text);
    EXPECT_FALSE(result.is_usable()) << text;
    ASSERT_TRUE(result.policy.acls) << text;
    EXPECT_TRUE(result.policy.acls->empty()) << text;
    EXPECT_FALSE(result.policy.grants) << text;
  }
}

TEST(PolicyParse, NullIsNoWayToLeaveAFieldOut) {
  EXPECT_THAT(Says("{\"acls\": null}"),
              HasSubstr("\"acls\" must be a list [ ], not null"));
  EXPECT_THAT(Says(Acl("\"*\"", "\"*:*\"", R"(, "when": null)")),
              HasSubstr("\"when\" must be an object { }, not null"));
  EXPECT_THAT(Says(Acl("\"*\"", "\"*:*\"", R"(, "srcPosture": null)")),
              HasSubstr("must be a list"));
}

TEST(PolicyParse, AutoApproversNameNetworks) {
  const auto result = ParsePolicy(With(
      R"("acls": [], "autoApprovers": {"routes": {"10.0.0.0/8": ["tag:gate",
         "group:eng"]}, "exitNode": ["ann@x.org"]})"));
  EXPECT_THAT(Findings(result), IsEmpty());
  EXPECT_THAT(result.policy.route_approvers, SizeIs(1));
  EXPECT_THAT(result.policy.exit_approvers, SizeIs(1));
  EXPECT_THAT(Says(R"({"acls": [], "autoApprovers": {"routes": {"x": []}}})"),
              HasSubstr("is no CIDR"));
}

TEST(PolicyParse, NodeAttributesAndPools) {
  EXPECT_EQ(Says(With(R"("acls": [], "nodeAttrs": [{"target": ["*", "tag:web"],
                 "attr": ["a", "b"], "ipPool": ["100.81.0.0/16"]}])")),
            "");
  for (const auto* bad : {"10.0.0.0/8", "100.64.0.0/10", "100.100.0.0/16",
                          "100.115.92.0/24", "x"}) {
    EXPECT_THAT(Says(std::string(R"({"acls": [], "nodeAttrs": [{"target": ["*"],
                 "ipPool": [")") +
                     bad + "\"]}]}"),
                HasSubstr("a pool is"))
        << bad;
  }
}

}  // namespace
}  // namespace natkit::mesh::policy
