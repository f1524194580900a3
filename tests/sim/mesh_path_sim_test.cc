// Paths that say they are direct but do not carry, and nodes that move: what a
// stream through the tunnel notices of it.

#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include "mesh_two_nodes.h"
#include "natkit/nat/demux.h"
#include "node/path_watch.h"

namespace natkit::mesh {
namespace {

using sim::Dependence;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr sim::NatBehavior kPortRestricted = {
    .mapping = Dependence::kEndpointIndependent,
    .filtering = Dependence::kAddressAndPortDependent};
/// What TUN packets of this size more than an echo make is "large".
constexpr size_t kLargePadding = 1100;

bool IsWireGuard(ByteView payload) {
  return nat::Classify(payload) == nat::DatagramKind::kWireGuard;
}

/// Which of two streams runs.
struct Streams {
  bool from_a = true;
  bool from_b = true;
};

class MeshPath : public ::testing::TestWithParam<uint64_t> {
 protected:
  void StartDirect(Streams streams = {}, size_t padding = 0) {
    streams_ = streams;
    padding_ = padding;
    nodes_.StartBoth();
    nodes_.Exchange(seconds(1));
    Run(seconds(3));
    ASSERT_TRUE(nodes_.a.IsDirectTo("b"));
    ASSERT_TRUE(nodes_.b.IsDirectTo("a"));
  }

  void Run(Duration length) {
    nodes_.Stream(length, streams_.from_a, streams_.from_b, padding_);
  }

  /// The longest pause of a running stream since `from`, until a little ago.
  Duration Pause(Instant from) {
    const Instant to = nodes_.world().now();
    Duration longest{};
    if (streams_.from_a) {
      longest = nodes_.b.LongestPause(from, to);
    }
    if (streams_.from_b) {
      longest = std::max(longest, nodes_.a.LongestPause(from, to));
    }
    return longest;
  }

  [[nodiscard]] bool IsAWayFromDirect() {
    return nodes_.a.PathTo("b").kind == PathKind::kRelay ||
           nodes_.b.PathTo("a").kind == PathKind::kRelay;
  }

