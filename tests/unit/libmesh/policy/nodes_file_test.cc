#include "natkit/mesh/policy/nodes_file.h"

#include "policy_fixture.h"

namespace natkit::mesh::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Says(std::string_view text) {
  std::string all;
  for (const Diagnostic& diagnostic : ParseNodesFile(text).diagnostics) {
    all += ToString(diagnostic) + "\n";
  }
  return all;
}

TEST(NodesFile, ReadsEveryField) {
  const auto result = ParseNodesFile(
      R"([{"name": "a", "user": null, "tags": ["tag:x", "y"],
           "ips": ["100.64.0.1", "fd00::1"], "advertised": ["10.0.0.0/8"],
           "approved": [], "attrs": {"node:os": "linux", "custom:n": 1.5,
           "custom:b": false}, "roles": ["admin"]},
          {"name": "b", "user": "u@", "ips": [], "approved": ["::/0"]}])");
  ASSERT_TRUE(result.is_usable());
  const PolicyNode& a = result.nodes[0];
  EXPECT_EQ(a.id, 1U);
  EXPECT_EQ(a.user, "");
  EXPECT_THAT(a.tags, ElementsAre("x", "y"));
  EXPECT_THAT(a.ips, ElementsAre(Ip("100.64.0.1"), Ip("fd00::1")));
  EXPECT_THAT(a.advertised, ElementsAre(Net("10.0.0.0/8")));
  EXPECT_TRUE(a.approved.empty());
  EXPECT_EQ(a.attributes,
            (Attributes{
                {"node:os", "linux"}, {"custom:n", 1.5}, {"custom:b", false}}));
  EXPECT_THAT(a.roles, ElementsAre("admin"));
  EXPECT_EQ(result.nodes[1].advertised, result.nodes[1].approved);
}

TEST(NodesFile, ErrorsNameTheirPlace) {
  EXPECT_THAT(Says("{}"), HasSubstr("1:1: error: a nodes file must be a list"));
  EXPECT_THAT(Says("[{\"ips\": []}]"), HasSubstr("needs \"name\""));
  EXPECT_THAT(Says("[{\"name\": \"a\"}]"), HasSubstr("needs \"ips\""));
  EXPECT_THAT(Says("[{\"name\": \"a\", \"ips\": [],\n \"tag\": []}]"),
              HasSubstr("2:2: error: a node has no field \"tag\", did you mean "
                        "\"tags\"?"));
  EXPECT_THAT(Says("[{\"name\": \"a\", \"ips\": [\"x\"]}]"),
              HasSubstr("\"x\" is no address"));
  EXPECT_THAT(Says(R"([{"name": "a", "ips": ["::1"]},
                       {"name": "a", "ips": ["::1"]}])"),
              ::testing::AllOf(HasSubstr("two nodes \"a\""),
                               HasSubstr("another node's address")));
  EXPECT_THAT(Says(R"([{"name": "a", "ips": [], "attrs": {"a": []},
                        "approved": ["x"], "tags": ["1"]}])"),
              ::testing::AllOf(HasSubstr("an attribute is"),
                               HasSubstr("no CIDR"), HasSubstr("is no tag")));
}

}  // namespace
}  // namespace natkit::mesh::policy
