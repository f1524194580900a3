// The packet filter in the data path of two nodes.

#include <gtest/gtest.h>

#include "mesh_dynamic_nodes.h"

namespace natkit::mesh {
namespace {

using std::chrono::seconds;

constexpr uint64_t kRule = 7;

/// What a may do to b.
FilterRule FromAToB() {
  return {.id = kRule,
          .sources = {*IpPrefix::Parse("10.77.0.1/32")},
          .destinations = {*IpPrefix::Parse("10.77.0.2/32")}};
}

class MeshFilter : public testing::Test {
 protected:
  MeshFilter() {
    EXPECT_TRUE(nodes_.TellA());
    EXPECT_TRUE(nodes_.TellB());
  }

  static void Allow(MeshHost& host, Direction direction) {
    EXPECT_TRUE(host.Do([direction](Node& node, Instant now) {
      return node.filter()->PutRule(now, direction, FromAToB()).has_value();
    }));
  }

  static uint64_t Refused(MeshHost& host, Direction direction) {
    return host.node().filter()->counters().packets.at(
        static_cast<size_t>(direction))[static_cast<size_t>(Verdict::kNoRule)];
  }

  DynamicNodes nodes_{3, /*has_relays=*/true, kHomeNat, FilterConfig{}};
};

TEST_F(MeshFilter, WithoutRulesNothingLeavesAndNoHandshakeBegins) {
  nodes_.Exchange(seconds(1));
  EXPECT_TRUE(nodes_.a.arrived().empty());
  EXPECT_TRUE(nodes_.b.arrived().empty());
  EXPECT_EQ(Refused(nodes_.a, Direction::kOutbound), 100U);
  EXPECT_EQ(nodes_.a.node().counters().sent_relayed, 0U);
  EXPECT_EQ(nodes_.a.node().counters().sent_direct, 0U);
}

TEST_F(MeshFilter, TheDestinationEnforcesWhateverTheSourceDoes) {
  Allow(nodes_.a, Direction::kOutbound);
  nodes_.Exchange(seconds(1));
  EXPECT_GT(nodes_.a.node().counters().sent_relayed, 0U);
  EXPECT_TRUE(nodes_.b.arrived().empty());
  EXPECT_GT(Refused(nodes_.b, Direction::kInbound), 0U);
}

TEST_F(MeshFilter, ARuleOpensOneDirectionOnly) {
  Allow(nodes_.a, Direction::kOutbound);
  Allow(nodes_.b, Direction::kInbound);
  nodes_.Exchange(seconds(2));
  nodes_.world().Run(seconds(1));
  EXPECT_EQ(nodes_.b.arrived().size(), 200U);
  EXPECT_TRUE(nodes_.a.arrived().empty());
  EXPECT_TRUE(nodes_.a.IsDirectTo("b"));
}

TEST_F(MeshFilter, ARuleThatGoesEndsTheFlowsThatItAllowed) {
  Allow(nodes_.a, Direction::kOutbound);
  Allow(nodes_.b, Direction::kInbound);
  nodes_.Exchange(seconds(2));
  nodes_.world().Run(seconds(1));
  const size_t before = nodes_.b.arrived().size();
  EXPECT_GT(before, 0U);
  nodes_.b.Do([](Node& node, Instant now) {
    node.filter()->RemoveRule(now, Direction::kInbound, kRule);
    return true;
  });
  nodes_.Exchange(seconds(2));
  nodes_.world().Run(seconds(1));
  EXPECT_EQ(nodes_.b.arrived().size(), before);
}

}  // namespace
}  // namespace natkit::mesh
