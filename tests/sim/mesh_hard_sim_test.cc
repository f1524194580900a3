// Whole nodes behind NATs that only many probes get through.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "mesh_two_nodes.h"

namespace natkit::mesh {
namespace {

using sim::Dependence;
using std::chrono::seconds;

constexpr auto kApd = Dependence::kAddressAndPortDependent;
constexpr sim::NatBehavior kEasy = {.mapping = Dependence::kEndpointIndependent,
                                    .filtering = kApd};
constexpr sim::NatBehavior kHard = {.mapping = kApd, .filtering = kApd};

void Allow(TwoNodes& nodes, const nat::PunchBudget& budget = {}) {
  for (NodeEntry& node : nodes.mesh().nodes) {
    node.hard_nat = {.is_allowed = true, .budget = budget};
  }
}

bool HasTried(const nat::PathDiagnosis& why, const std::string& what) {
  return std::ranges::any_of(why.tried, [&](const std::string& line) {
    return line.find(what) != std::string::npos;
  });
}

nat::PathDiagnosis Why(TwoNodes& nodes) {
  return *nodes.a.node().Explain(nodes.world().now(), "b");
}

class MeshHardSeeds : public ::testing::TestWithParam<uint64_t> {};

TEST_P(MeshHardSeeds, MovesFromTheRelayToAProbedPath) {
  const bool is_a_hard = GetParam() % 2 == 0;
  TwoNodes nodes(is_a_hard ? kHard : kEasy, is_a_hard ? kEasy : kHard,
                 GetParam());
  Allow(nodes);
  nodes.StartBoth();
  nodes.Exchange(seconds(2));
  EXPECT_EQ(nodes.a.PathTo("b").kind, PathKind::kRelay);
  nodes.Exchange(seconds(28));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  ASSERT_TRUE(nodes.b.IsDirectTo("a"));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(), 0U);
  const MeshHost& hard = is_a_hard ? nodes.a : nodes.b;
  const MeshHost& easy = is_a_hard ? nodes.b : nodes.a;
  EXPECT_EQ(hard.socket_count(), 1U);  // the losers are closed
  EXPECT_EQ(easy.socket_count(), 0U);
  // Data and consent use it from now on.
  const uint64_t relayed = nodes.a.node().counters().sent_relayed;
  nodes.Exchange(seconds(60));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(), 0U);
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_LE(nodes.a.node().counters().sent_relayed - relayed, 100U);
  EXPECT_EQ(nodes.a.node().counters().hard_attempts, 1U);
  EXPECT_EQ(Why(nodes).reason, nat::PathReason::kDirect);
  EXPECT_TRUE(HasTried(Why(nodes), "with success"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, MeshHardSeeds, ::testing::Values(1, 2, 3, 4),
                         [](const auto& seed) {
                           return "seed" + std::to_string(seed.param);
                         });

netsim::NatConfig Box(uint8_t number, netsim::PortAssignment ports,
                      uint16_t block_size = 0) {
  netsim::NatConfig config;
  config.external = {IpAddress::V4(203, 0, 113, number)};
  config.mapping = kApd;
  config.filtering = kApd;
  config.port_assignment = ports;
  config.block_size = block_size;
  config.timeouts.udp_unreplied = seconds(60);
  return config;
}

/// Whether two nodes with all of their quotas become direct; no packet of
/// theirs is lost either way.
bool BecomesDirect(const netsim::NatConfig& a, const netsim::NatConfig& b,
                   uint64_t seed) {
  TwoNodes nodes(kEasy, kEasy, seed);
  auto& network = nodes.world().network();
  nat::PunchBudget budget;
  budget.quota_share = 1;
  Allow(nodes, budget);
  nodes.StartBoth();
  nodes.a.ReplaceBase(network.AddNat(0, a), "10.1.1.5:4000");
  nodes.b.ReplaceBase(network.AddNat(0, b), "10.1.2.5:4000");
  nodes.world().Run(seconds(1));
  nodes.Exchange(seconds(25));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(), 0U);
  EXPECT_LE(nodes.a.node().counters().hard_datagrams, budget.max_packets);
  const bool is_direct = nodes.a.IsDirectTo("b");
  EXPECT_EQ(nodes.b.IsDirectTo("a"), is_direct);
  EXPECT_LE(nodes.a.socket_count() + nodes.b.socket_count(),
            is_direct ? 2U : 0U);
  return is_direct;
}

TEST(MeshHardSim, TwoKnownBlocksBecomeDirectAsOftenAsTheyCross) {
  constexpr auto kBlock = netsim::PortAssignment::kDynamicBlock;
  int direct = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    direct +=
        BecomesDirect(Box(71, kBlock, 512), Box(72, kBlock, 512), seed) ? 1 : 0;
  }
  // 63 % of them: 6.3 +- 3 * 1.5.
  EXPECT_GE(direct, 2);
}

