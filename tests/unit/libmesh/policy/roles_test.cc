#include "policy_fixture.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> SourceOf(const CompiledPolicy& policy,
                                  std::string_view node) {
  const auto roles = policy.RolesOf(NodeOf(node)).as_source;
  return roles.empty() ? std::vector<std::string>{} : Texts(roles[0].prefixes);
}

std::vector<std::string> DestinationOf(const CompiledPolicy& policy,
                                       std::string_view node) {
  const auto roles = policy.RolesOf(NodeOf(node)).as_destination;
  return roles.empty() ? std::vector<std::string>{} : Texts(roles[0].prefixes);
}

TEST(Roles, IdentitiesCoverOwnAddressesOfBothFamilies) {
  const auto policy = Compiled(Acl("group:eng", "tag:gate:*"));
  EXPECT_THAT(SourceOf(policy, "ann"),
              ElementsAre("100.64.0.1/32", "fd7a:115c:a1e0::1/128"));
  EXPECT_THAT(DestinationOf(policy, "gate"),
              ElementsAre("100.64.0.6/32", "fd7a:115c:a1e0::6/128"));
  EXPECT_THAT(SourceOf(policy, "kim"), IsEmpty());
  EXPECT_THAT(DestinationOf(policy, "ann"), IsEmpty());
}

TEST(Roles, AnyTakesRoutesAndAsDestinationExits) {
  const auto policy = Compiled(Acl("*", "*:*"));
  EXPECT_THAT(
      SourceOf(policy, "gate"),
      ElementsAre("10.1.0.0/16", "100.64.0.6/32", "fd7a:115c:a1e0::6/128"));
  EXPECT_THAT(SourceOf(policy, "exit"),
              ElementsAre("100.64.0.7/32", "fd7a:115c:a1e0::7/128"));
  EXPECT_THAT(DestinationOf(policy, "exit"), ElementsAre("0.0.0.0/0", "::/0"));
  EXPECT_THAT(DestinationOf(policy, "rogue"), ElementsAre("100.64.0.8/32"));
}

TEST(Roles, NetworksTakeWhatOverlaps) {
  const auto policy = Compiled(Acl("10.1.7.0/24", "100.64.0.0/10:*"));
  EXPECT_THAT(SourceOf(policy, "gate"), ElementsAre("10.1.7.0/24"));
  EXPECT_THAT(DestinationOf(policy, "ann"), ElementsAre("100.64.0.1/32"));
  const auto wide = Compiled(Acl("10.0.0.0/8", "0.0.0.0/0:*"));
  EXPECT_THAT(SourceOf(wide, "gate"), ElementsAre("10.1.0.0/16"));
  EXPECT_THAT(DestinationOf(wide, "exit"), ElementsAre("100.64.0.7/32"));
}

TEST(Roles, InternetIsWhatIsPublic) {
  const auto policy = Compiled(Acl("*", "autogroup:internet:*"));
  const auto roles = policy.RolesOf(NodeOf("exit")).as_destination;
  ASSERT_THAT(roles, SizeIs(1));
  const auto covers = [&roles](std::string_view ip) {
    return std::ranges::any_of(roles[0].prefixes, [ip](const IpPrefix& prefix) {
      return prefix.Contains(Ip(ip));
    });
  };
  for (const auto* inside :
       {"0.0.0.0", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
        "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
        "169.253.255.255", "169.255.0.0", "255.255.255.255",
        "2000::", "3fff::1"}) {
    EXPECT_TRUE(covers(inside)) << inside;
  }
  for (const auto* outside :
       {"10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255",
        "172.16.0.0", "172.31.255.255", "192.168.0.0", "192.168.255.255",
        "169.254.0.0", "169.254.255.255", "fd00::1", "4000::", "1fff::"}) {
    EXPECT_FALSE(covers(outside)) << outside;
  }
  EXPECT_THAT(DestinationOf(policy, "rogue"), IsEmpty());
}

