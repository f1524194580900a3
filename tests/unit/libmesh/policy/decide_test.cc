#include "natkit/mesh/policy/decide.h"

#include "policy_fixture.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kMonday10 = int64_t{10} * 3600;
constexpr int64_t kMonday20 = int64_t{20} * 3600;

TEST(Decide, WithoutAPolicyNobodyReachesAnybody) {
  const CompiledPolicy none;
  EXPECT_FALSE(Reaches(none, "ann", "web", 443));
  EXPECT_FALSE(Reaches(none, "ann", "web", 0, kProtocolIcmp));
}

TEST(Decide, AFileWithoutRulesAllowsAllAndEmptyRulesNothing) {
  const auto open = CompiledPolicy(ParsePolicy("{}").policy);
  EXPECT_TRUE(Reaches(open, "ann", "web", 443));
  EXPECT_TRUE(Reaches(open, "web", "bob", 1, kProtocolUdp));
  for (const auto* text : {R"({"acls": []})", R"({"grants": []})",
                           R"({"acls": [], "grants": []})"}) {
    const auto closed = CompiledPolicy(ParsePolicy(text).policy);
    EXPECT_FALSE(Reaches(closed, "ann", "web", 443)) << text;
  }
}

TEST(Decide, UsersAndGroupsMeanUntaggedMachines) {
  const auto policy = Compiled(Acl("group:eng", "kim@x.org:22"));
  EXPECT_TRUE(Reaches(policy, "ann", "kim", 22));
  EXPECT_TRUE(Reaches(policy, "ann2", "kim", 22));
  EXPECT_TRUE(Reaches(policy, "bob", "rogue", 22));
  EXPECT_FALSE(Reaches(policy, "kim", "ann", 22));
  // web was registered by ann, but carries a tag.
  EXPECT_FALSE(Reaches(policy, "web", "kim", 22));
  EXPECT_FALSE(Reaches(policy, "ann", "kim", 23));
}

TEST(Decide, AutogroupsSplitMachinesByTags) {
  const auto policy = Compiled(Acl("autogroup:member", "autogroup:tagged:443"));
  EXPECT_TRUE(Reaches(policy, "kim", "gate", 443));
  EXPECT_FALSE(Reaches(policy, "kim", "ann", 443));
  EXPECT_FALSE(Reaches(policy, "web", "gate", 443));
  const auto roles = Compiled(Acl("autogroup:admin", "tag:web:*"));
  EXPECT_TRUE(Reaches(roles, "ann", "web", 1));
  EXPECT_FALSE(Reaches(roles, "bob", "web", 1));
}

TEST(Decide, SelfJoinsMachinesOfOneUser) {
  for (const auto* source : {"*", "autogroup:member", "group:eng"}) {
    const auto policy = Compiled(Acl(source, "autogroup:self:*"));
    EXPECT_TRUE(Reaches(policy, "ann", "ann2", 22)) << source;
    EXPECT_FALSE(Reaches(policy, "ann", "bob", 22)) << source;
    EXPECT_FALSE(Reaches(policy, "ann", "web", 22)) << source;
    EXPECT_FALSE(Reaches(policy, "web", "ann", 22)) << source;
  }
  const auto ops = Compiled(Acl("group:ops", "autogroup:self:*"));
  EXPECT_FALSE(Reaches(ops, "ann", "ann2", 22));
  EXPECT_TRUE(Reaches(ops, "kim", "rogue", 22));
}

TEST(Decide, AnAddressMeansThatAddressOnly) {
  const auto policy = Compiled(Acl("annv4", "tag:web:443"));
  EXPECT_TRUE(Reaches(policy, "100.64.0.1", "web", 443));
  EXPECT_FALSE(Reaches(policy, "fd7a:115c:a1e0::1", "web", 443));
  const auto to = Compiled(Acl("*", "100.64.0.5:443"));
  EXPECT_TRUE(Reaches(to, "ann", "100.64.0.5", 443));
  EXPECT_FALSE(Reaches(to, "ann", "fd7a:115c:a1e0::5", 443));
}

