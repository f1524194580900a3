// Whole nodes behind routers that move a mapping when the other side's packet
// comes first, and so close to each other that openers do not help.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "mesh_mapped_nodes.h"
#include "natkit/netsim/profile.h"

namespace natkit::mesh {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

const IpAddress kOutsideA = *IpAddress::Parse("203.0.113.1");
const IpAddress kOutsideB = *IpAddress::Parse("203.0.113.2");
constexpr uint16_t kPort = 4000;

void PutBehind(MappedNodes& nodes, std::string_view nat_a,
               std::string_view nat_b) {
  auto& network = nodes.world.network();
  auto config = netsim::FindProfile(nat_a)->make();
  config.external = {kOutsideA};
  nodes.a.AddBase(network.AddNat(0, config), "192.168.1.2:4000");
  config = netsim::FindProfile(nat_b)->make();
  config.external = {kOutsideB};
  nodes.b.AddBase(network.AddNat(0, config), "192.168.1.2:4000");
}

uint64_t FreshSockets(MappedNodes& nodes) {
  return nodes.a.node().counters().fresh_sockets +
         nodes.b.node().counters().fresh_sockets;
}

class MeshPoison : public ::testing::TestWithParam<uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, MeshPoison,
                         ::testing::Range(uint64_t{1}, uint64_t{13}));

TEST_P(MeshPoison, OtherPortsMakeThePairDirect) {
  for (const auto* other : {"linux-poisonable", "port-restricted"}) {
    MappedNodes nodes(GetParam());
    PutBehind(nodes, "linux-poisonable", other);
    nodes.Start();
    ASSERT_TRUE(nodes.RunUntilDirect(seconds(6))) << other;
    EXPECT_LE(FreshSockets(nodes), 2U);
    // It stays so, on the port that was found.
    const Path path = nodes.a.PathTo("b");
    for (uint16_t sequence = 2; sequence < 30; ++sequence) {
      nodes.a.SendEcho(*IpAddress::Parse("10.77.0.2"), sequence);
      nodes.world.Run(seconds(1));
      EXPECT_TRUE(nodes.b.arrived().contains(sequence));
    }
    EXPECT_EQ(nodes.a.PathTo("b").remote, path.remote);
    EXPECT_EQ(nodes.a.PathTo("b").local, path.local);
  }
}

TEST_P(MeshPoison, ThePairNeedsIt) {
  // Otherwise the test above would prove nothing.
  MappedNodes nodes(GetParam());
  PutBehind(nodes, "linux-poisonable", "linux-poisonable");
  nodes.Start();
  EXPECT_FALSE(nodes.RunUntilDirect(seconds(2)));
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(6)));
  EXPECT_EQ(FreshSockets(nodes), 2U);
  EXPECT_NE(nodes.a.PathTo("b").local->port, kPort);
  EXPECT_NE(nodes.b.PathTo("a").local->port, kPort);
}

TEST_P(MeshPoison, AHealthyPairTakesNoOtherPort) {
  MappedNodes nodes(GetParam());
  PutBehind(nodes, "linux-clean", "linux-clean");
  nodes.Start();
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(2)));
  nodes.world.Run(seconds(20));
  EXPECT_EQ(FreshSockets(nodes), 0U);
}

TEST_P(MeshPoison, APathThatIsCutCostsFewSockets) {
  MappedNodes nodes(GetParam());
  PutBehind(nodes, "linux-poisonable", "linux-poisonable");
  nodes.world.network().Cut(kOutsideA, kOutsideB);
  nodes.world.network().Cut(kOutsideB, kOutsideA);
  nodes.Start();
  EXPECT_FALSE(nodes.RunUntilDirect(minutes(2)));
  EXPECT_EQ(FreshSockets(nodes), 4U);
  EXPECT_LE(nodes.a.most_sockets(), 1U);
  EXPECT_LE(nodes.b.most_sockets(), 1U);
  const auto diagnosis = *nodes.a.node().Explain(nodes.world.now(), "b");
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kShouldBeDirect);
  // Without traffic all is given back.
  nodes.world.Run(minutes(5));
  EXPECT_EQ(nodes.a.socket_count() + nodes.b.socket_count(), 0U);
}

}  // namespace
}  // namespace natkit::mesh