TEST(MeshHardSim, ABlockOrASequenceIsFound) {
  constexpr auto kBlock = netsim::PortAssignment::kDynamicBlock;
  netsim::NatConfig easy = Box(71, netsim::PortAssignment::kPreserve);
  easy.mapping = Dependence::kEndpointIndependent;
  EXPECT_TRUE(BecomesDirect(easy, Box(72, kBlock, 1024), 1));
  netsim::NatConfig sequence = Box(72, netsim::PortAssignment::kSequential);
  sequence.foreign_rate = 5;
  EXPECT_TRUE(BecomesDirect(sequence, easy, 1));
}

TEST(MeshHardSim, ABudgetForNothingIsTold) {
  TwoNodes nodes(kEasy, kHard, 1);
  Allow(nodes, {.max_packets = 2});
  nodes.StartBoth();
  nodes.Exchange(seconds(15));
  EXPECT_TRUE(HasTried(Why(nodes), "budget is too small"));
}

TEST(MeshHardSim, KeepsWithinTheBudgetAndDoesNotRepeatAFailure) {
  TwoNodes nodes(kEasy, kHard, 1);
  constexpr nat::PunchBudget kSmall = {.packets_per_second = 50,
                                       .max_packets = 400,
                                       .max_probes = 200,
                                       .max_sockets = 40,
                                       .new_mappings_per_second = 50,
                                       .quota_share = 0.25};
  Allow(nodes, kSmall);
  nodes.StartBoth();
  uint64_t before = 0;
  for (int second = 0; second < 60; ++second) {
    nodes.Exchange(seconds(1));
    const uint64_t sent = nodes.a.node().counters().hard_datagrams;
    EXPECT_LE(sent - before, kSmall.packets_per_second + 1U);
    before = sent;
  }
  for (MeshHost* host : {&nodes.a, &nodes.b}) {
    EXPECT_EQ(host->node().counters().hard_attempts, 1U);
    EXPECT_GT(host->node().counters().hard_datagrams, 12U);
    EXPECT_LE(host->node().counters().hard_datagrams, kSmall.max_packets);
    EXPECT_LE(host->most_sockets(), kSmall.max_sockets);
    EXPECT_EQ(host->socket_count(), 0U);
  }
  EXPECT_EQ(nodes.a.PathTo("b").kind, PathKind::kRelay);
  EXPECT_TRUE(HasTried(Why(nodes), "many ports were probed"));
}

/// A quarter of what the NAT gives, besides the dozen samples before: the rest
/// is others'.
TEST(MeshHardSim, AQuotaThatTheFileTellsIsSpared) {
  for (const uint32_t quota : {100U, 400U}) {
    TwoNodes nodes(kEasy, kEasy, 1);
    Allow(nodes);
    nodes.mesh().nodes[1].mapping_quota = quota;
    nodes.StartBoth();
    netsim::NatConfig box = Box(72, netsim::PortAssignment::kRandom);
    box.limits.mappings_per_host = quota;
    auto& network = nodes.world().network();
    nodes.b.ReplaceBase(network.AddNat(0, box), "10.1.2.5:4000");
    nodes.Exchange(seconds(30));
    EXPECT_GT(nodes.b.node().counters().hard_attempts, 0U);
    EXPECT_LE(nodes.b.most_sockets(), quota / 4 + 6);
    EXPECT_GT(nodes.b.most_sockets(), quota / 16);
  }
}