TEST(Decide, TheFourUsualProtocolsUnlessOneIsNamed) {
  const auto all = Compiled(Acl("*", "tag:web:*"));
  EXPECT_TRUE(Reaches(all, "ann", "web", 1, kProtocolTcp));
  EXPECT_TRUE(Reaches(all, "ann", "web", 1, kProtocolUdp));
  EXPECT_FALSE(Reaches(all, "ann", "web", 1, kProtocolSctp));
  EXPECT_FALSE(Reaches(all, "ann", "web", 0, 47));
  const auto gre = Compiled(Acl("*", "tag:web:*", R"(, "proto": "gre")"));
  EXPECT_TRUE(Reaches(gre, "ann", "web", 0, 47));
  EXPECT_FALSE(Reaches(gre, "ann", "web", 1, kProtocolTcp));
  const auto udp = Compiled(Acl("*", "tag:web:53", R"(, "proto": "udp")"));
  EXPECT_TRUE(Reaches(udp, "ann", "web", 53, kProtocolUdp));
  EXPECT_FALSE(Reaches(udp, "ann", "web", 53, kProtocolTcp));
}

TEST(Decide, AnyRuleForThePairLetsPingsPass) {
  const auto policy = Compiled(Acl("ann@x.org", "tag:web:22"));
  EXPECT_TRUE(Reaches(policy, "ann", "web", 0, kProtocolIcmp));
  EXPECT_FALSE(Reaches(policy, "bob", "web", 0, kProtocolIcmp));
  const auto icmp = Compiled(Acl("*", "tag:web:*", R"(, "proto": "icmp")"));
  EXPECT_TRUE(Reaches(icmp, "100.64.0.1", "100.64.0.5", 0, kProtocolIcmp));
  EXPECT_FALSE(Reaches(icmp, "fd7a:115c:a1e0::1", "fd7a:115c:a1e0::5", 0,
                       kProtocolIcmp6));
}

TEST(Decide, ASubnetTakesItsOwnRule) {
  const auto by_tag = Compiled(Acl("ann@x.org", "tag:gate:*"));
  EXPECT_TRUE(Reaches(by_tag, "ann", "gate", 22));
  EXPECT_FALSE(Reaches(by_tag, "ann", "10.1.2.3", 22));
  const auto by_net = Compiled(Acl("ann@x.org", "lan:*"));
  EXPECT_TRUE(Reaches(by_net, "100.64.0.1", "10.1.2.3", 22));
  EXPECT_FALSE(Reaches(by_net, "ann", "gate", 22));
  const auto by_host = Compiled(Acl("ann@x.org", "db:22"));
  EXPECT_TRUE(Reaches(by_host, "100.64.0.1", "10.1.2.3", 22));
  EXPECT_FALSE(Reaches(by_host, "100.64.0.1", "10.1.2.4", 22));
  const auto wide = Compiled(Acl("ann@x.org", "10.0.0.0/8:22"));
  EXPECT_TRUE(Reaches(wide, "100.64.0.1", "10.1.2.3", 22));
}

TEST(Decide, OnlyApprovedRoutesCount) {
  const auto policy = Compiled(Acl("*", "*:*"));
  // 10.9.0.0/16 is not approved, and an exit is no source.
  EXPECT_EQ(Ask(policy, "10.9.0.1", "100.64.0.1", 22).reason,
            DenyReason::kNoSource);
  const auto file = Compiled(Acl("*", "10.9.0.0/16:*"));
  EXPECT_FALSE(Reaches(file, "100.64.0.1", "10.9.0.1", 22));
}

