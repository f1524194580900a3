// Idle paths through NATs of several lifetimes: they live, and cost little.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "natkit/nat/keepalive_policy.h"
#include "sim_ice_host.h"
#include "sim_network.h"
#include "sim_stun_server.h"

namespace natkit::ice {
namespace {

using nat::PowerMode;
using sim::NatBehavior;
using sim::SimNetwork;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr IpAddress kServerAddress = IpAddress::V4(203, 0, 113, 1);
constexpr Endpoint kBaseA{.address = IpAddress::V4(10, 1, 0, 2), .port = 4001};
constexpr Endpoint kBaseB{.address = IpAddress::V4(10, 2, 0, 2), .port = 4002};

/// A side: what its NAT does, and what its agent believes.
struct Side {
  Duration lifetime;
  PowerMode power = PowerMode::kBattery;
  bool is_measured = true;
};

/// Two mesh hosts behind port-restricted NATs, connected and then without data.
class IdlePair {
 public:
  IdlePair(const Side& side_a, const Side& side_b, double loss, uint64_t seed)
      : world_(seed),
        server_(world_, kServerAddress),
        a(world_, ConfigOf(side_a, Role::kControlling), seed * 2),
        b(world_, ConfigOf(side_b, Role::kControlled), seed * 2 + 1) {
    a.Connect(b, milliseconds(30));
    b.Connect(a, milliseconds(30));
    auto& network = world_.network();
    network.SetLoss(loss);
    a.AddBase(AddNat(1, side_a), kBaseA);
    b.AddBase(AddNat(2, side_b), kBaseB);
    a.Start();
    b.Start();
    EXPECT_TRUE(world_.Run(
        seconds(10), [this] { return a.is_connected() && b.is_connected(); }));
    world_.Run(seconds(60));
  }

  void Run(Duration time) { world_.Run(time); }

  /// Packets of both sides, sent from now on.
  [[nodiscard]] uint64_t packets() const { return Sent(a) + Sent(b); }

  [[nodiscard]] size_t changes() const {
    return a.CountEvents<SelectedPairEvent>() +
           b.CountEvents<SelectedPairEvent>();
  }

 private:
  static AgentConfig ConfigOf(const Side& side, Role role) {
    AgentConfig config = AgentConfig::Mesh(role);
    config.rest_after = seconds(15);
    config.stun_servers = {{.address = kServerAddress, .port = 3478}};
    nat::NatTraits traits;
    if (side.is_measured) {
      traits.unreplied_lifetime = traits.assured_lifetime = side.lifetime;
    }
    config.keepalive.SetPower(side.power);
    config.keepalive.SetTraits(traits);
    return config;
  }

  SimNetwork::RealmId AddNat(uint8_t number, const Side& side) {
    NatBehavior behavior;
    behavior.lifetime = side.lifetime;
    return world_.network().AddNat(
        SimNetwork::kInternet, IpAddress::V4(198, 51, 100, number), behavior);
  }

  static uint64_t Sent(const IceHost& host) {
    const AgentCounters& counters = host.agent().counters();
    return counters.checks_sent + counters.retransmits +
           counters.consent_checks_sent + counters.probes_sent +
           counters.keepalives_sent + counters.requests_answered;
  }

  sim::SimWorld world_;
  sim::SimStunServer server_;