TEST(MeshHardSim, SaysThatNoBudgetHelpsBetweenTwoRandomNats) {
  TwoNodes nodes(kHard, kHard, 1);
  Allow(nodes);
  nodes.StartBoth();
  nodes.Exchange(seconds(10));
  EXPECT_EQ(nodes.a.PathTo("b").kind, PathKind::kRelay);
  const bool is_a = nodes.a.public_key() > nodes.b.public_key();
  const auto why = *(is_a ? nodes.a : nodes.b)
                        .node()
                        .Explain(nodes.world().now(), is_a ? "b" : "a");
  EXPECT_TRUE(HasTried(why, "a hit unlikely"));
  EXPECT_EQ(nodes.a.socket_count() + nodes.b.socket_count(), 0U);
}

TEST(MeshHardSim, StaysOnTheRelayUnlessBothAllowIt) {
  for (const size_t allowed : {2U, 0U, 1U}) {
    TwoNodes nodes(kEasy, kHard, 1);
    if (allowed < 2) {
      nodes.mesh().nodes[allowed].hard_nat.is_allowed = true;
    }
    nodes.StartBoth();
    nodes.Exchange(seconds(30));
    EXPECT_EQ(nodes.a.PathTo("b").kind, PathKind::kRelay);
    for (MeshHost* host : {&nodes.a, &nodes.b}) {
      EXPECT_LE(host->node().counters().hard_datagrams, 12U);
      EXPECT_EQ(host->socket_count(), 0U);
    }
  }
}

/// Until the hard node has opened its sockets for an attempt.
void ExchangeUntilOpen(TwoNodes& nodes) {
  for (int i = 0; i < 100 && nodes.b.socket_count() < 100; ++i) {
    nodes.Exchange(std::chrono::milliseconds(100));
  }
  ASSERT_GE(nodes.b.socket_count(), 100U);
}

TEST(MeshHardSim, ClosesItsSocketsWhenThePeerIsGoneMidway) {
  TwoNodes nodes(kEasy, kHard, 5);
  Allow(nodes);
  nodes.StartBoth();
  ExchangeUntilOpen(nodes);
  nodes.world().network().RemoveAddress(nodes.a.id(),
                                        *IpAddress::Parse("192.168.1.2"));
  nodes.world().Run(seconds(95));
  EXPECT_EQ(nodes.b.socket_count(), 0U);
  EXPECT_LE(nodes.b.most_sockets(), nat::PunchBudget{}.max_sockets);
}

TEST(MeshHardSim, ClosesItsSocketsAtOnceWhenItsNetworkChangesMidway) {
  TwoNodes nodes(kEasy, kHard, 6);
  Allow(nodes);
  nodes.StartBoth();
  ExchangeUntilOpen(nodes);
  const auto other = nodes.world().network().AddNat(
      0, *IpAddress::Parse("203.0.113.77"), kEasy);
  nodes.b.ReplaceBase(other, "10.1.1.5:4000");
  EXPECT_EQ(nodes.b.socket_count(), 0U);
  nodes.Exchange(seconds(5));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_EQ(nodes.b.socket_count(), 0U);
}

TEST(MeshHardSim, ClosesTheSocketWhenTheTrafficEnds) {
  TwoNodes nodes(kEasy, kHard, 3);
  Allow(nodes);
  nodes.StartBoth();
  nodes.Exchange(seconds(30));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  ASSERT_EQ(nodes.b.socket_count(), 1U);
  nodes.world().Run(std::chrono::minutes(50));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  nodes.world().Run(std::chrono::minutes(12));
  EXPECT_EQ(nodes.b.socket_count(), 0U);
}

TEST(MeshHardSim, FollowsTheHardNodeToAnotherNetwork) {
  TwoNodes nodes(kEasy, kHard, 2);
  Allow(nodes);
  nodes.StartBoth();
  nodes.Exchange(seconds(30));
  ASSERT_TRUE(nodes.b.IsDirectTo("a"));
  const auto other = nodes.world().network().AddNat(
      0, *IpAddress::Parse("203.0.113.77"), kEasy);
  nodes.b.ReplaceBase(other, "10.1.1.5:4000");
  nodes.Exchange(seconds(5));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_EQ(nodes.b.socket_count(), 0U);
}

}  // namespace
}  // namespace natkit::mesh
