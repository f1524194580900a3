// Nodes that move, in every way that was thought of: both at once, twice in a
// row, into a worse network, to another address family, far from the relay; and
// hosts where one of the two address families leads nowhere.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "mesh_two_nodes.h"
#include "natkit/nat/demux.h"

namespace natkit::mesh {
namespace {

using sim::Dependence;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr sim::NatBehavior kPortRestricted = {
    .mapping = Dependence::kEndpointIndependent,
    .filtering = Dependence::kAddressAndPortDependent};
constexpr sim::NatBehavior kSymmetric = {
    .mapping = Dependence::kAddressAndPortDependent,
    .filtering = Dependence::kAddressAndPortDependent};

constexpr auto kV6OfA = "[2001:db8:a::2]:4000";
constexpr auto kV6OfB = "[2001:db8:b::2]:4000";

class MeshRoam : public ::testing::TestWithParam<uint64_t> {
 protected:
  void StartDirect() {
    nodes_.StartBoth();
    nodes_.Exchange(seconds(3));
    ASSERT_TRUE(AreDirect());
    handshakes_ = Handshakes();
    start_ = nodes_.world().now();
  }

  [[nodiscard]] bool AreDirect() const {
    return nodes_.a.IsDirectTo("b") && nodes_.b.IsDirectTo("a");
  }

  [[nodiscard]] size_t Handshakes() const {
    return nodes_.a.CountEvents<HandshakeCompleted>() +
           nodes_.b.CountEvents<HandshakeCompleted>();
  }

  sim::SimNetwork::RealmId NewHome(const std::string& external,
                                   const sim::NatBehavior& nat) {
    return nodes_.world().network().AddNat(0, *IpAddress::Parse(external), nat);
  }

  /// The longest pause of the streams in both directions since StartDirect().
  [[nodiscard]] Duration Pause() {
    const Instant now = nodes_.world().now();
    return std::max(nodes_.a.LongestPause(start_, now),
                    nodes_.b.LongestPause(start_, now));
  }

  void ExpectOneSessionAndShortPause() {
    EXPECT_LT(Pause(), seconds(1));
    EXPECT_EQ(Handshakes(), handshakes_) << "the session ended";
  }

