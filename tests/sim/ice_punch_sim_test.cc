// Which NAT pairs two agents punch through, against the table of all 81 pairs
// of mapping and filtering behaviour, and how fast they do.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim_ice_host.h"
#include "sim_network.h"
#include "sim_stun_server.h"

namespace natkit::ice {
namespace {

using sim::Dependence;
using sim::NatBehavior;
using sim::SimNetwork;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr IpAddress kServerAddress = IpAddress::V4(203, 0, 113, 1);
constexpr Endpoint kServer{.address = kServerAddress, .port = 3478};
constexpr Endpoint kBaseA{.address = IpAddress::V4(10, 1, 0, 2), .port = 40001};
constexpr Endpoint kBaseB{.address = IpAddress::V4(10, 2, 0, 2), .port = 40002};

/// Rows and columns: EI/EI, EI/AD, EI/APD, AD/EI, ..., APD/APD as
/// mapping/filtering. Y: one 5-tuple works both ways. a: both ways, but over
/// different 5-tuples; 1: one way only; -: nothing. ICE needs Y.
constexpr std::array<std::string_view, 9> kPunchTable = {
    "YYYYYYYYY",  //
    "YYYYYYYYY",  //
    "YYY1--1--",  //
    "YY1YY1YY1",  //
    "YY-Y--Y--",  //
    "YY-1--1--",  //
    "YY1YY1aa1",  //
    "YY-Y--a--",  //
    "YY-1--1--",
};

NatBehavior BehaviorOf(size_t index) {
  constexpr std::array kAll = {Dependence::kEndpointIndependent,
                               Dependence::kAddressDependent,
                               Dependence::kAddressAndPortDependent};
  return {.mapping = kAll[index / 3], .filtering = kAll[index % 3]};
}

std::string NameOf(size_t index) {
  constexpr std::array<std::string_view, 3> kNames = {"EI", "AD", "APD"};
  return std::string(kNames[index / 3]) + "/" + std::string(kNames[index % 3]);
}

/// Two hosts, each behind its NAT, and a STUN server.
struct Pair {
  Pair(const NatBehavior& nat_a, const NatBehavior& nat_b, AgentConfig config,
       uint64_t seed, Role role_a = Role::kControlling,
       Role role_b = Role::kControlled)
      : world(seed), server(world, kServerAddress) {
    config.stun_servers = {kServer};
    config.role = role_a;
    a = std::make_unique<IceHost>(world, config, seed * 2 + 1);
    config.role = role_b;
    b = std::make_unique<IceHost>(world, config, seed * 2 + 2);
    realm_a = world.network().AddNat(SimNetwork::kInternet,
                                     IpAddress::V4(198, 51, 100, 1), nat_a,
                                     *IpPrefix::Make(kBaseA.address, 16));
    realm_b = world.network().AddNat(SimNetwork::kInternet,
                                     IpAddress::V4(198, 51, 100, 2), nat_b,
                                     *IpPrefix::Make(kBaseB.address, 16));
    a->Connect(*b, milliseconds(30));
    b->Connect(*a, milliseconds(30));
  }

  /// Gathers, then both sides signal; B does so `skew` after A.
  void Start(Duration skew = Duration::zero()) {
    a->AddBase(realm_a, kBaseA);
    b->AddBase(realm_b, kBaseB);
    world.Run(milliseconds(500));
    a->Start();
    world.Run(skew);
    b->Start();
  }

  [[nodiscard]] bool are_connected() const {
    return a->is_connected() && b->is_connected();
  }

  /// Both selected one and the same 5-tuple.
  [[nodiscard]] bool agree() const {
    const auto of_a = a->agent().selected();
    const auto of_b = b->agent().selected();
    return of_a && of_b && of_a->local_mapped == of_b->remote &&
           of_b->local_mapped == of_a->remote;
  }

