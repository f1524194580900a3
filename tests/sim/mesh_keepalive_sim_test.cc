// Whole nodes that nobody uses: what an idle path costs, and what comes after.

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <utility>

#include "mesh_two_nodes.h"

namespace natkit::mesh {
namespace {

using nat::PowerMode;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Two nodes that have talked directly and then fallen silent.
class IdleNodes {
 public:
  enum class Lifetimes : uint8_t { kTold, kMeasured };

  IdleNodes(Duration nat_lifetime, PowerMode power_a, PowerMode power_b,
            uint64_t seed, Lifetimes lifetimes = Lifetimes::kTold)
      : nodes({.lifetime = nat_lifetime}, {.lifetime = nat_lifetime}, seed) {
    nodes.mesh().nodes[0].power = power_a;
    nodes.mesh().nodes[1].power = power_b;
    for (NodeEntry& node : nodes.mesh().nodes) {
      if (lifetimes == Lifetimes::kTold) {
        node.mapping_lifetime = nat_lifetime;
      }
    }
    nodes.StartBoth();
    nodes.Exchange(seconds(3));
    nodes.world().Run(minutes(1));
    nodes.world().network().SetEater(
        [this](sim::SimNetwork::HostId /*host*/, ByteView /*payload*/) {
          ++datagrams_;
          return false;
        });
    changes_ = changes();
  }

  /// Datagrams that reached anybody since the last call, STUN servers aside.
  uint64_t TakeDatagrams() { return std::exchange(datagrams_, 0); }

  [[nodiscard]] bool has_changed() const { return changes() != changes_; }

  [[nodiscard]] bool is_direct() const {
    return nodes.a.IsDirectTo("b") && nodes.b.IsDirectTo("a");
  }

  TwoNodes nodes;

 private:
  [[nodiscard]] size_t changes() const {
    return nodes.a.CountEvents<PathChanged>() +
           nodes.b.CountEvents<PathChanged>();
  }