  TwoNodes nodes_{kPortRestricted, kPortRestricted, GetParam()};
  Instant start_{};
  size_t handshakes_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Seeds, MeshRoam,
                         ::testing::Range(uint64_t{1}, uint64_t{7}),
                         [](const auto& seed) {
                           return "seed" + std::to_string(seed.param);
                         });

TEST_P(MeshRoam, BothSidesAtOnce) {
  StartDirect();
  nodes_.a.ReplaceBase(NewHome("203.0.113.77", kPortRestricted),
                       "10.1.1.5:4000");
  nodes_.b.ReplaceBase(NewHome("203.0.113.78", kPortRestricted),
                       "10.1.2.5:4000");
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_TRUE(AreDirect());
}

TEST_P(MeshRoam, BothSidesShortlyAfterEachOther) {
  for (const auto between : {milliseconds(20), milliseconds(110)}) {
    SCOPED_TRACE(between.count());
    TwoNodes nodes(kPortRestricted, kPortRestricted, GetParam());
    nodes.StartBoth();
    nodes.Exchange(seconds(3));
    const Instant start = nodes.world().now();
    nodes.a.ReplaceBase(
        nodes.world().network().AddNat(0, *IpAddress::Parse("203.0.113.77"),
                                       kPortRestricted),
        "10.1.1.5:4000");
    nodes.Exchange(between);
    nodes.b.ReplaceBase(
        nodes.world().network().AddNat(0, *IpAddress::Parse("203.0.113.78"),
                                       kPortRestricted),
        "10.1.2.5:4000");
    nodes.Exchange(seconds(8));
    const Instant end = nodes.world().now();
    EXPECT_LT(nodes.a.LongestPause(start, end), seconds(1));
    EXPECT_LT(nodes.b.LongestPause(start, end), seconds(1));
    EXPECT_TRUE(nodes.a.IsDirectTo("b"));
    EXPECT_TRUE(nodes.b.IsDirectTo("a"));
  }
}

TEST_P(MeshRoam, TwiceInTwoHundredMilliseconds) {
  StartDirect();
  nodes_.a.ReplaceBase(NewHome("203.0.113.77", kPortRestricted),
                       "10.1.1.5:4000");
  nodes_.Exchange(milliseconds(200));
  nodes_.a.ReplaceBase(NewHome("203.0.113.78", kPortRestricted),
                       "10.1.2.5:4000");
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_TRUE(AreDirect());
}

TEST_P(MeshRoam, AwayAndBackAgain) {
  StartDirect();
  nodes_.b.ReplaceBase(NewHome("203.0.113.77", kPortRestricted),
                       "10.1.1.5:4000");
  nodes_.Exchange(milliseconds(300));
  nodes_.b.ReplaceBase(nodes_.realm_b, "192.168.1.2:4000");
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_TRUE(AreDirect());
}

TEST_P(MeshRoam, IntoANetworkThatCannotBeDirect) {
  StartDirect();
  nodes_.a.ReplaceBase(NewHome("203.0.113.77", kSymmetric), "10.1.1.5:4000");
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_EQ(nodes_.b.PathTo("a").kind, PathKind::kRelay);
}

TEST_P(MeshRoam, WhileTheRelayIsFarAway) {
  for (const size_t relay : {size_t{0}, size_t{1}}) {
    nodes_.relay(relay).SetDelay(milliseconds(100));  // to it: 200 ms in all
  }
  StartDirect();
  nodes_.a.ReplaceBase(NewHome("203.0.113.77", kPortRestricted),
                       "10.1.1.5:4000");
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_TRUE(AreDirect());
}

TEST_P(MeshRoam, ToTheOtherAddressFamilyAndBack) {
  nodes_.b.AddBase(0, kV6OfB);
  StartDirect();
  nodes_.a.ReplaceBase(0, kV6OfA);
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_TRUE(AreDirect());
  EXPECT_FALSE(nodes_.b.PathTo("a").remote->address.is_v4());
  start_ = nodes_.world().now();
  nodes_.a.ReplaceBase(nodes_.realm_a, "192.168.1.2:4000");
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_TRUE(AreDirect());
  EXPECT_TRUE(nodes_.b.PathTo("a").remote->address.is_v4());
}

TEST_P(MeshRoam, OfADualStackHostChangesBothFamilies) {
  nodes_.a.AddBase(0, kV6OfA);
  nodes_.b.AddBase(0, kV6OfB);
  StartDirect();
  nodes_.a.ReplaceBases(
      {{NewHome("203.0.113.77", kPortRestricted), "10.1.1.5:4000"},
       {0, "[2001:db8:a2::2]:4000"}});
  nodes_.Exchange(seconds(8));
  ExpectOneSessionAndShortPause();
  EXPECT_TRUE(AreDirect());
}

/// Both hosts have both families, and one of these leads nowhere.
class MeshDualStack : public ::testing::TestWithParam<uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, MeshDualStack,
                         ::testing::Range(uint64_t{1}, uint64_t{7}),
                         [](const auto& seed) {
                           return "seed" + std::to_string(seed.param);
                         });

TEST_P(MeshDualStack, ABrokenFamilyDelaysADirectPathByLittle) {
  for (const bool is_v6_broken : {true, false}) {
    SCOPED_TRACE(is_v6_broken);
    TwoNodes nodes(kPortRestricted, kPortRestricted, GetParam());
    nodes.a.AddBase(0, kV6OfA);
    nodes.b.AddBase(0, kV6OfB);
    auto& network = nodes.world().network();
    for (const auto& [from, to] :
         {is_v6_broken ? std::pair("2001:db8:a::2", "2001:db8:b::2")
                       : std::pair("203.0.113.1", "203.0.113.2"),
          is_v6_broken ? std::pair("2001:db8:b::2", "2001:db8:a::2")
                       : std::pair("203.0.113.2", "203.0.113.1")}) {
      network.Cut(*IpAddress::Parse(from), *IpAddress::Parse(to));
    }
    nodes.StartBoth();
    nodes.a.SendEcho(*IpAddress::Parse("10.77.0.2"), 1);
    // The offer and its answer over the relay, then three round trips of 52 ms
    // and 100 ms, as without the broken family.
    EXPECT_TRUE(nodes.RunUntilDirect(milliseconds(700)));
    EXPECT_EQ(nodes.a.PathTo("b").remote->address.is_v4(), is_v6_broken);
  }
}

TEST_P(MeshDualStack, AFamilyThatBreaksLaterIsLeftWithoutAStall) {
  for (const bool is_v6_first : {true, false}) {
    SCOPED_TRACE(is_v6_first);
    TwoNodes nodes(kPortRestricted, kPortRestricted, GetParam());
    nodes.a.AddBase(0, kV6OfA);
    nodes.b.AddBase(0, kV6OfB);
    nodes.StartBoth();
    nodes.Exchange(seconds(3));
    ASSERT_TRUE(nodes.a.IsDirectTo("b"));
    const Endpoint at_b = *nodes.a.PathTo("b").remote;
    const Endpoint at_a = *nodes.b.PathTo("a").remote;
    nodes.world().network().Cut(at_a.address, at_b.address);
    if (is_v6_first) {  // else one direction is left
      nodes.world().network().Cut(at_b.address, at_a.address);
    }
    const Instant start = nodes.world().now();
    nodes.Exchange(seconds(8));
    const Instant end = nodes.world().now();
    EXPECT_LT(nodes.a.LongestPause(start, end), seconds(1));
    EXPECT_LT(nodes.b.LongestPause(start, end), seconds(1));
    ASSERT_TRUE(nodes.a.IsDirectTo("b"));
    EXPECT_NE(nodes.a.PathTo("b").remote->address.is_v4(),
              at_b.address.is_v4());
  }
}

/// A path that was good an hour ago.
class MeshAfterRest : public ::testing::TestWithParam<uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, MeshAfterRest,
                         ::testing::Range(uint64_t{1}, uint64_t{4}));