 public:
  IceHost a;
  IceHost b;
};

constexpr auto kTime = hours(6);
/// What two sides send that do so each 15 s (RFC 8445 section 11).
constexpr auto kFixed = uint64_t{2 * (kTime / seconds(15))};

uint64_t ExpectedAtMost(Duration interval) {
  // A request and an answer each; jitter takes up to a tenth.
  return static_cast<uint64_t>(2 * (kTime / (interval * 9 / 10)) + 2);
}

TEST(IceKeepalive, IdlePathsLiveAsLongAsNatsOfAnyLifetimeLet) {
  struct Case {
    seconds lifetime;
    seconds interval;
  };

  for (const Case& c :
       {Case{seconds(30), seconds(19)}, Case{seconds(120), seconds(91)},
        Case{seconds(300), seconds(110)}}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      IdlePair pair({c.lifetime}, {c.lifetime}, 0, seed);
      const uint64_t before = pair.packets();
      pair.Run(kTime);
      EXPECT_EQ(pair.changes(), 2U) << "selected once by each side";
      const uint64_t packets = pair.packets() - before;
      EXPECT_LE(packets, ExpectedAtMost(c.interval));
      EXPECT_LT(packets, kFixed * 9 / 10);
      RecordProperty("packets_per_hour_" + std::to_string(c.lifetime.count()),
                     std::to_string(packets / 6));
    }
  }
}

TEST(IceKeepalive, TheShorterLifetimeSetsThePaceForBoth) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    IdlePair pair({seconds(300)}, {seconds(30)}, 0, seed);
    const uint64_t before = pair.packets();
    const uint64_t before_a = pair.a.agent().counters().keepalives_sent;
    pair.Run(kTime);
    EXPECT_EQ(pair.changes(), 2U);
    EXPECT_LE(pair.packets() - before, ExpectedAtMost(seconds(19)));
    EXPECT_EQ(pair.a.agent().counters().keepalives_sent, before_a);
  }
}

TEST(IceKeepalive, UnmeasuredNatsGetNoWorseThanTheFloorOfIce) {
  for (const auto lifetime : {seconds(30), seconds(120)}) {
    IdlePair pair({lifetime, PowerMode::kMains, false},
                  {lifetime, PowerMode::kMains, false}, 0, 3);
    const uint64_t before = pair.packets();
    pair.Run(kTime);
    EXPECT_EQ(pair.changes(), 2U);
    EXPECT_LE(pair.packets() - before, kFixed * 11 / 10);
  }
}

TEST(IceKeepalive, FivePercentLossEndsNoPath) {
  for (const auto lifetime : {seconds(30), seconds(120), seconds(300)}) {
    for (uint64_t seed = 1; seed <= 3; ++seed) {
      IdlePair pair({lifetime}, {lifetime}, 0.05, seed);
      const size_t before = pair.changes();
      pair.Run(kTime);
      EXPECT_EQ(pair.changes(), before);
    }
  }
}

TEST(IceKeepalive, AWrongMeasurementIsLearntFrom) {
  // The NAT forgets after 60 s, but 300 s were measured: on another network.
  IdlePair pair({seconds(60), PowerMode::kBattery, false},
                {seconds(600), PowerMode::kBattery}, 0, 1);
  nat::NatTraits wrong;
  wrong.assured_lifetime = seconds(300);
  nat::KeepalivePolicy policy;
  policy.SetPower(PowerMode::kBattery);
  policy.SetTraits(wrong);
  pair.a.SetKeepalive(policy);
  pair.Run(hours(1));
  const size_t changes = pair.changes();
  pair.Run(hours(4));
  EXPECT_EQ(pair.changes(), changes);
  EXPECT_LE(*pair.a.agent().keepalive().Interval(true), seconds(60));
}

TEST(IceKeepalive, AnIdlePhoneSleepsAndComesBackWithTheNextData) {
  IdlePair pair({seconds(120), PowerMode::kMobileIdle},
                {seconds(120), PowerMode::kMobileIdle}, 0, 1);
  const uint64_t before = pair.packets();
  pair.Run(seconds(60));
  EXPECT_EQ(pair.packets(), before);
  pair.a.NoteData();
  EXPECT_TRUE(pair.a.agent().is_suspect());
  pair.Run(milliseconds(120));
  EXPECT_FALSE(pair.a.agent().is_suspect()) << "the mappings lived on";

  pair.Run(hours(2));
  pair.a.NoteData();
  EXPECT_TRUE(pair.a.agent().is_suspect());
  pair.Run(milliseconds(3100));
  EXPECT_FALSE(pair.a.is_connected());
  pair.a.Restart();
  pair.Run(seconds(1));
  EXPECT_TRUE(pair.a.is_connected());
  EXPECT_TRUE(pair.b.is_connected());
}

}  // namespace
}  // namespace natkit::ice
