#include "policy_fixture.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

PolicyNode Router(const std::string& user, const std::vector<std::string>& tags,
                  const std::string& route) {
  PolicyNode node;
  node.user = user;
  node.tags = tags;
  node.advertised = {Net(route)};
  return node;
}

TEST(AutoApproves, UsersGroupsAndTagsThatAreListed) {
  const Policy policy = Compiled(R"("acls": [], "autoApprovers": {"routes":
      {"10.0.0.0/8": ["group:eng", "tag:gate"], "::/0": ["tag:gate"]},
       "exitNode": ["tag:exit"]})")
                            .source();
  const auto approves = [&policy](const std::string& user,
                                  const std::vector<std::string>& tags,
                                  const std::string& route) {
    return AutoApproves(policy, Router(user, tags, route), Net(route));
  };
  EXPECT_TRUE(approves("ann@x.org", {}, "10.1.0.0/16"));
  EXPECT_TRUE(approves("", {"gate"}, "10.0.0.0/8"));
  EXPECT_FALSE(approves("kim@x.org", {}, "10.1.0.0/16"));
  // A tag replaces the user.
  EXPECT_FALSE(approves("ann@x.org", {"web"}, "10.1.0.0/16"));
  EXPECT_FALSE(approves("ann@x.org", {}, "11.0.0.0/16"));
  EXPECT_FALSE(approves("ann@x.org", {}, "8.0.0.0/6"));
  EXPECT_TRUE(approves("", {"gate"}, "fd00::/8"));
  EXPECT_FALSE(approves("", {"gate"}, "::/0"));
  EXPECT_FALSE(approves("", {"gate"}, "0.0.0.0/0"));
  EXPECT_TRUE(approves("", {"exit"}, "0.0.0.0/0"));
  EXPECT_TRUE(approves("", {"exit"}, "::/0"));
  EXPECT_FALSE(approves("", {"exit"}, "10.0.0.0/8"));
}

TEST(AutoApproves, OnlyWhatIsAdvertised) {
  const Policy policy = Compiled(R"("acls": [], "autoApprovers":
                  {"routes": {"10.0.0.0/8": ["tag:gate"]}})")
                            .source();
  EXPECT_FALSE(AutoApproves(policy, Router("", {"gate"}, "10.1.0.0/16"),
                            Net("10.2.0.0/16")));
}

TEST(MayAssignTag, OwnersGroupsRolesAndTagsOfTags) {
  const auto result = ParsePolicy(
      R"({"acls": [], "groups": {"group:eng": ["ann@x.org"]}, "tagOwners": {
        "tag:a": ["group:eng"], "tag:b": ["tag:a"], "tag:c": ["tag:b", "tag:d"],
        "tag:d": ["tag:c"], "tag:e": [], "tag:f": ["autogroup:network-admin"],
        "tag:g": ["autogroup:member"], "tag:ci": ["tag:ci"]}})");
  ASSERT_TRUE(result.is_usable());
  const auto may = [&result](const TagClaimant& claimant,
                             std::string_view tag) {
    return MayAssignTag(result.policy, claimant, tag);
  };
  const TagClaimant ann{"ann@x.org", {}, {}};
  EXPECT_TRUE(may(ann, "a") && may(ann, "b") && may(ann, "c") && may(ann, "d"));
  EXPECT_FALSE(may(ann, "e") || may(ann, "f") || may(ann, "unknown"));
  const TagClaimant bob{"bob@x.org", {"network-admin"}, {}};
  EXPECT_FALSE(may(bob, "a") || may(bob, "d") || may(bob, "e"));
  EXPECT_TRUE(may(bob, "f") && may(bob, "g"));
  EXPECT_TRUE(may({"root@x.org", {"admin"}, {}}, "e"));
  EXPECT_TRUE(may({"root@x.org", {"owner"}, {}}, "e"));
  const TagClaimant key{"", {}, {"a"}};
  EXPECT_TRUE(may(key, "b") && may(key, "c"));
  EXPECT_FALSE(may(key, "a") || may(key, "g") || may(key, "e"));
  EXPECT_TRUE(may({"", {}, {"ci"}}, "ci"));
}

TEST(AttributesOf, EntriesAddUp) {
  const Policy policy = Compiled(R"("acls": [], "nodeAttrs": [
        {"target": ["*"], "attr": ["all"]},
        {"target": ["tag:web", "group:ops"], "attr": ["b", "a"]},
        {"target": ["annv4"], "attr": ["v4"]}])")
                            .source();
  EXPECT_THAT(AttributesOf(policy, NodeOf("web")),
              ElementsAre("a", "all", "b"));
  EXPECT_THAT(AttributesOf(policy, NodeOf("kim")),
              ElementsAre("a", "all", "b"));
  EXPECT_THAT(AttributesOf(policy, NodeOf("ann")), ElementsAre("all", "v4"));
}

TEST(SshRulesBetween, ChecksComeFirst) {
  const Policy policy = Compiled(R"("acls": [], "ssh": [
        {"action": "accept", "src": ["group:eng"], "dst": ["tag:web"],
         "users": ["www"]},
        {"action": "accept", "src": ["autogroup:member"],
         "dst": ["autogroup:self"], "users": ["root"]},
        {"action": "check", "src": ["ann@x.org"], "dst": ["tag:web"],
         "users": ["root"]}])")
                            .source();
  const auto rules = SshRulesBetween(policy, NodeOf("ann"), NodeOf("web"));
  ASSERT_THAT(rules, SizeIs(2));
  EXPECT_TRUE(rules[0]->is_check);
  EXPECT_THAT(rules[1]->users, ElementsAre("www"));
  EXPECT_THAT(SshRulesBetween(policy, NodeOf("ann"), NodeOf("ann2")),
              SizeIs(1));
  EXPECT_THAT(SshRulesBetween(policy, NodeOf("ann"), NodeOf("bob")), IsEmpty());
}

TEST(DecideSsh, LoginsByNameRoleAndUser) {
  const Policy policy = Compiled(R"("acls": [], "ssh": [
        {"action": "accept", "src": ["autogroup:member"], "dst": ["tag:web"],
         "users": ["autogroup:nonroot", "localpart:*@x.org"]},
        {"action": "check", "src": ["group:eng"], "dst": ["tag:web"],
         "users": ["root"]},
        {"action": "accept", "src": ["autogroup:member"], "dst": ["tag:gate"],
         "users": ["localpart:*@x.org"]}])")
                            .source();
  const auto ask = [&policy](std::string_view from, std::string_view to,
                             std::string_view login) {
    return DecideSsh(policy, NodeOf(from), NodeOf(to), login);
  };
  EXPECT_EQ(ask("ann", "web", "www"), SshAnswer::kAccept);
  EXPECT_EQ(ask("ann", "web", "root"), SshAnswer::kCheck);
  EXPECT_EQ(ask("kim", "web", "root"), SshAnswer::kDeny);
  EXPECT_EQ(ask("gate", "web", "www"), SshAnswer::kDeny);
  EXPECT_EQ(ask("kim", "gate", "kim"), SshAnswer::kAccept);
  EXPECT_EQ(ask("kim", "gate", "ann"), SshAnswer::kDeny);
}

}  // namespace
}  // namespace natkit::mesh::policy
