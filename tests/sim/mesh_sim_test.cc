// Whole nodes against each other in virtual time: relays, NATs, STUN, WireGuard
// and ICE are all real; only sockets and TCP are not.

#include <gtest/gtest.h>

#include "mesh_two_nodes.h"

namespace natkit::mesh {
namespace {

using sim::Dependence;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kEi = Dependence::kEndpointIndependent;
constexpr auto kApd = Dependence::kAddressAndPortDependent;
constexpr sim::NatBehavior kPortRestricted = {.mapping = kEi,
                                              .filtering = kApd};
constexpr sim::NatBehavior kFullCone = {.mapping = kEi, .filtering = kEi};
constexpr sim::NatBehavior kSymmetric = {.mapping = kApd, .filtering = kApd};

class MeshSeeds : public ::testing::TestWithParam<uint64_t> {};

TEST_P(MeshSeeds, RelaysAtOnceAndMovesToDirectWithoutLosingAPacket) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, GetParam());
  nodes.StartBoth();
  nodes.a.SendEcho(*IpAddress::Parse("10.77.0.2"), 60000);
  ASSERT_TRUE(nodes.world().Run(
      seconds(1), [&] { return nodes.b.arrived().contains(60000); }));
  EXPECT_FALSE(nodes.b.IsDirectTo("a"));
  nodes.Exchange(seconds(3));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes.b.IsDirectTo("a"));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(), 0U);
}

TEST_P(MeshSeeds, StaysOnTheRelayWhereNoDirectPathExists) {
  TwoNodes nodes(kPortRestricted, kSymmetric, GetParam());
  nodes.StartBoth();
  nodes.Exchange(seconds(12));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(), 0U);
  EXPECT_EQ(nodes.a.PathTo("b").kind, PathKind::kRelay);
  EXPECT_EQ(nodes.b.PathTo("a").kind, PathKind::kRelay);
}

TEST_P(MeshSeeds, FindsADirectPathThroughASymmetricAndAFullConeNat) {
  TwoNodes nodes(kFullCone, kSymmetric, GetParam());
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes.b.IsDirectTo("a"));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(), 0U);
}

TEST_P(MeshSeeds, RecoversADirectPathAfterANatRebooted) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, GetParam());
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  const auto before = nodes.a.arrived().size();
  nodes.world().network().Reboot(nodes.realm_a);
  nodes.Exchange(seconds(10));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes.b.IsDirectTo("a"));
  nodes.world().Run(seconds(1));
  // 1000 were sent each way; what is lost is what was under way while the dead
  // path was not yet suspect.
  EXPECT_GT(nodes.a.arrived().size() - before, 750U);
  EXPECT_FALSE(nodes.has_duplicates());
}

TEST_P(MeshSeeds, FallsBackToTheRelayWhileTheDirectPathIsCut) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, GetParam());
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  auto& network = nodes.world().network();
  network.Cut(*IpAddress::Parse("203.0.113.1"),
              *IpAddress::Parse("203.0.113.2"));
  nodes.Exchange(seconds(5));
  EXPECT_EQ(nodes.b.PathTo("a").kind, PathKind::kRelay);
  const uint16_t before = nodes.last_sent();
  nodes.Exchange(seconds(1));
  nodes.world().Run(milliseconds(200));
  EXPECT_EQ(nodes.lost(before), 0U);
  network.Mend();
  nodes.Exchange(seconds(40));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
}

INSTANTIATE_TEST_SUITE_P(Seeds, MeshSeeds,
                         ::testing::Values(1, 2, 3, 4, 5, 6, 7, 8),
                         [](const auto& seed) {
                           return "seed" + std::to_string(seed.param);
                         });

TEST(MeshSim, RelaysWhereUdpIsBlocked) {
  TwoNodes nodes(kPortRestricted, kFullCone, 1);
  nodes.world().network().SetUdpBlocked(nodes.a.id(), true);
  nodes.StartBoth();
  nodes.Exchange(seconds(5));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(), 0U);
  EXPECT_EQ(nodes.a.PathTo("b").kind, PathKind::kRelay);
}

TEST(MeshSim, ReachesAPeerThatStartsLaterWithinASecond) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  nodes.StartA();
  nodes.world().Run(seconds(1));
  nodes.a.SendEcho(*IpAddress::Parse("10.77.0.2"), 1);
  nodes.world().Run(seconds(2));
  nodes.StartB();
  EXPECT_TRUE(nodes.world().Run(seconds(1),
                                [&] { return nodes.b.arrived().contains(1); }));
}