TEST(Roles, SelfIsOneInstanceForEachUser) {
  const auto policy = Compiled(Acl("*", "autogroup:self:*"));
  const auto ann = policy.RolesOf(NodeOf("ann"));
  ASSERT_THAT(ann.as_source, SizeIs(1));
  EXPECT_EQ(ann.as_source[0].user, "ann@x.org");
  EXPECT_EQ(ann.as_destination[0].user, "ann@x.org");
  const auto bob = policy.RolesOf(NodeOf("bob"));
  EXPECT_THAT(JoinedRules(ann, bob), IsEmpty());
  EXPECT_THAT(JoinedRules(ann, policy.RolesOf(NodeOf("ann2"))),
              ElementsAre(JoinedRule{0, "ann@x.org"}));
  EXPECT_THAT(policy.RolesOf(NodeOf("web")).as_source, IsEmpty());
}

TEST(Roles, PosturesTakeSourcesOut) {
  const auto policy =
      Compiled(Acl("*", "*:*", R"(, "srcPosture": ["posture:ok"])"));
  EXPECT_THAT(policy.RolesOf(NodeOf("ann")).as_source, SizeIs(1));
  EXPECT_THAT(policy.RolesOf(NodeOf("bob")).as_source, IsEmpty());
  EXPECT_THAT(policy.RolesWhateverPosture(NodeOf("bob")).as_source, SizeIs(1));
  EXPECT_THAT(policy.RolesOf(NodeOf("bob")).as_destination, SizeIs(1));
}

TEST(Roles, NodesSeeEachOtherIfAnyRuleJoinsThem) {
  const auto edge = [](const CompiledPolicy& policy, std::string_view a,
                       std::string_view b) {
    const auto left = policy.RolesOf(NodeOf(a));
    const auto right = policy.RolesOf(NodeOf(b));
    EXPECT_EQ(SharesEdge(left, right), SharesEdge(right, left));
    return SharesEdge(left, right);
  };
  const auto policy = Compiled(Acl("group:eng", "tag:web:22"));
  EXPECT_TRUE(edge(policy, "ann", "web"));
  EXPECT_FALSE(edge(policy, "ann", "bob"));
  EXPECT_FALSE(edge(policy, "kim", "web"));
  const auto route = Compiled(Acl("kim@x.org", "db:22"));
  EXPECT_TRUE(edge(route, "kim", "gate"));
  const auto families = Compiled(Acl("annv4", "fd7a:115c:a1e0::5:22"));
  EXPECT_FALSE(edge(families, "ann", "web"));
  const auto app = Compiled(
      Grant("kim@x.org", "tag:web", R"(, "app": {"x.org/cap/a": []})"));
  EXPECT_TRUE(edge(app, "web", "kim"));
}

TEST(Roles, RoutesGoToViewersThatARuleJoins) {
  const auto joins = [](const CompiledPolicy& policy, std::string_view viewer,
                        std::string_view router, std::string_view route) {
    return JoinsRoute(policy, policy.RolesOf(NodeOf(viewer)),
                      policy.RolesOf(NodeOf(router)), Net(route));
  };
  const auto there = Compiled(Acl("kim@x.org", "db:22"));
  EXPECT_TRUE(joins(there, "kim", "gate", "10.1.0.0/16"));
  EXPECT_FALSE(joins(there, "ann", "gate", "10.1.0.0/16"));
  const auto back = Compiled(Acl("lan", "kim@x.org:22"));
  EXPECT_TRUE(joins(back, "kim", "gate", "10.1.0.0/16"));
  const auto tag = Compiled(Acl("kim@x.org", "tag:gate:*"));
  EXPECT_FALSE(joins(tag, "kim", "gate", "10.1.0.0/16"));
  const auto to_exit = Compiled(Acl("kim@x.org", "tag:exit:*"));
  EXPECT_FALSE(joins(to_exit, "kim", "exit", "0.0.0.0/0"));
  const auto internet = Compiled(Acl("kim@x.org", "autogroup:internet:*"));
  EXPECT_TRUE(joins(internet, "kim", "exit", "0.0.0.0/0"));
  EXPECT_TRUE(joins(internet, "kim", "exit", "::/0"));
  EXPECT_FALSE(joins(internet, "ann", "exit", "0.0.0.0/0"));
  const auto all = Compiled(Acl("kim@x.org", "*:*"));
  EXPECT_TRUE(joins(all, "kim", "exit", "::/0"));
  const auto any_source = Compiled(Acl("autogroup:danger-all", "kim@x.org:*"));
  EXPECT_FALSE(joins(any_source, "kim", "exit", "0.0.0.0/0"));
}