  sim::SimWorld world;
  sim::SimStunServer server;
  std::unique_ptr<IceHost> a;
  std::unique_ptr<IceHost> b;
  SimNetwork::RealmId realm_a = 0;
  SimNetwork::RealmId realm_b = 0;
};

void ExpectPunchTable(const AgentConfig& config, uint64_t seeds,
                      Duration limit) {
  for (size_t row = 0; row < 9; ++row) {
    for (size_t column = 0; column < 9; ++column) {
      for (uint64_t seed = 1; seed <= seeds; ++seed) {
        SCOPED_TRACE(NameOf(row) + " x " + NameOf(column) + " seed " +
                     std::to_string(seed));
        Pair pair(BehaviorOf(row), BehaviorOf(column), config, seed);
        pair.world.network().SetDelay(SimNetwork::kInternet,
                                      milliseconds(5 + 20 * (seed % 4)));
        pair.Start(milliseconds(seed % 3 * 130));
        pair.world.Run(limit, [&] { return pair.agree(); });
        const bool expected = kPunchTable[row][column] == 'Y';
        EXPECT_EQ(pair.agree(), expected);
        if (!expected) {
          EXPECT_FALSE(pair.a->is_connected());
          EXPECT_FALSE(pair.b->is_connected());
        }
      }
    }
  }
}

TEST(IcePunch, MeshConnectsExactlyWhereTheTableSaysSo) {
  ExpectPunchTable(AgentConfig::Mesh(Role::kControlling), 8, seconds(15));
}

TEST(IcePunch, Rfc8445ConnectsExactlyWhereTheTableSaysSo) {
  ExpectPunchTable(AgentConfig{}, 4, seconds(45));
}

TEST(IcePunch, ConnectsWithinThreeRoundTripsAnd100Ms) {
  for (const AgentConfig& config :
       {AgentConfig::Mesh(Role::kControlling), AgentConfig{}}) {
    for (uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(seed);
      Pair pair({}, {}, config, seed);
      pair.Start();
      const Instant start = pair.world.now() + milliseconds(30);
      ASSERT_TRUE(
          pair.world.Run(seconds(5), [&] { return pair.are_connected(); }));
      const Duration took = pair.world.now() - start;
      EXPECT_LE(took, milliseconds(250));
    }
  }
}

/// How long pairs of all mappings that do not depend on endpoints took, from
/// when both sides knew the other's candidates.
std::vector<Duration> GridTimes(Duration one_way, double loss,
                                Duration signalling, uint64_t seeds) {
  std::vector<Duration> times;
  for (size_t row = 0; row < 3; ++row) {
    for (size_t column = 0; column < 3; ++column) {
      for (uint64_t seed = 1; seed <= seeds; ++seed) {
        Pair pair(BehaviorOf(row), BehaviorOf(column),
                  AgentConfig::Mesh(Role::kControlling), seed);
        pair.a->Connect(*pair.b, signalling);
        pair.b->Connect(*pair.a, signalling);
        pair.world.network().SetLoss(loss);
        pair.world.network().SetDelay(SimNetwork::kInternet, one_way);
        // Both may begin up to a one-way trip of the signals apart.
        pair.Start(signalling * static_cast<int64_t>(seed % 5) / 4);
        const bool is_direct =
            pair.world.Run(seconds(10), [&] { return pair.are_connected(); });
        EXPECT_TRUE(is_direct);
        const auto from = std::max(pair.a->started_at(), pair.b->started_at());
        times.push_back(pair.world.now() - *from);
      }
    }
  }
  std::ranges::sort(times);
  return times;
}

Duration Percentile95(const std::vector<Duration>& sorted) {
  return sorted[sorted.size() * 95 / 100];
}

TEST(IcePunch, TheGridIsDirectWithinThreeRoundTripsAnd100Ms) {
  for (const auto one_way : {5, 25, 60, 150}) {
    for (const auto signalling : {10, 40, 120}) {
      SCOPED_TRACE(testing::Message() << one_way << " " << signalling);
      const auto times =
          GridTimes(milliseconds(one_way), 0, milliseconds(signalling), 10);
      const Duration round_trip = milliseconds(2 * (one_way + 2));
      EXPECT_LE(Percentile95(times), 3 * round_trip + milliseconds(100));
    }
  }
}

TEST(IcePunch, TheGridIsDirectWithinTwoSecondsAtFivePercentLoss) {
  for (const auto one_way : {5, 25, 60, 150}) {
    SCOPED_TRACE(one_way);
    const auto times =
        GridTimes(milliseconds(one_way), 0.05, milliseconds(40), 30);
    EXPECT_LE(Percentile95(times), seconds(2));
    EXPECT_LE(times.back(), seconds(2));
  }
}

TEST(IcePunch, ConnectsOnOneLanWithin150Ms) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Pair pair({}, {}, AgentConfig::Mesh(Role::kControlling), seed);
    pair.realm_b = pair.realm_a;
    pair.Start();
    const Instant start = pair.world.now() + milliseconds(30);
    ASSERT_TRUE(
        pair.world.Run(seconds(5), [&] { return pair.are_connected(); }));
    EXPECT_LE(pair.world.now() - start, milliseconds(150));
    EXPECT_EQ(pair.a->agent().selected()->remote, kBaseB);
    EXPECT_EQ(pair.b->agent().selected()->remote, kBaseA);
  }
}

TEST(IcePunch, ConnectsWhenOneSideStartsSecondsLater) {
  for (const auto skew : {seconds(1), seconds(3), seconds(8)}) {
    Pair pair({}, {}, AgentConfig::Mesh(Role::kControlling), 7);
    pair.Start(skew);
    const Instant start = pair.world.now();
    ASSERT_TRUE(
        pair.world.Run(seconds(12), [&] { return pair.are_connected(); }));
    EXPECT_LE(pair.world.now() - start, seconds(2));
  }
}