  uint64_t datagrams_ = 0;
  size_t changes_ = 0;
};

TEST(MeshKeepalive, AnIdlePathLivesBehindNatsOfAnyLifetime) {
  for (const auto lifetime : {seconds(30), seconds(120), seconds(300)}) {
    for (const auto power : {PowerMode::kMains, PowerMode::kBattery}) {
      IdleNodes idle(lifetime, power, power, 1);
      ASSERT_TRUE(idle.is_direct());
      idle.nodes.world().Run(minutes(50));
      EXPECT_TRUE(idle.is_direct());
      EXPECT_FALSE(idle.has_changed());
      const uint16_t before = idle.nodes.last_sent();
      idle.nodes.Exchange(seconds(1));
      idle.nodes.world().Run(seconds(1));
      EXPECT_EQ(idle.nodes.lost(before), 0U);
      EXPECT_FALSE(idle.has_changed());
    }
  }
}

/// Of both nodes and those who answer them, at rest.
uint64_t DatagramsPerHour(IdleNodes& idle) {
  // Traffic begins the hour for which an idle path is kept anew.
  idle.nodes.Exchange(milliseconds(20));
  idle.nodes.world().Run(minutes(1));
  (void)idle.TakeDatagrams();
  idle.nodes.world().Run(minutes(50));
  return idle.TakeDatagrams() * 6 / 5;
}

TEST(MeshKeepalive, LifetimesAreMeasuredAndSetThePace) {
  struct Case {
    seconds lifetime;
    seconds shortest;  ///< interval
    seconds longest;
  };

  for (const Case& c : {Case{seconds(20), seconds(6), seconds(11)},
                        Case{seconds(30), seconds(12), seconds(19)},
                        Case{seconds(120), seconds(75), seconds(91)},
                        Case{seconds(300), seconds(110), seconds(110)}}) {
    SCOPED_TRACE(c.lifetime.count());
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      IdleNodes idle(c.lifetime, PowerMode::kBattery, PowerMode::kBattery, seed,
                     IdleNodes::Lifetimes::kMeasured);
      ASSERT_TRUE(idle.is_direct());
      idle.nodes.world().Run(minutes(12));
      for (MeshHost* host : {&idle.nodes.a, &idle.nodes.b}) {
        EXPECT_EQ(host->socket_count(), 0U) << "it is over";
        const NodeState state = host->node().Snapshot();
        ASSERT_TRUE(state.mapping_lifetime);
        EXPECT_LE(*state.mapping_lifetime, c.lifetime);
        EXPECT_TRUE(state.peers[0].is_resting);
        EXPECT_GE(state.peers[0].keepalive_interval, c.shortest);
        EXPECT_LE(state.peers[0].keepalive_interval, c.longest);
      }
      const uint64_t datagrams = DatagramsPerHour(idle);
      // A request and an answer for each interval, less its jitter of a tenth;
      // four times two STUN requests in four minutes and their answers.
      constexpr uint64_t kStun = 2 * 2 * 2 * 30;
      EXPECT_LE(datagrams,
                kStun + 2 * static_cast<uint64_t>(minutes(60) /
                                                  (c.shortest * 9 / 10)));
      EXPECT_TRUE(idle.is_direct());
      EXPECT_FALSE(idle.has_changed());
      RecordProperty("datagrams_per_hour_" + std::to_string(c.lifetime.count()),
                     std::to_string(datagrams));
    }
  }
}

TEST(MeshKeepalive, WithoutResponsePortTheFloorOfIceIsKept) {
  IdleNodes idle(seconds(20), PowerMode::kBattery, PowerMode::kBattery, 1,
                 IdleNodes::Lifetimes::kMeasured);
  idle.nodes.SetHonoursResponsePort(false);
  idle.nodes.world().Run(minutes(50));
  EXPECT_EQ(idle.nodes.a.node().Snapshot().mapping_lifetime, std::nullopt);
  EXPECT_EQ(idle.nodes.a.socket_count(), 0U);
  EXPECT_TRUE(idle.is_direct());
  EXPECT_FALSE(idle.has_changed());
}

TEST(MeshKeepalive, AnotherNetworkIsMeasuredAnew) {
  IdleNodes idle(seconds(300), PowerMode::kBattery, PowerMode::kBattery, 1,
                 IdleNodes::Lifetimes::kMeasured);
  idle.nodes.world().Run(minutes(5));
  ASSERT_EQ(idle.nodes.a.node().Snapshot().mapping_lifetime, seconds(145));
  const auto other = idle.nodes.world().network().AddNat(
      0, *IpAddress::Parse("203.0.113.77"), {.lifetime = seconds(40)});
  idle.nodes.a.ReplaceBase(other, "10.1.1.5:4000");
  idle.nodes.Exchange(seconds(3));
  ASSERT_TRUE(idle.is_direct());
  EXPECT_EQ(idle.nodes.a.node().Snapshot().mapping_lifetime, std::nullopt);
  idle.nodes.world().Run(minutes(12));
  const auto lifetime = idle.nodes.a.node().Snapshot().mapping_lifetime;
  ASSERT_TRUE(lifetime);
  EXPECT_LE(*lifetime, seconds(40));
  EXPECT_TRUE(idle.is_direct());
}

TEST(MeshKeepalive, BatteriesPayLessThanAFixedKeepalive) {
  IdleNodes idle(seconds(120), PowerMode::kBattery, PowerMode::kBattery, 2);
  idle.nodes.world().Run(minutes(50));
  // Two STUN servers each 120 s for both nodes, and the path each 91 s: each a
  // request and an answer. At 15 s the path alone would take 400.
  EXPECT_LT(idle.TakeDatagrams(), 300U);
}

TEST(MeshKeepalive, AnIdlePhoneIsLeftAlone) {
  for (const auto peer : {PowerMode::kMains, PowerMode::kMobileIdle}) {
    IdleNodes idle(seconds(120), PowerMode::kMobileIdle, peer, 3);
    uint64_t by_phone = 0;
    idle.nodes.world().network().SetEater(
        [&](sim::SimNetwork::HostId host, ByteView /*payload*/) {
          by_phone += host == idle.nodes.a.id() ? 1 : 0;
          return false;
        });
    idle.nodes.world().Run(minutes(50));
    EXPECT_EQ(by_phone, 0U);
    const uint16_t before = idle.nodes.last_sent();
    idle.nodes.Exchange(seconds(10));
    idle.nodes.world().Run(seconds(1));
    EXPECT_EQ(idle.nodes.lost(before), 0U);
    EXPECT_FALSE(idle.nodes.has_duplicates());
    EXPECT_TRUE(idle.is_direct());
  }
}

TEST(MeshKeepalive, AnHourWithoutTrafficEndsIt) {
  IdleNodes idle(seconds(120), PowerMode::kMains, PowerMode::kMains, 4);
  idle.nodes.world().Run(minutes(61));
  EXPECT_FALSE(idle.is_direct());
  const uint16_t before = idle.nodes.last_sent();
  idle.nodes.Exchange(seconds(5));
  idle.nodes.world().Run(seconds(1));
  EXPECT_EQ(idle.nodes.lost(before), 0U);
  EXPECT_TRUE(idle.is_direct());
}

TEST(MeshKeepalive, PowerCanChangeAtAnyTime) {
  IdleNodes idle(seconds(120), PowerMode::kMains, PowerMode::kMains, 5);
  (void)idle.TakeDatagrams();
  idle.nodes.world().Run(minutes(10));
  const uint64_t mains = idle.TakeDatagrams();
  idle.nodes.a.SetPowerMode(PowerMode::kBattery);
  idle.nodes.world().Run(seconds(30));
  (void)idle.TakeDatagrams();
  idle.nodes.world().Run(minutes(10));
  EXPECT_LT(idle.TakeDatagrams(), mains);
  EXPECT_TRUE(idle.is_direct());
}

/// How long nothing of "a" reaches "b", whose router restarts while the path
/// between them rests and takes the relays' streams with it.
Duration OutageAfterRestart(PowerMode power, Duration rests, bool moves,
                            uint64_t seed) {
  IdleNodes idle(seconds(300), power, power, seed);
  EXPECT_TRUE(idle.is_direct());
  TwoNodes& nodes = idle.nodes;
  nodes.Exchange(milliseconds(20));
  nodes.world().Run(rests);
  nodes.relay(0).Freeze(2);
  nodes.relay(1).Freeze(2);
  nodes.world().network().Reboot(
      nodes.realm_b,
      moves ? IpAddress::Parse("203.0.113.33").value_or(IpAddress())
            : *IpAddress::Parse("203.0.113.2"));
  const Instant restart = nodes.world().now();
  const uint16_t before = nodes.last_sent();
  while (nodes.b.arrived().upper_bound(before) == nodes.b.arrived().end() &&
         nodes.world().now() < restart + minutes(3)) {
    nodes.Stream(milliseconds(10), /*from_a=*/true, /*from_b=*/false);
    nodes.world().Run(milliseconds(90));
  }
  return nodes.world().now() - restart;
}

TEST(MeshKeepalive, ARestartOfTheRouterIsNoticedWhileThePathRests) {
  for (const bool moves : {false, true}) {
    for (uint64_t seed = 1; seed <= 4; ++seed) {
      // The outage depends on when the restart falls between two checks.
      const Duration rests = seconds(24) + seed * seconds(7);
      EXPECT_LE(OutageAfterRestart(PowerMode::kMains, rests, moves, seed),
                seconds(26))
          << moves << " " << seed;
    }
    EXPECT_LE(OutageAfterRestart(PowerMode::kBattery, seconds(60), moves, 1),
              seconds(125))
        << moves;
  }
}

}  // namespace
}  // namespace natkit::mesh