TEST(MeshSim, ReachesAPeerThatCrashedAndCameBackWithinASecond) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  nodes.b.Crash();
  nodes.world().Run(seconds(2));
  nodes.StartB();
  nodes.world().Run(seconds(1));
  nodes.a.SendEcho(*IpAddress::Parse("10.77.0.2"), 50000);
  EXPECT_TRUE(nodes.world().Run(
      seconds(1), [&] { return nodes.b.arrived().contains(50000); }));
  EXPECT_TRUE(nodes.RunUntilDirect(seconds(5)));
}

TEST(MeshSim, UsesTheOtherRelayWhenTheHomeRelayFails) {
  TwoNodes nodes(kPortRestricted, kSymmetric, 1);
  nodes.StartBoth();
  nodes.Exchange(seconds(1));
  EXPECT_EQ(nodes.a.PathTo("b").relay, "eu");
  nodes.relay(0).SetUp(nodes.world().now(), false);
  const uint16_t before = nodes.last_sent();
  nodes.Exchange(seconds(1));
  nodes.world().Run(milliseconds(200));
  EXPECT_EQ(nodes.lost(before), 0U);
  EXPECT_EQ(nodes.a.PathTo("b").relay, "us");
  nodes.relay(0).SetUp(nodes.world().now(), true);
  nodes.world().Run(seconds(10));
  EXPECT_EQ(nodes.a.PathTo("b").relay, "eu");
}

TEST(MeshSim, FollowsANodeToAnotherNetwork) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  const auto other = nodes.world().network().AddNat(
      0, *IpAddress::Parse("203.0.113.77"), kPortRestricted);
  nodes.a.ReplaceBase(other, "10.1.1.5:4000");
  nodes.Exchange(seconds(4));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  ASSERT_TRUE(nodes.b.IsDirectTo("a"));
  EXPECT_EQ(nodes.b.PathTo("a").remote->address.ToString(), "203.0.113.77");
}

TEST(MeshSim, PrefersTheSharedNetworkOfTwoNodes) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  nodes.b.AddBase(nodes.realm_a, "192.168.1.3:4000");
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_EQ(nodes.a.PathTo("b").remote->ToString(), "192.168.1.3:4000");
}

TEST(MeshSim, TellsThePathOfEachPingReply) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  // The simulated TUN of b does not answer: take b's part by hand.
  nodes.a.Ping("b", 7);
  nodes.world().Run(seconds(1));
  EXPECT_TRUE(nodes.b.arrived().contains(7));
  EXPECT_FALSE(
      nodes.a.node().SendPing(nodes.world().now(), "nobody", 1).has_value());
  EXPECT_FALSE(
      nodes.a.node().SendPing(nodes.world().now(), "a", 1).has_value());
}

TEST(MeshSim, DropsPacketsOfStrangersOnTheRelay) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  MeshFile without_b = nodes.mesh();
  without_b.nodes.pop_back();
  nodes.a.Start(without_b, "a", TwoNodes::servers());
  nodes.StartB();
  nodes.world().Run(seconds(1));
  nodes.b.SendEcho(*IpAddress::Parse("10.77.0.1"), 1);
  nodes.world().Run(seconds(2));
  EXPECT_TRUE(nodes.a.arrived().empty());
  EXPECT_GT(nodes.a.node().counters().dropped_unknown_senders, 0U);
}

TEST(MeshSim, GoesQuietWhenThereIsNoTraffic) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  nodes.world().Run(std::chrono::minutes(62));
  EXPECT_EQ(nodes.a.PathTo("b").kind, PathKind::kRelay);
  const uint64_t before = nodes.world().network().sent();
  nodes.world().Run(seconds(60));
  // Two nodes ask two STUN servers every 20 s; nothing else goes on.
  EXPECT_LE(nodes.world().network().sent() - before, 40U);
}

TEST(MeshSim, RefusesAKeyThatIsNotTheNodes) {
  TwoNodes nodes(kPortRestricted, kPortRestricted, 1);
  SeededRng rng(9);
  NodeConfig config{.mesh = nodes.mesh(),
                    .name = "a",
                    .private_key = GeneratePrivateKey(rng)};
  const auto node = Node::Create(std::move(config), rng);
  ASSERT_FALSE(node.has_value());
  EXPECT_EQ(node.error().code, Errc::kBadValue);
}

}  // namespace
}  // namespace natkit::mesh