TEST(Decide, HostsBehindARouterAreSources) {
  const auto any = Compiled(Acl("*", "tag:web:443"));
  EXPECT_TRUE(Reaches(any, "10.1.2.3", "100.64.0.5", 443));
  const auto net = Compiled(Acl("lan", "tag:web:443"));
  EXPECT_TRUE(Reaches(net, "10.1.200.3", "100.64.0.5", 443));
  const auto tag = Compiled(Acl("tag:gate", "tag:web:443"));
  EXPECT_FALSE(Reaches(tag, "10.1.2.3", "100.64.0.5", 443));
}

TEST(Decide, ExitsTakeARuleForTheInternetOrForAll) {
  const auto internet = Compiled(Acl("group:eng", "autogroup:internet:*"));
  EXPECT_TRUE(Reaches(internet, "100.64.0.1", "8.8.8.8", 53));
  EXPECT_TRUE(Reaches(internet, "fd7a:115c:a1e0::1", "2001:db8::1", 53));
  EXPECT_FALSE(Reaches(internet, "100.64.0.4", "8.8.8.8", 53));
  EXPECT_FALSE(Reaches(internet, "100.64.0.1", "172.16.0.1", 53));
  EXPECT_FALSE(Reaches(internet, "100.64.0.1", "169.254.1.1", 53));
  EXPECT_FALSE(Reaches(internet, "ann", "exit", 22));
  const auto all = Compiled(Acl("group:eng", "*:*"));
  EXPECT_TRUE(Reaches(all, "100.64.0.1", "8.8.8.8", 53));
  EXPECT_TRUE(Reaches(all, "100.64.0.1", "172.16.0.1", 53));
  const auto tag = Compiled(Acl("group:eng", "tag:exit:*"));
  EXPECT_FALSE(Reaches(tag, "100.64.0.1", "8.8.8.8", 53));
  const auto net = Compiled(Acl("group:eng", "0.0.0.0/0:*"));
  EXPECT_FALSE(Reaches(net, "100.64.0.1", "8.8.8.8", 53));
}

TEST(Decide, TheLongestRouteThatARuleJoinsDecides) {
  // gate serves 10.1/16 for kim only; the exit takes the rest.
  const auto policy = Compiled(
      R"("acls": [{"action": "accept", "src": ["kim@x.org"], "dst": ["lan:22"]},
          {"action": "accept", "src": ["tag:web"], "dst": ["*:80"]}])");
  EXPECT_TRUE(Reaches(policy, "100.64.0.4", "10.1.2.3", 22));
  EXPECT_FALSE(Reaches(policy, "100.64.0.4", "10.1.2.3", 80));
  EXPECT_TRUE(Reaches(policy, "100.64.0.5", "10.1.2.3", 80));
  EXPECT_TRUE(Reaches(policy, "100.64.0.5", "10.2.2.3", 80));
}

TEST(Decide, AnyAsSourceLeavesOutReservedAddresses) {
  PolicyWorld world = World();
  world.nodes[0].ips = {Ip("100.115.92.7")};
  FlowQuestion question;
  question.source = Ip("100.115.92.7");
  question.destination = Ip("100.64.0.5");
  question.port = 443;
  const auto any = Compiled(Acl("*", "tag:web:443"));
  EXPECT_FALSE(Decide(any, world, question).is_accepted);
  const auto danger = Compiled(Acl("autogroup:danger-all", "tag:web:443"));
  EXPECT_TRUE(Decide(danger, world, question).is_accepted);
}

TEST(Decide, MeshPrefixesAreAParameter) {
  PolicyWorld world;
  world.nodes.resize(2);
  world.nodes[0].name = "a";
  world.nodes[0].ips = {Ip("10.77.0.1")};
  world.nodes[1].name = "b";
  world.nodes[1].ips = {Ip("10.77.0.2")};
  const auto text = R"({"acls": [{"action": "accept", "src": ["*"],
                        "dst": ["*:*"]}]})";
  const CompiledPolicy ours(ParsePolicy(text).policy, {{Net("10.77.0.0/16")}});
  const CompiledPolicy usual(ParsePolicy(text).policy);
  const FlowQuestion question{Ip("10.77.0.1"), Ip("10.77.0.2"), kProtocolTcp,
                              22, 0};
  EXPECT_TRUE(Decide(ours, world, question).is_accepted);
  EXPECT_FALSE(Decide(usual, world, question).is_accepted);
}