TEST_P(MeshAfterRest, APathThatBecameATrapIsLeftWithinTwoSeconds) {
  using Eater = std::function<bool(sim::SimNetwork::HostId, ByteView)>;
  TwoNodes nodes(kPortRestricted, kPortRestricted, GetParam());
  const auto a = nodes.a.id();
  const auto is_wireguard = [](ByteView payload) {
    return nat::Classify(payload) == nat::DatagramKind::kWireGuard;
  };
  const std::vector<Eater> traps = {
      [&](size_t, ByteView payload) { return is_wireguard(payload); },
      [&](size_t host, ByteView payload) {
        return host == a && is_wireguard(payload);
      },
      [&](size_t host, ByteView payload) {
        return host != a && is_wireguard(payload);
      },
      [&](size_t host, ByteView) { return host == a; },
      [&](size_t, ByteView payload) { return payload.size() > 600; }};
  nodes.StartBoth();
  for (size_t trap = 0; trap < traps.size(); ++trap) {
    SCOPED_TRACE(trap);
    nodes.world().network().SetEater(nullptr);
    nodes.Exchange(seconds(20));  // past the retry of a broken path
    ASSERT_TRUE(nodes.a.IsDirectTo("b"));
    ASSERT_TRUE(nodes.b.IsDirectTo("a"));
    nodes.world().Run(minutes(55));
    ASSERT_TRUE(nodes.a.IsDirectTo("b"));
    nodes.world().network().SetEater(traps[trap]);
    const Instant start = nodes.world().now();
    nodes.Stream(seconds(6), true, true, trap == 4 ? 1100 : 0);
    const Instant end = nodes.world().now();
    EXPECT_LT(nodes.a.LongestPause(start, end), seconds(2));
    EXPECT_LT(nodes.b.LongestPause(start, end), seconds(2));
  }
}

}  // namespace
}  // namespace natkit::mesh