  TwoNodes nodes_{kPortRestricted, kPortRestricted, GetParam()};
  Streams streams_;
  size_t padding_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Seeds, MeshPath,
                         ::testing::Range(uint64_t{1}, uint64_t{7}),
                         [](const auto& seed) {
                           return "seed" + std::to_string(seed.param);
                         });

TEST_P(MeshPath, APathThatEatsWireGuardIsLeftWithinTwoSeconds) {
  for (const Streams streams :
       {Streams{true, true}, Streams{true, false}, Streams{false, true}}) {
    SCOPED_TRACE(testing::Message() << streams.from_a << streams.from_b);
    TwoNodes fresh(kPortRestricted, kPortRestricted, GetParam());
    fresh.StartBoth();
    fresh.Exchange(seconds(3));
    ASSERT_TRUE(fresh.a.IsDirectTo("b"));
    fresh.world().network().SetEater(
        [](size_t, ByteView payload) { return IsWireGuard(payload); });
    const Instant start = fresh.world().now();
    fresh.Stream(seconds(2), streams.from_a, streams.from_b);
    const Instant end = fresh.world().now();
    if (streams.from_a) {
      EXPECT_EQ(fresh.a.PathTo("b").kind, PathKind::kRelay);
      EXPECT_LT(fresh.b.LongestPause(start, end), milliseconds(600));
    }
    if (streams.from_b) {
      EXPECT_EQ(fresh.b.PathTo("a").kind, PathKind::kRelay);
      EXPECT_LT(fresh.a.LongestPause(start, end), milliseconds(600));
    }
  }
}

TEST_P(MeshPath, APathThatEatsOneDirectionIsLeftWithinTwoSeconds) {
  for (const Streams streams :
       {Streams{true, true}, Streams{true, false}, Streams{false, true}}) {
    SCOPED_TRACE(testing::Message() << streams.from_a << streams.from_b);
    TwoNodes fresh(kPortRestricted, kPortRestricted, GetParam());
    fresh.StartBoth();
    fresh.Exchange(seconds(3));
    ASSERT_TRUE(fresh.a.IsDirectTo("b"));
    const size_t eaten_host = fresh.a.id();
    fresh.world().network().SetEater(
        [eaten_host](size_t host, ByteView payload) {
          return host == eaten_host && IsWireGuard(payload);
        });
    const Instant start = fresh.world().now();
    fresh.Stream(seconds(3), streams.from_a, streams.from_b);
    const Instant end = fresh.world().now();
    if (streams.from_a) {
      EXPECT_EQ(fresh.a.PathTo("b").kind, PathKind::kRelay);
      EXPECT_LT(fresh.b.LongestPause(start, end), milliseconds(600));
      EXPECT_LT(fresh.b.LongestPause(start + seconds(2), end),
                milliseconds(100));
    }
    if (streams.from_b) {
      EXPECT_LT(fresh.a.LongestPause(start, end), milliseconds(100));
    }
  }
}

TEST_P(MeshPath, APathThatEatsLargeDatagramsIsLeftWithinTwoSeconds) {
  StartDirect();
  nodes_.world().network().SetEater([](size_t, ByteView payload) {
    return payload.size() >= PathWatch::kLarge;
  });
  streams_ = {true, false};
  padding_ = kLargePadding;
  const Instant start = nodes_.world().now();
  Run(seconds(2));
  EXPECT_EQ(nodes_.a.PathTo("b").kind, PathKind::kRelay);
  EXPECT_LT(Pause(start), milliseconds(600));
  const auto why = nodes_.a.node().Explain(nodes_.world().now(), "b");
  ASSERT_TRUE(why);
  EXPECT_EQ(why->reason, nat::PathReason::kEatsData) << why->summary;
}

TEST_P(MeshPath, AConversationThatStandsStillIsNoticedWithinTwoSeconds) {
  StartDirect();
  for (const size_t least : {size_t{200}, size_t{600}, PathWatch::kLarge}) {
    for (const bool b_talks : {false, true}) {
      if (b_talks && least < PathWatch::kLarge) {
        continue;  // one loss among a hundred that arrive tells nothing
      }
      SCOPED_TRACE(testing::Message() << least << " bytes, " << b_talks);
      auto& network = nodes_.world().network();
      network.SetEater(nullptr);
      nodes_.Converse(seconds(60), least, b_talks);  // past the retry
      ASSERT_TRUE(nodes_.a.IsDirectTo("b"));
      network.SetEater(
          [least](size_t, ByteView data) { return data.size() >= least; });
      const Instant start = nodes_.world().now();
      nodes_.Converse(seconds(10), least, b_talks);
      const Instant end = nodes_.world().now();
      EXPECT_LT(nodes_.b.LongestPause(start, end), milliseconds(2100));
      EXPECT_EQ(nodes_.a.PathTo("b").kind, PathKind::kRelay);
    }
  }
}

TEST_P(MeshPath, AnEatenHandshakeDoesNotDelayTheStart) {
  nodes_.world().network().SetEater(
      [](size_t, ByteView payload) { return IsWireGuard(payload); });
  nodes_.StartBoth();
  nodes_.Exchange(milliseconds(500));
  const Instant start = nodes_.world().now();
  nodes_.Exchange(seconds(5));
  EXPECT_LT(Pause(start), milliseconds(600));
  EXPECT_TRUE(IsAWayFromDirect());
}

TEST_P(MeshPath, ComesBackWhenThePathIsGoodAgain) {
  StartDirect();
  auto& network = nodes_.world().network();
  network.SetEater(
      [](size_t, ByteView payload) { return IsWireGuard(payload); });
  Run(seconds(3));
  ASSERT_TRUE(IsAWayFromDirect());
  network.SetEater(nullptr);
  const Instant start = nodes_.world().now();
  Run(seconds(40));
  EXPECT_TRUE(nodes_.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes_.b.IsDirectTo("a"));
  EXPECT_LT(Pause(start), milliseconds(100));
}

TEST_P(MeshPath, TriesABrokenPathAgainMoreAndMoreSeldom) {
  StartDirect();
  nodes_.world().network().SetEater(
      [](size_t, ByteView payload) { return IsWireGuard(payload); });
  Run(seconds(3));
  const Instant start = nodes_.world().now();
  const auto before = nodes_.a.node().counters().sent_direct;
  Run(seconds(120));
  EXPECT_LT(Pause(start), milliseconds(200));
  // 12,000 packets; a try sends a second's worth.
  EXPECT_LT(nodes_.a.node().counters().sent_direct - before, 600U);
}

TEST_P(MeshPath, AStreamInOneDirectionStaysOnAGoodPath) {
  StartDirect({.from_a = true, .from_b = false});
  const auto before = nodes_.a.node().counters().sent_relayed;
  const Instant start = nodes_.world().now();
  Run(seconds(60));
  EXPECT_TRUE(nodes_.a.IsDirectTo("b"));
  EXPECT_LT(Pause(start), milliseconds(100));
  // Of 6,000, a few go over the relay as well while the peer is asked.
  EXPECT_LT(nodes_.a.node().counters().sent_relayed - before, 600U);
}

TEST_P(MeshPath, ARoamStallsAStreamForLessThanASecond) {
  for (const Streams streams :
       {Streams{true, true}, Streams{true, false}, Streams{false, true}}) {
    SCOPED_TRACE(testing::Message() << streams.from_a << streams.from_b);
    TwoNodes fresh(kPortRestricted, kPortRestricted, GetParam());
    fresh.StartBoth();
    fresh.Exchange(seconds(3));
    ASSERT_TRUE(fresh.a.IsDirectTo("b"));
    const auto handshakes = fresh.a.CountEvents<HandshakeCompleted>();
    const auto other = fresh.world().network().AddNat(
        0, *IpAddress::Parse("203.0.113.77"), kPortRestricted);
    const Instant start = fresh.world().now();
    fresh.a.ReplaceBase(other, "10.1.1.5:4000");
    fresh.Stream(seconds(5), streams.from_a, streams.from_b);
    const Instant end = fresh.world().now();
    if (streams.from_a) {
      EXPECT_LT(fresh.b.LongestPause(start, end), milliseconds(500));
    }
    if (streams.from_b) {
      EXPECT_LT(fresh.a.LongestPause(start, end), milliseconds(500));
    }
    EXPECT_TRUE(fresh.a.IsDirectTo("b"));
    EXPECT_TRUE(fresh.b.IsDirectTo("a"));
    // One session from first to last.
    EXPECT_EQ(fresh.a.CountEvents<HandshakeCompleted>(), handshakes);
  }
}

TEST_P(MeshPath, AForwardedPortIsFoundWithoutBeingTold) {
  sim::NatBehavior symmetric;
  symmetric.mapping = Dependence::kAddressAndPortDependent;
  TwoNodes nodes(kPortRestricted, symmetric, GetParam());
  netsim::NatConfig config;
  config.external = {*IpAddress::Parse("203.0.113.50")};
  config.mapping = Dependence::kAddressAndPortDependent;
  config.filtering = Dependence::kAddressAndPortDependent;
  config.port_assignment = netsim::PortAssignment::kRandom;
  config.forwards = {
      {.external_port = 4000, .inside = *Endpoint::Parse("192.168.9.2:4000")}};
  const auto home = nodes.world().network().AddNat(0, config);
  nodes.b.AddBase(home, "192.168.9.2:4000");
  nodes.StartBoth();
  nodes.Exchange(seconds(3));
  ASSERT_TRUE(nodes.a.IsDirectTo("b"));
  EXPECT_EQ(nodes.a.PathTo("b").remote->ToString(), "203.0.113.50:4000");
}

TEST_P(MeshPath, ARoamConnectsTheRelayAnewAtOnce) {
  StartDirect();
  const auto other = nodes_.world().network().AddNat(
      0, *IpAddress::Parse("203.0.113.77"), kPortRestricted);
  // The old stream is silently dead.
  nodes_.relay(0).Freeze(1);
  nodes_.world().network().SetEater(
      [](size_t, ByteView payload) { return IsWireGuard(payload); });
  const Instant start = nodes_.world().now();
  nodes_.a.ReplaceBase(other, "10.1.1.5:4000");
  Run(seconds(3));
  EXPECT_LT(Pause(start), seconds(1));
}

TEST_P(MeshPath, ARoamWithoutARelayFindsThePeerWhereItWas) {
  for (const bool a_moves : {true, false}) {
    SCOPED_TRACE(a_moves);
    constexpr sim::NatBehavior kFullCone = {
        .mapping = Dependence::kEndpointIndependent,
        .filtering = Dependence::kEndpointIndependent};
    TwoNodes nodes(kFullCone, kFullCone, GetParam());
    nodes.StartBoth();
    nodes.Exchange(seconds(3));
    ASSERT_TRUE(nodes.a.IsDirectTo("b"));
    for (const size_t relay : {size_t{0}, size_t{1}}) {
      nodes.relay(relay).SetUp(nodes.world().now(), false);
    }
    nodes.Exchange(seconds(1));
    ASSERT_TRUE(nodes.a.IsDirectTo("b"));
    const auto other = nodes.world().network().AddNat(
        0, *IpAddress::Parse("203.0.113.77"), kPortRestricted);
    (a_moves ? nodes.a : nodes.b).ReplaceBase(other, "10.1.1.5:4000");
    nodes.Exchange(seconds(4));
    EXPECT_TRUE(nodes.a.IsDirectTo("b"));
    EXPECT_TRUE(nodes.b.IsDirectTo("a"));
    const Instant start = nodes.world().now();
    nodes.Exchange(seconds(1));
    EXPECT_LT(nodes.b.LongestPause(start, nodes.world().now()),
              milliseconds(100));
  }
}

TEST_P(MeshPath, ANatThatForgetsTheRelaysStreamTooStallsForLessThanASecond) {
  // What b sends is answers alone; its stream to the relay is the second.
  StartDirect({.from_a = true, .from_b = false});
  nodes_.world().network().Reboot(nodes_.realm_b);
  nodes_.relay(0).Freeze(2);
  const Instant start = nodes_.world().now();
  Run(seconds(6));
  EXPECT_LT(Pause(start), milliseconds(800));
  EXPECT_TRUE(nodes_.a.IsDirectTo("b"));
}

TEST_P(MeshPath, ANatThatForgetsStallsAStreamForLessThanASecond) {
  StartDirect();
  nodes_.world().network().Reboot(nodes_.realm_a);
  const Instant start = nodes_.world().now();
  Run(seconds(6));
  EXPECT_LT(Pause(start), milliseconds(500));
  EXPECT_TRUE(nodes_.a.IsDirectTo("b"));
  EXPECT_TRUE(nodes_.b.IsDirectTo("a"));
}

}  // namespace
}  // namespace natkit::mesh
