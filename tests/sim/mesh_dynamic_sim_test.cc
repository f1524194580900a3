// Nodes whose peers, relays and ways to signal change while they run.

#include <gtest/gtest.h>

#include "mesh_dynamic_nodes.h"

namespace natkit::mesh {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const IpAddress kOfB = *IpAddress::Parse("10.77.0.2");

TEST(MeshDynamic, PeersThatComeWhileTheNodeRunsFindADirectPath) {
  DynamicNodes nodes(1);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(4));
  nodes.world().Run(seconds(1));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes.b.IsDirectTo("a"));
  EXPECT_EQ(nodes.lost(), 0U);
}

TEST(MeshDynamic, ARemovedPeerGetsNothingThroughAndIsForgotten) {
  DynamicNodes nodes(2);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes.RemoveB());
  EXPECT_FALSE(nodes.RemoveB());
  EXPECT_EQ(nodes.a.CountEvents<PeerRemoved>(), 1U);
  EXPECT_TRUE(nodes.a.node().Snapshot().peers.empty());
  const size_t before = nodes.a.arrived().size();
  nodes.Exchange(seconds(5));
  EXPECT_EQ(nodes.a.arrived().size(), before);
  EXPECT_EQ(nodes.b.LongestPause(nodes.world().now() - seconds(4),
                                 nodes.world().now()),
            seconds(4));
  EXPECT_GT(nodes.a.node().counters().dropped_unknown_senders, 0U);
  ASSERT_TRUE(nodes.TellA());
  nodes.Exchange(seconds(10));
  EXPECT_GT(nodes.a.arrived().size(), before);
}

TEST(MeshDynamic, APeerIsRemovedWhileAnythingIsUnderWay) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    DynamicNodes nodes(seed);
    SeededRng rng(seed);
    for (int round = 0; round < 12; ++round) {
      ASSERT_TRUE(nodes.TellA());
      ASSERT_TRUE(nodes.TellB());
      nodes.Exchange(milliseconds(10 * rng.Below(150)));
      if (rng.Below(2) == 0) {
        nodes.world().network().Reboot(nodes.realm_b);
        nodes.Exchange(milliseconds(10 * rng.Below(300)));
      }
      ASSERT_TRUE(nodes.RemoveB());
      nodes.Exchange(milliseconds(10 * rng.Below(20)));
    }
    ASSERT_TRUE(nodes.TellA());
    nodes.Exchange(seconds(12));
    const uint16_t since = nodes.last_sent();
    nodes.Exchange(seconds(1));
    nodes.world().Run(seconds(1));
    EXPECT_EQ(nodes.lost(since), 0U) << "seed " << seed;
  }
}

TEST(MeshDynamic, APrefixMovesToAnotherPeerAtOnce) {
  DynamicNodes nodes(3);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  SeededRng rng(99);
  const auto other = [&] {
    PeerConfig config;
    config.entry.name = "c";
    config.entry.public_key = DerivePublicKey(GeneratePrivateKey(rng));
    return config;
  }();
  nodes.Exchange(seconds(1));
  EXPECT_TRUE(nodes.a.Do([&](Node& node, Instant now) {
    NodeUpdate update;
    PeerConfig c;
    c.entry = other.entry;
    c.entry.addresses = {kOfB};
    PeerConfig b = nodes.DescribeB();
    b.entry.addresses.clear();
    update.peers.push_back(std::move(c));
    update.peers.push_back(std::move(b));
    return node.Apply(now, std::move(update)).has_value();
  }));
  const size_t at_a = nodes.a.arrived().size();
  nodes.Stream(seconds(1), /*from_a=*/false, /*from_b=*/true);
  EXPECT_EQ(nodes.a.arrived().size(), at_a);
  EXPECT_TRUE(nodes.a.Do([&](Node& node, Instant now) {
    NodeUpdate update;
    update.removed = {other.entry.public_key};
    update.peers.push_back(nodes.DescribeB());
    return node.Apply(now, std::move(update)).has_value();
  }));
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(seconds(1));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
}

TEST(MeshDynamic, RefusesKeysThatCannotBe) {
  DynamicNodes nodes(4);
  ASSERT_TRUE(nodes.TellA());
  const auto set = [&](PeerConfig config) {
    return nodes.a.Do([&](Node& node, Instant now) {
      const auto result = node.SetPeer(now, std::move(config));
      return result ? std::nullopt : std::optional(result.error().code);
    });
  };
  PeerConfig own = nodes.DescribeB();
  own.entry.public_key = nodes.key_a;
  EXPECT_EQ(set(std::move(own)), Errc::kBadValue);
  PeerConfig next = nodes.DescribeB();
  next.next_key = nodes.key_b;
  EXPECT_EQ(set(std::move(next)), Errc::kBadValue);
  PeerConfig bare = nodes.DescribeB();
  bare.signalling_key.reset();
  bare.next_key = bare.entry.public_key;
  EXPECT_EQ(set(std::move(bare)), Errc::kBadValue);
  EXPECT_EQ(nodes.a.node().Snapshot().peers.size(), 1U);
}