std::vector<uint64_t> Ids(const CompiledPolicy& policy) {
  std::vector<uint64_t> ids;
  for (const CompiledRule& rule : policy.rules()) {
    ids.push_back(rule.id);
  }
  return ids;
}

std::string Rule(const std::string& src, const std::string& dst) {
  return R"({"action": "accept", "src": [)" + src + R"(], "dst": [)" + dst +
         "]}";
}

TEST(RuleIds, StayWhileOthersAreEdited) {
  const std::string a = Rule("\"group:eng\", \"kim@x.org\"", "\"tag:web:22\"");
  const std::string b = Rule("\"*\"", "\"db:5432\"");
  const auto first = Ids(Compiled("\"acls\": [" + a + "," + b + "]"));
  const auto moved = Ids(Compiled("\"acls\": [" + b + "," + a + "]"));
  EXPECT_EQ(first, (std::vector{moved[1], moved[0]}));
  const auto more =
      Ids(Compiled("\"acls\": [" + Rule("\"*\"", "\"*:1\"") + "," + a + "]"));
  EXPECT_EQ(more[1], first[0]);
  EXPECT_NE(more[0], first[0]);
  // The order of names in a rule is no content.
  const auto turned = Ids(
      Compiled("\"acls\": [" +
               Rule("\"kim@x.org\", \"group:eng\"", "\"tag:web:22\"") + "]"));
  EXPECT_EQ(turned[0], first[0]);
}

TEST(RuleIds, EqualRulesAreToldApart) {
  const std::string a = Rule("\"*\"", "\"db:22\"");
  const auto twice = Ids(Compiled("\"acls\": [" + a + "," + a + "]"));
  const auto once = Ids(Compiled("\"acls\": [" + a + "]"));
  EXPECT_EQ(twice[0], once[0]);
  EXPECT_NE(twice[0], twice[1]);
  EXPECT_EQ(twice, Ids(Compiled("\"acls\": [" + a + "," + a + "]")));
}

TEST(RuleIds, EveryPartOfARuleCounts) {
  std::set<uint64_t> seen;
  const std::vector<std::string> variants = {
      Acl("*", "db:22"),
      Acl("lan", "db:22"),
      Acl("*", "lan:22"),
      Acl("*", "db:23"),
      Acl("*", "db:22", R"(, "proto": "tcp")"),
      Acl("*", "db:22", R"(, "when": {"zone": "UTC"})"),
      Acl("*", "db:22", R"(, "when": {"zone": "UTC", "to": "12:00"})"),
      Acl("*", "db:22", R"(, "srcPosture": ["posture:ok"])"),
      Grant("*", "db", R"(, "ip": ["22"])"),
      Grant("*", "db", R"(, "ip": ["22"], "via": ["tag:gate"])")};
  for (const std::string& variant : variants) {
    EXPECT_TRUE(seen.insert(Ids(Compiled(variant)).at(0)).second) << variant;
  }
}

TEST(CompiledRules, OneForEachDestinationOrProtocol) {
  const auto acl =
      Compiled("\"acls\": [" + Rule("\"*\"", R"("tag:web:22", "db:*")") + "]");
  EXPECT_THAT(acl.rules(), SizeIs(2));
  const auto grant = Compiled(
      Grant("group:eng", R"(tag:web", "autogroup:self)",
            R"(, "ip": ["tcp:80", "tcp:443", "udp:53", "22", "icmp:*"])"));
  std::vector<std::string> texts;
  for (const CompiledRule& rule : grant.rules()) {
    texts.push_back(rule.origin.text);
  }
  EXPECT_THAT(texts,
              ElementsAre("grants[0]: group:eng -> autogroup:self:22",
                          "grants[0]: group:eng -> autogroup:self:* icmp",
                          "grants[0]: group:eng -> autogroup:self:80,443 tcp",
                          "grants[0]: group:eng -> autogroup:self:53 udp",
                          "grants[0]: group:eng -> tag:web:22",
                          "grants[0]: group:eng -> tag:web:* icmp",
                          "grants[0]: group:eng -> tag:web:80,443 tcp",
                          "grants[0]: group:eng -> tag:web:53 udp"));
  EXPECT_TRUE(grant.rules()[0].destinations.is_self);
}

}  // namespace
}  // namespace natkit::mesh::policy