TEST(IcePunch, KeepsTryingForTenSecondsWhileThePeerIsCutOff) {
  Pair pair({}, {}, AgentConfig::Mesh(Role::kControlling), 3);
  const IpAddress nat_a = IpAddress::V4(198, 51, 100, 1);
  const IpAddress nat_b = IpAddress::V4(198, 51, 100, 2);
  for (uint16_t i = 0; i < 2; ++i) {
    pair.world.network().Cut(i == 0 ? nat_a : nat_b, i == 0 ? nat_b : nat_a);
  }
  pair.Start();
  EXPECT_FALSE(
      pair.world.Run(seconds(8), [&] { return pair.are_connected(); }));
  pair.world.network().Mend();
  EXPECT_TRUE(pair.world.Run(seconds(3), [&] { return pair.are_connected(); }));
}

TEST(IcePunch, SurvivesFivePercentLoss) {
  for (const AgentConfig& config :
       {AgentConfig::Mesh(Role::kControlling), AgentConfig{}}) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      SCOPED_TRACE(seed);
      Pair pair({}, {}, config, seed);
      pair.world.network().SetLoss(0.05);
      pair.world.network().SetJitter(milliseconds(10));
      pair.Start();
      EXPECT_TRUE(pair.world.Run(seconds(10), [&] { return pair.agree(); }));
    }
  }
}

TEST(IcePunch, StaysConnectedForTenMinutesAtFivePercentLoss) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair({}, {}, AgentConfig::Mesh(Role::kControlling), seed);
    pair.world.network().SetLoss(0.05);
    pair.Start();
    ASSERT_TRUE(pair.world.Run(seconds(10), [&] { return pair.agree(); }));
    const size_t changes = pair.a->CountEvents<SelectedPairEvent>() +
                           pair.b->CountEvents<SelectedPairEvent>();
    pair.world.Run(std::chrono::minutes(10));
    EXPECT_TRUE(pair.agree());
    // Once in a long while three answers in a row are lost.
    EXPECT_LE(pair.a->CountEvents<SelectedPairEvent>() +
                  pair.b->CountEvents<SelectedPairEvent>() - changes,
              4U);
  }
}

TEST(IcePunch, ResolvesRoleConflicts) {
  for (const AgentConfig& config :
       {AgentConfig::Mesh(Role::kControlling), AgentConfig{}}) {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
      for (const Role role : {Role::kControlling, Role::kControlled}) {
        SCOPED_TRACE(seed);
        Pair pair({}, {}, config, seed, role, role);
        pair.Start();
        ASSERT_TRUE(pair.world.Run(seconds(10), [&] { return pair.agree(); }));
        EXPECT_NE(pair.a->agent().role(), pair.b->agent().role());
      }
    }
  }
}

TEST(IcePunch, PunchesThroughTwoLayersOfNat) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Pair pair({}, {}, AgentConfig::Mesh(Role::kControlling), seed);
    // Home router behind a carrier-grade NAT.
    pair.realm_a = pair.world.network().AddNat(
        pair.realm_a, IpAddress::V4(100, 64, 0, 9), NatBehavior{});
    pair.Start();
    EXPECT_TRUE(pair.world.Run(seconds(5), [&] { return pair.agree(); }));
  }
}

TEST(IcePunch, PunchesThroughPlainFirewalls) {
  const NatBehavior firewall{.translates = false};
  Pair pair(firewall, firewall, AgentConfig::Mesh(Role::kControlling), 1);
  pair.Start();
  EXPECT_TRUE(pair.world.Run(seconds(5), [&] { return pair.agree(); }));
}

TEST(IcePunch, ConnectsThroughAHairpin) {
  // Two homes behind one carrier-grade NAT meet at its external address.
  for (const bool hairpin : {false, true}) {
    Pair pair({}, {}, AgentConfig::Mesh(Role::kControlling), 5);
    auto& network = pair.world.network();
    const auto cgn = network.AddNat(
        SimNetwork::kInternet, IpAddress::V4(198, 51, 100, 3),
        {.filtering = Dependence::kEndpointIndependent, .hairpin = hairpin});
    pair.realm_a =
        network.AddNat(cgn, IpAddress::V4(100, 64, 0, 1), NatBehavior{});
    pair.realm_b =
        network.AddNat(cgn, IpAddress::V4(100, 64, 0, 2), NatBehavior{});
    pair.Start();
    EXPECT_EQ(pair.world.Run(seconds(12), [&] { return pair.agree(); }),
              hairpin);
  }
}

TEST(IcePunch, BlockedUdpEndsInFailure) {
  Pair pair({}, {}, AgentConfig::Mesh(Role::kControlling), 5);
  pair.world.network().SetUdpBlocked(pair.b->id(), true);
  pair.Start();
  EXPECT_TRUE(pair.world.Run(seconds(30), [&] {
    return pair.a->agent().state() == AgentState::kFailed &&
           pair.b->agent().state() == AgentState::kFailed;
  }));
}

}  // namespace
}  // namespace natkit::ice