TEST(MeshDynamic, RelaysComeChangeAndGo) {
  DynamicNodes nodes(5, /*has_relays=*/true, kSymmetricNat);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(2));
  EXPECT_EQ(nodes.a.PathTo("b").relay, "eu");
  const auto set = [&](std::vector<RelayConfig> relays) {
    return nodes.a.Do([&](Node& node, Instant now) {
      return node.SetRelays(now, relays, relays.front().id).has_value();
    });
  };
  const RelayConfig us{.id = 1, .entry = {.name = "us", .host = "us"}};
  EXPECT_FALSE(set({us, us}));
  ASSERT_TRUE(set({us}));
  nodes.Exchange(seconds(2));
  EXPECT_EQ(nodes.a.PathTo("b").relay, "us");
  const RelayConfig eu{.id = 0, .entry = {.name = "eu2", .host = "eu"}};
  ASSERT_TRUE(set({eu, us}));
  nodes.Exchange(seconds(1));  // it has to connect
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(seconds(2));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.a.PathTo("b").relay, "eu2");
  EXPECT_EQ(nodes.lost(since), 0U);
}

TEST(MeshDynamic, TheNearestRelayIsHomeUntilItIsDead) {
  DynamicNodes nodes(5, /*has_relays=*/false, kSymmetricNat);
  nodes.relay(0).SetDelay(milliseconds(80));
  nodes.relay(1).SetDelay(milliseconds(10));
  const auto home = [&nodes] { return nodes.a.node().home_relay(); };
  ASSERT_TRUE(nodes.a.Do([](Node& node, Instant now) {
    return node
        .SetRelays(now,
                   {{.id = 0, .entry = {.name = "far", .host = "far"}},
                    {.id = 1, .entry = {.name = "near", .host = "near"}}},
                   std::nullopt)
        .has_value();
  }));
  EXPECT_EQ(home(), 0U);
  nodes.world().Run(seconds(2));
  EXPECT_EQ(home(), 1U);
  const auto relays = nodes.a.node().Snapshot().relays;
  EXPECT_FALSE(relays[0].is_home);
  EXPECT_TRUE(relays[1].is_home);
  // The relays' own distance changes for a while that is too short.
  nodes.relay(1).SetDelay(milliseconds(200));
  nodes.world().Run(seconds(60));
  nodes.relay(1).SetDelay(milliseconds(10));
  nodes.world().Run(minutes(10));
  EXPECT_EQ(home(), 1U);
  nodes.relay(1).SetUp(nodes.world().now(), false);
  nodes.world().Run(seconds(5));
  EXPECT_EQ(home(), 1U);
  nodes.world().Run(seconds(10));
  EXPECT_EQ(home(), 0U);
  nodes.relay(1).SetUp(nodes.world().now(), true);
  nodes.world().Run(minutes(4));
  EXPECT_EQ(home(), 0U);
  nodes.world().Run(minutes(6));
  EXPECT_EQ(home(), 1U);
}

TEST(MeshDynamic, SignalsByTheCoordinationServerAloneFindADirectPath) {
  DynamicNodes nodes(6, /*has_relays=*/false);
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  nodes.Exchange(seconds(1));
  EXPECT_FALSE(nodes.a.IsDirectTo("b"));
  nodes.ConnectControl();
  nodes.Exchange(seconds(5));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes.b.IsDirectTo("a"));
  const uint16_t since = nodes.last_sent();
  nodes.Exchange(seconds(2));
  nodes.world().Run(seconds(1));
  EXPECT_EQ(nodes.lost(since), 0U);
}

TEST(MeshDynamic, SignalsGoByTheCoordinationServerWhenTheRelayIsSilent) {
  DynamicNodes nodes(7);
  nodes.ConnectControl();
  ASSERT_TRUE(nodes.TellA());
  ASSERT_TRUE(nodes.TellB());
  for (uint64_t stream = 1; stream <= 2; ++stream) {
    nodes.relay(0).Freeze(stream);
    nodes.relay(1).Freeze(stream);
  }
  nodes.Exchange(seconds(3));
  EXPECT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes.b.IsDirectTo("a"));
  EXPECT_GT(nodes.a.node().counters().sent_control_signals, 0U);
}

TEST(MeshDynamic, IdlePeersCostNoPackets) {
  const auto count = [](size_t idle_peers) {
    DynamicNodes nodes(8);
    NATKIT_CHECK(nodes.TellA() && nodes.TellB());
    SeededRng rng(5);
    for (size_t i = 0; i < idle_peers; ++i) {
      PeerConfig idle;
      idle.entry.name = "idle" + std::to_string(i);
      idle.entry.public_key = DerivePublicKey(GeneratePrivateKey(rng));
      idle.entry.addresses = {IpAddress::V4(
          10, 78, static_cast<uint8_t>(i >> 8U), static_cast<uint8_t>(i))};
      NATKIT_CHECK(nodes.a.Do([&](Node& node, Instant now) {
        return node.SetPeer(now, std::move(idle)).has_value();
      }));
    }
    nodes.Exchange(seconds(1));
    // The relay comes back once: nobody is greeted for nothing.
    nodes.relay(0).SetUp(nodes.world().now(), false);
    nodes.world().Run(seconds(1));
    nodes.relay(0).SetUp(nodes.world().now(), true);
    nodes.world().Run(hours(1));
    const NodeCounters& counters = nodes.a.node().counters();
    return std::array<uint64_t, 4>{nodes.world().network().sent(),
                                   nodes.a.relay_bytes(), counters.sent_relayed,
                                   counters.dropped_no_relay};
  };
  // Random choices differ with nothing but the number of peers.
  EXPECT_EQ(count(0), count(2000));
}

}  // namespace
}  // namespace natkit::mesh