TEST(Decide, WindowsOpenAndClose) {
  const auto policy = Compiled(
      Acl("group:eng", "tag:web:22",
          R"(, "when": {"days": "mon-fri", "from": "09:00", "to": "18:00",
                    "zone": "Europe/Berlin"})"));
  EXPECT_TRUE(Reaches(policy, "ann", "web", 22, kProtocolTcp, kMonday10));
  const auto late = Ask(policy, "ann", "web", 22, kProtocolTcp, kMonday20);
  EXPECT_FALSE(late.is_accepted);
  EXPECT_EQ(late.reason, DenyReason::kWindow);
  EXPECT_THAT(late.text, HasSubstr("not at this time: acls[0]: group:eng"));
}

TEST(Decide, PosturesAreTheSources) {
  const auto policy = Compiled(
      Acl("group:eng", "tag:web:22", R"(, "srcPosture": ["posture:ok"])"));
  EXPECT_TRUE(Reaches(policy, "ann", "web", 22));
  const auto refused = Ask(policy, "ann2", "web", 22);
  EXPECT_EQ(refused.reason, DenyReason::kPosture);
  EXPECT_THAT(refused.text, HasSubstr("does not meet the posture"));
}

TEST(Decide, SaysWhatWasNearest) {
  const auto policy = Compiled(Acl("group:eng", "tag:web:22"));
  EXPECT_EQ(Ask(policy, "ann", "web", 23).reason, DenyReason::kOtherPort);
  EXPECT_THAT(Ask(policy, "ann", "web", 23).text,
              HasSubstr("no rule for tcp port 23; near: acls[0]"));
  EXPECT_EQ(Ask(policy, "kim", "web", 22).reason, DenyReason::kNoRule);
  EXPECT_EQ(Ask(policy, "100.64.9.9", "web", 22).reason, DenyReason::kNoSource);
  EXPECT_EQ(Ask(policy, "ann", "fd00::9", 22).reason, DenyReason::kNoRule);
  EXPECT_EQ(Ask(policy, "100.64.0.1", "100.64.9.9", 22).reason,
            DenyReason::kNoDestination);
  const auto accepted = Ask(policy, "ann", "web", 22);
  EXPECT_EQ(accepted.rule, 0U);
  EXPECT_EQ(accepted.text, "acls[0]: group:eng -> tag:web:22");
  EXPECT_EQ(policy.rules()[0].origin.at, (Position{6, 61}));
}

TEST(Decide, GrantsAddUpWithAcls) {
  const auto policy =
      Compiled(Acl("group:eng", "tag:web:22") + "," +
               Grant("group:eng", "tag:web",
                     R"(, "ip": ["tcp:443", "udp:53", "8080"])"));
  EXPECT_TRUE(Reaches(policy, "ann", "web", 22));
  EXPECT_TRUE(Reaches(policy, "ann", "web", 443));
  EXPECT_FALSE(Reaches(policy, "ann", "web", 443, kProtocolUdp));
  EXPECT_TRUE(Reaches(policy, "ann", "web", 53, kProtocolUdp));
  EXPECT_TRUE(Reaches(policy, "ann", "web", 8080, kProtocolUdp));
  EXPECT_FALSE(Reaches(policy, "kim", "web", 443));
}

TEST(Decide, ViaChoosesTheRouters) {
  const std::string ip = R"(, "ip": ["*"], "via": [")";
  const auto wrong = Compiled(Grant("group:eng", "lan", ip + "tag:exit\"]"));
  EXPECT_FALSE(Reaches(wrong, "100.64.0.1", "10.1.2.3", 22));
  const auto right = Compiled(Grant("group:eng", "lan", ip + "tag:gate\"]"));
  EXPECT_TRUE(Reaches(right, "100.64.0.1", "10.1.2.3", 22));
  const auto internet =
      Compiled(Grant("group:eng", "autogroup:internet", ip + "tag:exit\"]"));
  EXPECT_TRUE(Reaches(internet, "100.64.0.1", "8.8.8.8", 22));
  const auto other =
      Compiled(Grant("group:eng", "autogroup:internet", ip + "tag:gate\"]"));
  EXPECT_FALSE(Reaches(other, "100.64.0.1", "8.8.8.8", 22));
}

