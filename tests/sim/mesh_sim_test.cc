// Whole nodes against each other in virtual time: relays, NATs, STUN, WireGuard
// and ICE are all real; only sockets and TCP are not.

#include <gtest/gtest.h>

#include <algorithm>

#include "mesh_world.h"
#include "sim_stun_server.h"

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

/// Two nodes, "a" and "b", each behind a NAT of its own; two relays and two
/// STUN servers.
class TwoNodes {
 public:
  TwoNodes(const sim::NatBehavior& nat_a, const sim::NatBehavior& nat_b,
           uint64_t seed)
      : world_(seed),
        relays_{SimRelay{world_, seed + 1}, SimRelay{world_, seed + 2}},
        stun_{sim::SimStunServer(world_, *IpAddress::Parse("198.51.100.1")),
              sim::SimStunServer(world_, *IpAddress::Parse("198.51.100.2"))},
        a(world_, {&relays_[0], &relays_[1]}, seed + 3),
        b(world_, {&relays_[0], &relays_[1]}, seed + 4) {
    realm_a =
        world_.network().AddNat(0, *IpAddress::Parse("203.0.113.1"), nat_a);
    realm_b =
        world_.network().AddNat(0, *IpAddress::Parse("203.0.113.2"), nat_b);
    a.AddBase(realm_a, "192.168.1.2:4000");
    b.AddBase(realm_b, "192.168.1.2:4000");
    for (const auto* name : {"eu", "us"}) {
      mesh_.relays.push_back({.name = name, .host = name});
    }
    AddNode("a", a, "10.77.0.1");
    AddNode("b", b, "10.77.0.2");
  }

  void StartA() { a.Start(mesh_, "a", servers()); }

  void StartB() { b.Start(mesh_, "b", servers()); }

  void StartBoth() {
    StartA();
    StartB();
    world_.Run(seconds(1));
  }

  /// Sends an echo request each way every 10 ms for `length`.
  void Exchange(Duration length) {
    for (Duration sent{}; sent < length; sent += milliseconds(10)) {
      a.SendEcho(*IpAddress::Parse("10.77.0.2"), ++last_sent_);
      b.SendEcho(*IpAddress::Parse("10.77.0.1"), last_sent_);
      world_.Run(milliseconds(10));
    }
  }

  bool RunUntilDirect(Duration limit) {
    return world_.Run(
        limit, [this] { return a.IsDirectTo("b") && b.IsDirectTo("a"); });
  }

  [[nodiscard]] uint16_t last_sent() const { return last_sent_; }

  /// Echo requests of Exchange() after `since` that never arrived, over both
  /// directions.
  [[nodiscard]] size_t lost(uint16_t since = 0) const {
    size_t missing = 0;
    for (uint16_t sequence = since + 1; sequence <= last_sent_; ++sequence) {
      missing += a.arrived().contains(sequence) ? 0 : 1;
      missing += b.arrived().contains(sequence) ? 0 : 1;
    }
    return missing;
  }

  [[nodiscard]] bool has_duplicates() const {
    const auto more_than_one = [](const auto& entry) {
      return entry.second > 1;
    };
    return std::ranges::any_of(a.arrived(), more_than_one) ||
           std::ranges::any_of(b.arrived(), more_than_one);
  }

  [[nodiscard]] sim::SimWorld& world() { return world_; }

  [[nodiscard]] SimRelay& relay(size_t index) { return relays_[index]; }

  [[nodiscard]] MeshFile& mesh() { return mesh_; }

  [[nodiscard]] static std::vector<Endpoint> servers() {
    return {*Endpoint::Parse("198.51.100.1:3478"),
            *Endpoint::Parse("198.51.100.2:3478")};
  }

 private:
  void AddNode(const std::string& name, const MeshHost& host,
               const std::string& address) {
    mesh_.nodes.push_back({.name = name,
                           .public_key = host.public_key(),
                           .addresses = {*IpAddress::Parse(address)}});
  }

  sim::SimWorld world_;
  std::array<SimRelay, 2> relays_;
  std::array<sim::SimStunServer, 2> stun_;
  MeshFile mesh_;
  uint16_t last_sent_ = 0;

 public:
  MeshHost a;
  MeshHost b;
  sim::SimNetwork::RealmId realm_a = 0;
  sim::SimNetwork::RealmId realm_b = 0;
};

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
  nodes.world().Run(seconds(400));
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