TEST(Decide, CapabilitiesAndSshOpenNoPort) {
  const auto policy = Compiled(
      Grant("group:eng", "tag:web", R"(, "app": {"x.org/cap/a": [{}]})") +
      R"(, "ssh": [{"action": "accept", "src": ["group:eng"],
                    "dst": ["tag:web"], "users": ["root"]}])");
  EXPECT_FALSE(Reaches(policy, "ann", "web", 22));
  EXPECT_FALSE(Reaches(policy, "ann", "web", 0, kProtocolIcmp));
}

TEST(Decide, NamesAreNodesOrAddresses) {
  const CompiledPolicy none;
  EXPECT_THAT(DecideByName(none, World(), "nobody", "ann", {}).error(),
              HasSubstr("\"nobody\" is neither"));
  EXPECT_THAT(DecideByName(none, World(), "100.64.0.1", "fd00::1", {}).error(),
              HasSubstr("no addresses of one family"));
}

TEST(Decide, AFileWithoutRulesAllowsEveryProtocol) {
  const CompiledPolicy open(ParsePolicy("{}").policy);
  for (const int protocol : {0, 1, 4, 6, 17, 47, 50, 58, 89, 132, 255}) {
    EXPECT_TRUE(Reaches(open, "bob", "web", 1, static_cast<uint8_t>(protocol)))
        << protocol;
  }
}

TEST(Decide, AnExitServesNoRouteThatTheSourceHas) {
  // 10.1.0.0/16 may reach web, so web has the route, and its packets to it go
  // to gate, which may not serve kim's and web's grant.
  const auto policy = Compiled(R"("grants": [
      {"src": ["lan"], "dst": ["tag:web"], "ip": ["80"]},
      {"src": ["tag:web", "kim@x.org"], "dst": ["*"], "ip": ["90"],
       "via": ["tag:exit"]}])");
  EXPECT_FALSE(Reaches(policy, "web", "10.1.2.3", 90));
  EXPECT_TRUE(Reaches(policy, "web", "10.2.2.3", 90));
  EXPECT_TRUE(Reaches(policy, "kim", "10.1.2.3", 90));
}

TEST(Decide, ARuleToPartOfARouteGivesTheWholeRoute) {
  const auto policy = Compiled(R"("grants": [
      {"src": ["bob@x.org"], "dst": ["db"], "ip": ["80"]},
      {"src": ["bob@x.org"], "dst": ["*"], "ip": ["80"],
       "via": ["tag:exit"]}])");
  EXPECT_TRUE(Reaches(policy, "bob", "10.1.2.3", 80));
  EXPECT_FALSE(Reaches(policy, "bob", "10.1.2.4", 80));
  EXPECT_TRUE(Reaches(policy, "bob", "10.2.2.4", 80));
}

TEST(Decide, PosturesThatAreNotMetGiveNoRoute) {
  // Of the two, only ann's machine meets it.
  const auto policy = Compiled(R"("grants": [
      {"src": ["ann@x.org"], "dst": ["lan"], "ip": ["80"],
       "srcPosture": ["posture:ok"]},
      {"src": ["ann@x.org"], "dst": ["*"], "ip": ["90"],
       "via": ["tag:exit"]}])");
  EXPECT_FALSE(Reaches(policy, "100.64.0.1", "10.1.2.3", 90));
  EXPECT_TRUE(Reaches(policy, "100.64.0.2", "10.1.2.3", 90));
}

}  // namespace
}  // namespace natkit::mesh::policy
