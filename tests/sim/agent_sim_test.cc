// Agents through simulated NATs: nat.md's pairs, with and without a relay.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "agent_world.h"

namespace natkit::mesh {
namespace {

using sim::Dependence;
using std::chrono::milliseconds;
using std::chrono::seconds;

sim::NatBehavior Cone() {
  return {.mapping = Dependence::kEndpointIndependent,
          .filtering = Dependence::kAddressAndPortDependent};
}

sim::NatBehavior Symmetric() {
  return {.mapping = Dependence::kAddressAndPortDependent,
          .filtering = Dependence::kAddressAndPortDependent};
}

/// Sends a numbered datagram each way every 20 ms; returns how many of those of
/// "a" did not arrive, and checks that none arrived twice.
int Exchange(AgentWorld& world, AgentId at_a, AgentId at_b, Duration length) {
  static int number = 0;
  const int first = number;
  for (Duration sent{}; sent < length; sent += milliseconds(20)) {
    ++number;
    (void)world.a.Send(at_a, "a" + std::to_string(number));
    (void)world.b.Send(at_b, "b" + std::to_string(number));
    world.Run(milliseconds(20));
  }
  world.Run(milliseconds(500));
  int lost = 0;
  for (int i = first + 1; i <= number; ++i) {
    const auto found = world.b.arrived().find({at_b, "a" + std::to_string(i)});
    const int count = found == world.b.arrived().end() ? 0 : found->second;
    EXPECT_LE(count, 1) << "datagram " << i << " came twice";
    lost += count == 0 ? 1 : 0;
  }
  return lost;
}

TEST(AgentHub, TalksOverTheRelayAtOnceAndMovesToADirectPath) {
  AgentWorld world(Cone(), Cone(), 1);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  EXPECT_EQ(world.b.KindOf(at_b), PathKind::kDirect);
  EXPECT_EQ(world.a.hub().State(at_a), ConnectionState::kConnected);
  const auto paths = world.a.EventsOf<AgentPathChanged>();
  ASSERT_EQ(paths.size(), 2U);
  EXPECT_EQ(paths[0].path.kind, PathKind::kRelay);
  EXPECT_EQ(paths[0].path.relay, "relay-0");
  EXPECT_EQ(paths[1].path.kind, PathKind::kDirect);
  EXPECT_EQ(paths[1].path.remote->address, *IpAddress::Parse("203.0.113.2"));
  EXPECT_FALSE(world.a.EventsOf<AgentRttChanged>().empty());
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(10)), 0);
}

TEST(AgentHub, TheOwnerMayCarryTheDescriptions) {
  AgentWorld world(Cone(), Cone(), 2, /*has_relay=*/false);
  world.StartBoth();
  const AgentId at_a = world.a.Add({});
  const AgentId at_b = world.b.Add({.role = ice::Role::kControlled});
  EXPECT_EQ(world.a.hub().State(at_a), ConnectionState::kNew);
  world.Run(seconds(4));  // what STUN servers see is in the text then
  ASSERT_TRUE(world.a.EventsOf<AgentDescriptionChanged>().back().is_complete);
  EXPECT_TRUE(world.b.Tell(at_b, world.a.Describe(at_a)));
  EXPECT_EQ(world.b.hub().State(at_b), ConnectionState::kConnecting);
  EXPECT_TRUE(world.a.Tell(at_a, world.b.Describe(at_b)));
  world.Run(seconds(5));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(2)), 0);
}

TEST(AgentHub, ARelayInTheDescriptionIsUsed) {
  AgentWorld world(Symmetric(), Symmetric(), 3);
  world.StartBoth();
  const AgentId at_a = world.a.Add({});
  const AgentId at_b = world.b.Add({});
  world.Run(seconds(4));
  EXPECT_TRUE(world.b.Tell(at_b, world.a.Describe(at_a)));
  EXPECT_TRUE(world.a.Tell(at_a, world.b.Describe(at_b)));
  world.Run(seconds(5));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(2)), 0);
}

TEST(AgentHub, SaysWhyThereIsNoDirectPath) {
  AgentWorld world(Symmetric(), Symmetric(), 4);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(12));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(2)), 0);
  const auto reasons = world.a.EventsOf<AgentDiagnosisChanged>();
  ASSERT_FALSE(reasons.empty());
  EXPECT_EQ(reasons.back().reason, nat::PathReason::kNatPair);
  const auto why = world.a.hub().Explain(world.world_.now(), at_a);
  ASSERT_TRUE(why);
  EXPECT_FALSE(why->fixes.empty());
  for (const nat::Fix& fix : why->fixes) {
    EXPECT_NE(fix.code, nat::FixCode::kAllowHardPunch);
  }
}

TEST(AgentHub, FailsAfterHalfAMinuteWithoutAnyPath) {
  AgentWorld world(Symmetric(), Symmetric(), 5, /*has_relay=*/false);
  world.StartBoth();
  const AgentId at_a = world.a.Add({});
  const AgentId at_b = world.b.Add({});
  world.Run(seconds(4));
  EXPECT_TRUE(world.b.Tell(at_b, world.a.Describe(at_a)));
  EXPECT_TRUE(world.a.Tell(at_a, world.b.Describe(at_b)));
  world.Run(seconds(29));
  EXPECT_EQ(world.a.hub().State(at_a), ConnectionState::kConnecting);
  EXPECT_FALSE(world.a.Send(at_a, "nowhere"));
  world.Run(seconds(2));
  EXPECT_EQ(world.a.hub().State(at_a), ConnectionState::kFailed);
}

TEST(AgentHub, FallsBackToTheRelayAndReturns) {
  AgentWorld world(Cone(), Cone(), 6);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  world.world_.network().Cut(*IpAddress::Parse("203.0.113.1"),
                             *IpAddress::Parse("203.0.113.2"));
  world.world_.network().Cut(*IpAddress::Parse("203.0.113.2"),
                             *IpAddress::Parse("203.0.113.1"));
  // Data notice: a silent path is suspect after 1.8 s.
  EXPECT_LE(Exchange(world, at_a, at_b, seconds(10)), 150);
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(2)), 0);
  world.world_.network().Mend();
  world.Run(seconds(120));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  EXPECT_EQ(world.b.KindOf(at_b), PathKind::kDirect);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(2)), 0);
}

TEST(AgentHub, ADirectPathOutlivesTheRelay) {
  AgentWorld world(Cone(), Cone(), 7);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  world.relay_.SetUp(world.world_.now(), false);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(60)), 0);
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  const auto relays = world.a.EventsOf<HubRelayChanged>();
  ASSERT_FALSE(relays.empty());
  EXPECT_FALSE(relays.back().is_up);
}

TEST(AgentHub, AProcessThatStartsAnewIsFoundAgain) {
  AgentWorld world(Cone(), Symmetric(), 8);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_NE(world.a.KindOf(at_a), PathKind::kNone);
  world.b.Start(AgentWorld::servers());
  const AgentId again = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(10));
  EXPECT_EQ(Exchange(world, at_a, again, seconds(2)), 0);
  EXPECT_EQ(world.a.KindOf(at_a), world.b.KindOf(again));
}

TEST(AgentHub, RoamsWithoutTheOwnersHelp) {
  AgentWorld world(Cone(), Cone(), 9);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  const auto realm = world.world_.network().AddNat(
      0, *IpAddress::Parse("203.0.113.9"), Cone());
  world.a.ReplaceBase(realm, "10.0.0.2:4000");
  world.Run(seconds(10));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  EXPECT_EQ(world.b.hub().CurrentPath(at_b)->remote->address,
            *IpAddress::Parse("203.0.113.9"));
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(2)), 0);
}

TEST(AgentHub, ManyAgentsShareOneSocketAndOneRelay) {
  AgentWorld world(Cone(), Cone(), 10);
  world.StartBoth();
  constexpr int kPeers = 40;
  std::vector<std::unique_ptr<AgentHost>> peers;
  std::vector<AgentId> here;
  std::vector<AgentId> there;
  for (int i = 0; i < kPeers; ++i) {
    peers.push_back(std::make_unique<AgentHost>(
        world.world_, std::vector<SimRelay*>{&world.relay_},
        static_cast<uint64_t>(100 + i)));
    const auto realm = world.world_.network().AddNat(
        0, IpAddress::V4(203, 0, 114, static_cast<uint8_t>(i + 1)), Cone());
    peers.back()->AddBase(realm, "192.168.1.2:4000");
    peers.back()->Start(AgentWorld::servers());
    here.push_back(world.a.Add({.peer = peers.back()->key()}));
    there.push_back(peers.back()->Add({.peer = world.a.key()}));
  }
  world.Run(seconds(10));
  for (size_t i = 0; i < kPeers; ++i) {
    EXPECT_EQ(world.a.KindOf(here[i]), PathKind::kDirect) << i;
    EXPECT_TRUE(peers[i]->Send(there[i], "from " + std::to_string(i)));
  }
  world.Run(seconds(1));
  for (size_t i = 0; i < kPeers; ++i) {
    const auto found =
        world.a.arrived().find({here[i], "from " + std::to_string(i)});
    ASSERT_NE(found, world.a.arrived().end()) << i;
    EXPECT_EQ(found->second, 1);
  }
}

TEST(AgentHub, WithoutAgentsThereIsNothingToDo) {
  AgentWorld world(Cone(), Cone(), 11);
  world.StartBoth();
  EXPECT_EQ(world.a.hub().NextTimeout(), std::nullopt);
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  EXPECT_TRUE(world.a.Do(
      [&](AgentHub& hub, Instant now) { return hub.Remove(now, at_a); }));
  EXPECT_EQ(world.a.hub().NextTimeout(), std::nullopt);
  EXPECT_EQ(world.a.hub().agent_count(), 0U);
  EXPECT_FALSE(world.a.Do(
      [&](AgentHub& hub, Instant now) { return hub.Remove(now, at_a); }));
  EXPECT_EQ(world.a.hub().CurrentPath(at_a).error().code, Errc::kNotFound);
  // It begins again with the next one.
  const AgentId next = world.a.Add({.peer = world.b.key()});
  EXPECT_NE(next, at_a);
  world.Run(seconds(20));
  EXPECT_EQ(world.a.KindOf(next), PathKind::kDirect);
}

TEST(AgentHub, RefusesWhatCannotBe) {
  AgentWorld world(Cone(), Cone(), 12);
  world.StartBoth();
  const Instant now = world.world_.now();
  AgentHub& hub = world.a.hub();
  EXPECT_EQ(hub.Add(now, {.peer = world.a.key()}).error().code,
            Errc::kBadValue);
  EXPECT_EQ(hub.Add(now, {.peer = PublicKey{}}).error().code, Errc::kBadValue);
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  EXPECT_EQ(hub.Add(now, {.peer = world.b.key()}).error().code,
            Errc::kAlreadyExists);
  EXPECT_EQ(hub.SetRemoteDescription(now, at_a + 1, {}).error().code,
            Errc::kNotFound);
  AgentDescription only_candidates;
  only_candidates.candidates.resize(1);
  EXPECT_EQ(hub.SetRemoteDescription(now, at_a, only_candidates).error().code,
            Errc::kInvalidState);
  // Our own description comes back by mistake.
  const AgentId other = world.a.Add({});
  EXPECT_EQ(world.a.Tell(other, world.a.Describe(other)).error().code,
            Errc::kBadValue);
  EXPECT_EQ(hub.Route(now, other, {}).error().code, Errc::kInvalidState);
  EXPECT_EQ(hub.SendRelayed(now, other, {}).error().code, Errc::kInvalidState);
}

TEST(AgentHub, RelaysHaveNamesOfTheirOwn) {
  AgentWorld world(Cone(), Cone(), 14);
  world.StartBoth();
  AgentHub& hub = world.a.hub();
  EXPECT_EQ(hub.AddRelay({.name = "relay-0"}).error().code,
            Errc::kAlreadyExists);
  EXPECT_EQ(hub.AddRelay({.name = ""}).error().code, Errc::kBadValue);
  EXPECT_EQ(hub.AddRelay({.name = "a b"}).error().code, Errc::kBadValue);
  EXPECT_EQ(hub.AddRelay({.name = std::string(256, 'a')}).error().code,
            Errc::kBadValue);
  world.a.Add({});
  EXPECT_EQ(hub.AddRelay({.name = "late"}).error().code, Errc::kInvalidState);
}

/// Carries descriptions between two agents over channels that keep their order
/// and take their time, telling them whenever they change and now and then.
class Carrier {
 public:
  Carrier(AgentWorld& world, uint64_t seed) : world_(world), rng_(seed) {}

  void Add(AgentHost& host) { sides_[IndexOf(host)].agent = host.Add({}); }

  /// The process is killed and started again; what is under way still arrives.
  void Restart(AgentHost& host) {
    host.Start(AgentWorld::servers());
    Add(host);
    // As a program does whose connection to the other is new.
    Tell(world_.a);
    Tell(world_.b);
  }

  void Tell(AgentHost& host) {
    Side& side = sides_[IndexOf(host)];
    const Instant at = std::max(
        side.last_arrival, world_.world_.now() + milliseconds(rng_.Below(60)));
    side.last_arrival = at;
    side.under_way.push_back({at, host.Describe(side.agent)});
    ++told_;
  }

  void Run(Duration length) {
    for (Duration ran{}; ran < length; ran += milliseconds(10)) {
      Deliver(world_.a, world_.b);
      Deliver(world_.b, world_.a);
      TellChanges(world_.a);
      TellChanges(world_.b);
      world_.Run(milliseconds(10));
    }
  }

  [[nodiscard]] uint64_t told() const { return told_; }

  [[nodiscard]] AgentId agent(const AgentHost& host) const {
    return sides_[IndexOf(host)].agent;
  }

 private:
  struct Side {
    AgentId agent = 0;
    size_t events_seen = 0;
    Instant last_arrival{};
    std::deque<std::pair<Instant, std::string>> under_way;
  };

  [[nodiscard]] size_t IndexOf(const AgentHost& host) const {
    return &host == &world_.a ? 0 : 1;
  }

  void TellChanges(AgentHost& host) {
    Side& side = sides_[IndexOf(host)];
    bool has_changed = false;
    for (; side.events_seen < host.events().size(); ++side.events_seen) {
      has_changed =
          has_changed || std::holds_alternative<AgentDescriptionChanged>(
                             host.events()[side.events_seen]);
    }
    if (has_changed) {
      Tell(host);
    }
  }

  void Deliver(const AgentHost& from, AgentHost& to) {
    Side& side = sides_[IndexOf(from)];
    while (!side.under_way.empty() &&
           side.under_way.front().first <= world_.world_.now()) {
      (void)to.Tell(sides_[IndexOf(to)].agent, side.under_way.front().second);
      side.under_way.pop_front();
    }
  }

  AgentWorld& world_;
  SeededRng rng_;
  std::array<Side, 2> sides_;
  uint64_t told_ = 0;
};

TEST(AgentHub, DescriptionsThatCrossAtARestartSettle) {
  AgentWorld world(Cone(), Cone(), 20, /*has_relay=*/false);
  world.StartBoth();
  Carrier carrier(world, 20);
  carrier.Add(world.a);
  carrier.Add(world.b);
  carrier.Run(seconds(8));
  ASSERT_EQ(world.a.KindOf(carrier.agent(world.a)), PathKind::kDirect);
  const uint64_t before = carrier.told();
  carrier.Restart(world.b);
  carrier.Run(seconds(10));
  EXPECT_LE(carrier.told() - before, 20U);
  EXPECT_EQ(Exchange(world, carrier.agent(world.a), carrier.agent(world.b),
                     seconds(1)),
            0);
}

TEST(AgentHub, RestartsInAnyOrderSettle) {
  for (uint64_t seed = 100; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    AgentWorld world(Cone(), Cone(), seed, /*has_relay=*/false);
    world.StartBoth();
    Carrier carrier(world, seed);
    carrier.Add(world.a);
    carrier.Add(world.b);
    SeededRng rng(seed);
    for (int i = 0; i < 12; ++i) {
      AgentHost& host = rng.Below(2) == 0 ? world.a : world.b;
      switch (rng.Below(4)) {
        case 0:
          carrier.Restart(host);
          break;
        case 1:
          (void)host.Do([&](AgentHub& hub, Instant now) {
            return hub.Restart(now, carrier.agent(host));
          });
          break;
        case 2:
          carrier.Tell(host);
          break;
        default:
          carrier.Run(milliseconds(rng.Below(300)));
      }
    }
    const uint64_t before = carrier.told();
    carrier.Run(seconds(10));
    EXPECT_LE(carrier.told() - before, 40U);
    ASSERT_EQ(world.a.KindOf(carrier.agent(world.a)), PathKind::kDirect);
    ASSERT_EQ(world.b.KindOf(carrier.agent(world.b)), PathKind::kDirect);
    ASSERT_EQ(Exchange(world, carrier.agent(world.a), carrier.agent(world.b),
                       milliseconds(200)),
              0);
  }
}

TEST(AgentHub, AnOwnerWhoNeverPollsLosesTheOldestEvents) {
  SeededRng rng(15);
  AgentHub hub({.private_key = GeneratePrivateKey(rng)}, rng);
  const auto agent = hub.Add(Instant{}, {});
  ASSERT_TRUE(agent);
  constexpr uint64_t kKept = 65536;
  constexpr uint64_t kMore = 10;
  for (uint64_t i = 0; i < kKept + kMore; ++i) {
    ASSERT_TRUE(hub.Restart(Instant{}, *agent));
  }
  EXPECT_GE(hub.counters().events_lost, kMore);
  uint64_t polled = 0;
  while (hub.PollEvent()) {
    ++polled;
  }
  EXPECT_EQ(polled, kKept);
  EXPECT_FALSE(hub.has_events());
}

TEST(AgentHub, EventsOfAnAgentGoWithIt) {
  SeededRng rng(21);
  AgentHub hub({.private_key = GeneratePrivateKey(rng)}, rng);
  const auto first = hub.Add(Instant{}, {});
  const auto second = hub.Add(Instant{}, {});
  const auto third = hub.Add(Instant{}, {});
  ASSERT_TRUE(first && second && third);
  EXPECT_TRUE(hub.Remove(Instant{}, *first));
  EXPECT_TRUE(hub.Remove(Instant{}, *third));
  ASSERT_TRUE(hub.has_events());
  while (hub.has_events()) {
    const auto event = hub.PollEvent();
    ASSERT_TRUE(event);
    std::visit(
        [&](const auto& body) {
          if constexpr (requires { body.agent; }) {
            EXPECT_EQ(body.agent, *second);
          }
        },
        *event);
  }
  EXPECT_FALSE(hub.PollEvent());
  EXPECT_TRUE(hub.Remove(Instant{}, *second));
  EXPECT_FALSE(hub.has_events());
}

/// Runs until `done`, for at most `limit`.
bool RunUntil(AgentWorld& world, Duration limit, auto done) {
  for (Duration ran{}; ran < limit && !done(); ran += milliseconds(100)) {
    world.Run(milliseconds(100));
  }
  return done();
}

TEST(AgentHub, AnAddressThatANatGivesToAnotherPeerIsThatPeers) {
  AgentWorld world(Cone(), Cone(), 22);
  world.StartBoth();
  std::array<std::unique_ptr<AgentHost>, 2> peers;
  std::array<AgentId, 2> here{};
  std::array<AgentId, 2> there{};
  for (size_t i = 0; i < peers.size(); ++i) {
    peers[i] = std::make_unique<AgentHost>(
        world.world_, std::vector<SimRelay*>{&world.relay_}, 100 + i);
    peers[i]->AddBase(0, "203.0.113.77:4000");
    peers[i]->Start(AgentWorld::servers());
    here[i] = world.a.Add({.peer = peers[i]->key()});
    there[i] = peers[i]->Add({.peer = world.a.key()});
    ASSERT_TRUE(RunUntil(world, seconds(20), [&] {
      return peers[i]->KindOf(there[i]) == PathKind::kDirect &&
             world.a.KindOf(here[i]) == PathKind::kDirect;
    }));
    EXPECT_TRUE(peers[i]->Send(there[i], "from " + std::to_string(i)));
    world.Run(seconds(1));
    EXPECT_TRUE(
        world.a.arrived().contains({here[i], "from " + std::to_string(i)}))
        << i;
    world.world_.network().RemoveAddress(peers[i]->id(),
                                         *IpAddress::Parse("203.0.113.77"));
  }
}

TEST(AgentHub, AFalseSourceTakesNobodysAddress) {
  AgentWorld world(Cone(), Cone(), 23);
  world.StartBoth();
  AgentHost other(world.world_, {&world.relay_}, 123);
  other.AddBase(0, "203.0.113.77:4000");
  other.Start(AgentWorld::servers());
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  const Path path = *world.a.hub().CurrentPath(at_a);
  ASSERT_EQ(path.kind, PathKind::kDirect);
  // What the other one sends comes as if it were from b.
  int forged = 0;
  world.world_.network().SetEater([&](auto host, ByteView payload) {
    const bool is_request = payload[0] == 0 && payload[1] == 1;
    if (host == other.id() && is_request) {
      const std::vector<uint8_t> copy(payload.begin(), payload.end());
      (void)world.a.hub().HandleDatagram(world.world_.now(), *path.local,
                                         *path.remote, copy);
      ++forged;
    }
    return host == other.id();
  });
  world.a.Add({.peer = other.key()});
  other.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  EXPECT_GT(forged, 10);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(1)), 0);
  EXPECT_TRUE(world.b.Send(at_b, "still b"));
  world.Run(seconds(1));
  EXPECT_TRUE(world.a.arrived().contains({at_a, "still b"}));
}

TEST(AgentHub, ARelayThatIsLeftIsSaidToBeDown) {
  AgentWorld world(Cone(), Cone(), 24);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.Run(seconds(2));
  ASSERT_TRUE(world.a.EventsOf<HubRelayChanged>().back().is_up);
  EXPECT_TRUE(world.a.Do(
      [&](AgentHub& hub, Instant now) { return hub.Remove(now, at_a); }));
  const HubRelayChanged last = world.a.EventsOf<HubRelayChanged>().back();
  EXPECT_FALSE(last.is_up);
  EXPECT_EQ(last.relay, 0U);
  EXPECT_FALSE(last.reason.empty());
}

TEST(AgentHub, ADescriptionIsNotCompleteWhileServersAreAskedAnew) {
  AgentWorld world(Cone(), Cone(), 25);
  world.a.Start({});
  const AgentId at_a = world.a.Add({});
  world.Run(seconds(1));
  ASSERT_TRUE(world.a.EventsOf<AgentDescriptionChanged>().back().is_complete);
  const auto is_complete = [&] {
    return world.a.hub().LocalDescription(at_a)->end_of_candidates;
  };
  const auto set_servers = [&](std::vector<Endpoint> servers) {
    (void)world.a.Do([&](AgentHub& hub, Instant now) {
      hub.SetStunServers(now, servers);
      return true;
    });
  };
  // Servers that the owner learnt late.
  set_servers(AgentWorld::servers());
  EXPECT_FALSE(is_complete());
  world.Run(seconds(4));
  EXPECT_TRUE(is_complete());
  EXPECT_TRUE(world.a.EventsOf<AgentDescriptionChanged>().back().is_complete);
  EXPECT_NE(world.a.Describe(at_a).find("203.0.113.1"), std::string::npos);
  set_servers(AgentWorld::servers());  // the same again: nothing to learn
  EXPECT_TRUE(is_complete());
  // Another network.
  const auto realm = world.world_.network().AddNat(
      0, *IpAddress::Parse("203.0.113.9"), Cone());
  world.a.ReplaceBase(realm, "10.0.0.2:4000");
  EXPECT_FALSE(is_complete());
  EXPECT_FALSE(world.a.EventsOf<AgentDescriptionChanged>().back().is_complete);
  world.Run(seconds(4));
  EXPECT_TRUE(is_complete());
  EXPECT_TRUE(world.a.EventsOf<AgentDescriptionChanged>().back().is_complete);
  EXPECT_NE(world.a.Describe(at_a).find("203.0.113.9"), std::string::npos);
  // None is left to wait for.
  set_servers({});
  world.Run(milliseconds(1));
  EXPECT_TRUE(is_complete());
}

TEST(AgentHub, APeerThatIsAwayCostsLittle) {
  AgentWorld world(Cone(), Cone(), 26);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.Run(seconds(1800));
  EXPECT_LT(world.a.relay_bytes(), 15000U);
  // It is connected at once when it comes.
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  EXPECT_EQ(world.b.KindOf(at_b), PathKind::kDirect);
}

TEST(AgentHub, ManyPeersAreOfferedAConnectionAtTheRelaysPace) {
  constexpr size_t kPeers = 300;  // more than wait for a relay's stream
  AgentWorld world(Cone(), Cone(), 27);
  std::vector<std::unique_ptr<AgentHost>> peers;
  for (size_t i = 0; i < kPeers; ++i) {
    peers.push_back(std::make_unique<AgentHost>(
        world.world_, std::vector<SimRelay*>{&world.relay_}, 1000 + i));
    peers.back()->Start({});
    peers.back()->Add({.peer = world.a.key()});
  }
  world.Run(seconds(8));  // they have asked, and will not so soon again
  world.a.Start({});
  std::vector<AgentId> here;
  for (const auto& peer : peers) {
    here.push_back(world.a.Add({.peer = peer->key()}));
  }
  world.Run(milliseconds(400));
  const auto connected = std::ranges::count_if(here, [&](AgentId agent) {
    return world.a.KindOf(agent) == PathKind::kRelay;
  });
  EXPECT_EQ(connected, static_cast<std::ptrdiff_t>(kPeers));
}

TEST(AgentHub, PathsAtRestServersAndRelaysAreCheckedWhenAsked) {
  AgentWorld world(Cone(), Cone(), 28);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(60));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  const std::string ufrag =
      world.b.hub().LocalDescription(at_b)->credentials->ufrag;
  int checks = 0;
  int others = 0;
  world.world_.network().SetEater([&](auto host, ByteView payload) {
    const bool names_b = AsText(payload).find(ufrag) != std::string_view::npos;
    checks += host == world.a.id() && names_b ? 1 : 0;
    others += host == world.a.id() && !names_b ? 1 : 0;
    return false;
  });
  world.Run(milliseconds(10));
  ASSERT_EQ(checks + others, 0);  // it rests
  world.relay_.Freeze(1);
  const auto check = [&](AgentHub& hub, Instant now) {
    hub.SetLocalEndpoints(now, {*Endpoint::Parse("192.168.1.2:4000")});
    hub.CheckNetwork(now);
    return true;
  };
  EXPECT_TRUE(world.a.Do(check));
  world.Run(milliseconds(10));
  EXPECT_GE(checks, 1);
  EXPECT_EQ(others, 2);  // both servers
  world.Run(seconds(13));
  checks = 0;
  world.Run(seconds(3));
  EXPECT_LE(checks, 1);  // it rests again
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  const auto relays = world.a.EventsOf<HubRelayChanged>();
  ASSERT_EQ(relays.size(), 3U);  // up, down, up
  EXPECT_FALSE(relays[1].is_up);
  EXPECT_TRUE(relays[2].is_up);
}

TEST(AgentHub, ACheckOfAPathThatWorksChangesNothing) {
  AgentWorld world(Cone(), Cone(), 29);
  world.a.Start({});
  EXPECT_TRUE(world.a.Do([&](AgentHub& hub, Instant now) {
    hub.CheckNetwork(now);
    return !hub.NextTimeout();
  }));
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  world.Run(seconds(60));
  const size_t before = world.a.EventsOf<AgentStateChanged>().size();
  (void)world.a.Do([&](AgentHub& hub, Instant now) {
    hub.CheckNetwork(now);
    return true;
  });
  world.Run(seconds(60));
  EXPECT_EQ(world.a.EventsOf<AgentStateChanged>().size(), before);
  EXPECT_EQ(world.a.EventsOf<HubRelayChanged>().size(), 1U);
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
}

TEST(AgentHub, IsTriedAgainThoughTheRelayWasAwayWhenItWasDue) {
  AgentWorld world(Symmetric(), Symmetric(), 30);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  world.relay_.SetUp(world.world_.now(), false);
  world.Run(seconds(15));  // a new session was due
  world.relay_.SetUp(world.world_.now(), true);
  world.Run(seconds(20));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  const auto ufrag = [&] {
    return world.a.hub().LocalDescription(at_a)->credentials->ufrag;
  };
  const std::string before = ufrag();
  world.Run(seconds(60));
  EXPECT_NE(ufrag(), before);
}

TEST(AgentHub, TwoRelaysAreNotTakenInTurns) {
  size_t changes = 0;
  for (uint64_t seed = 500; seed < 540; ++seed) {
    SCOPED_TRACE(seed);
    AgentWorld world(Symmetric(), Symmetric(), seed, /*has_relay=*/false);
    SimRelay second(world.world_, seed + 7);
    const std::vector<SimRelay*> relays{&world.relay_, &second};
    AgentHost a(world.world_, relays, seed + 8);
    AgentHost b(world.world_, relays, seed + 9);
    a.Start({});
    b.Start({});
    world.relay_.SetUp(world.world_.now(), false);
    const AgentId at_a = a.Add({.peer = b.key()});
    AgentId at_b = b.Add({.peer = a.key()});
    world.Run(seconds(1));
    ASSERT_EQ(a.KindOf(at_a), PathKind::kRelay);
    world.relay_.SetUp(world.world_.now(), true);
    world.Run(seconds(6));
    const auto talk = [&](Duration length) {
      for (Duration sent{}; sent < length; sent += milliseconds(10)) {
        (void)a.Send(at_a, "from a");
        (void)b.Send(at_b, "from b");
        world.Run(milliseconds(10));
      }
    };
    talk(milliseconds(seed));
    b.Start({});
    at_b = b.Add({.peer = a.key()});
    talk(seconds(2));
    const size_t before = a.EventsOf<AgentPathChanged>().size();
    talk(seconds(2));
    changes += a.EventsOf<AgentPathChanged>().size() - before;
    EXPECT_EQ(a.KindOf(at_a), PathKind::kRelay);
    EXPECT_EQ(b.KindOf(at_b), PathKind::kRelay);
  }
  EXPECT_EQ(changes, 0U);
}

TEST(AgentHub, APeerWhoseClockWasSetBackIsHeard) {
  for (const bool is_symmetric : {false, true}) {
    const auto nat = is_symmetric ? Symmetric() : Cone();
    AgentWorld world(nat, nat, 31);
    world.StartBoth();
    const AgentId at_a = world.a.Add({.peer = world.b.key()});
    world.b.Add({.peer = world.a.key()});
    world.Run(seconds(30));
    world.b.SetWallClock(std::chrono::hours(1));  // it has no battery
    world.b.Start(AgentWorld::servers());
    const AgentId again = world.b.Add({.peer = world.a.key()});
    world.Run(seconds(10));
    EXPECT_EQ(world.a.KindOf(at_a),
              is_symmetric ? PathKind::kRelay : PathKind::kDirect);
    EXPECT_EQ(Exchange(world, at_a, again, seconds(2)), 0);
  }
}

TEST(AgentHub, EmptyDatagramsPassARelay) {
  AgentWorld world(Symmetric(), Symmetric(), 32);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  EXPECT_TRUE(world.a.Send(at_a, ""));
  world.Run(seconds(1));
  EXPECT_TRUE(world.b.arrived().contains({at_b, ""}));
}

/// Counts the ICE checks that a host sends.
class CheckCounter {
 public:
  CheckCounter(AgentWorld& world, const AgentHost& host) : world_(world) {
    world.world_.network().SetEater(
        [this, id = host.id()](auto from, ByteView payload) {
          constexpr size_t kProbeSize = 40;  // those to STUN servers are small
          count_ += from == id && payload.size() > kProbeSize ? 1 : 0;
          return false;
        });
  }

  /// Of the time until now and so long after.
  size_t CountFor(Duration length) {
    count_ = 0;
    world_.Run(length);
    return count_;
  }

 private:
  AgentWorld& world_;
  size_t count_ = 0;
};

TEST(AgentHub, AnIdleConnectionOverARelayLooksForNoPath) {
  AgentWorld world(Cone(), Cone(), 33);
  world.StartBoth();
  for (const auto& [from, to] : {std::pair{"203.0.113.1", "203.0.113.2"},
                                 std::pair{"203.0.113.2", "203.0.113.1"}}) {
    world.world_.network().Cut(*IpAddress::Parse(from), *IpAddress::Parse(to));
  }
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  const AgentId at_b = world.b.Add({.peer = world.a.key()});
  CheckCounter checks(world, world.a);
  EXPECT_GT(checks.CountFor(seconds(60)), 50U);
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  world.Run(seconds(60));
  EXPECT_EQ(checks.CountFor(seconds(1800)), 0U);
  // Data has both sides look again, also where it goes one way only.
  world.world_.network().Mend();
  EXPECT_TRUE(world.a.Send(at_a, "hello"));
  world.Run(seconds(5));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  EXPECT_EQ(world.b.KindOf(at_b), PathKind::kDirect);
}

TEST(AgentHub, WithDataOverARelayAPathIsLookedForAllTheTime) {
  AgentWorld world(Symmetric(), Symmetric(), 34);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  CheckCounter checks(world, world.a);
  for (int i = 0; i < 12; ++i) {
    world.Run(seconds(10));
    ASSERT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
    EXPECT_TRUE(world.a.Send(at_a, "a"));
    if (i % 6 == 5) {
      EXPECT_GT(checks.CountFor(seconds(40)), 20U);
    }
  }
}

TEST(AgentHub, OurOwnDescriptionIsNoPeer) {
  AgentWorld world(Cone(), Cone(), 19, /*has_relay=*/false);
  world.StartBoth();
  const AgentId at_a = world.a.Add({});
  EXPECT_EQ(world.a.Tell(at_a, world.a.Describe(at_a)).error().code,
            Errc::kBadValue);
}

TEST(AgentHub, RestartsWhileTheRelayIsAwaySettle) {
  for (uint64_t seed = 400; seed < 440; ++seed) {
    SCOPED_TRACE(seed);
    AgentWorld world(Cone(), Cone(), seed);
    world.StartBoth();
    AgentId at_a = world.a.Add({.peer = world.b.key()});
    AgentId at_b = world.b.Add({.peer = world.a.key()});
    SeededRng rng(seed);
    world.Run(milliseconds(rng.Below(6000)));
    world.relay_.SetUp(world.world_.now(), false);
    world.Run(milliseconds(rng.Below(3000)));
    world.b.Start(AgentWorld::servers());
    at_b = world.b.Add({.peer = world.a.key()});
    if (rng.Below(3) == 0) {
      world.a.Start(AgentWorld::servers());
      at_a = world.a.Add({.peer = world.b.key()});
    }
    world.Run(milliseconds(rng.Below(3000)));
    world.relay_.SetUp(world.world_.now(), true);
    const size_t before = world.a.EventsOf<AgentDescriptionChanged>().size() +
                          world.b.EventsOf<AgentDescriptionChanged>().size();
    world.Run(seconds(25));
    EXPECT_LE(world.a.EventsOf<AgentDescriptionChanged>().size() +
                  world.b.EventsOf<AgentDescriptionChanged>().size() - before,
              20U);
    ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
    ASSERT_EQ(world.b.KindOf(at_b), PathKind::kDirect);
    ASSERT_EQ(Exchange(world, at_a, at_b, milliseconds(200)), 0);
  }
}

TEST(AgentHub, AKeyThatWasLearntMayChange) {
  AgentWorld world(Symmetric(), Symmetric(), 16);
  world.StartBoth();
  const AgentId at_a = world.a.Add({});
  AgentId at_b = world.b.Add({});
  world.Run(seconds(4));
  ASSERT_TRUE(world.b.Tell(at_b, world.a.Describe(at_a)));
  ASSERT_TRUE(world.a.Tell(at_a, world.b.Describe(at_b)));
  world.Run(seconds(3));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  world.b.ChangeKey();
  world.b.Start(AgentWorld::servers());
  at_b = world.b.Add({});
  world.Run(seconds(4));
  ASSERT_TRUE(world.a.Tell(at_a, world.b.Describe(at_b)));
  ASSERT_TRUE(world.b.Tell(at_b, world.a.Describe(at_a)));
  world.Run(seconds(3));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kRelay);
  EXPECT_EQ(Exchange(world, at_a, at_b, seconds(1)), 0);
}

TEST(AgentHub, AKeyThatTheOwnerNamedMayNot) {
  AgentWorld world(Cone(), Cone(), 17);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.ChangeKey();
  world.b.Start(AgentWorld::servers());
  const AgentId at_b = world.b.Add({});
  EXPECT_EQ(world.a.Tell(at_a, world.b.Describe(at_b)).error().code,
            Errc::kBadValue);
}

TEST(AgentHub, StunMessagesAreNeverData) {
  AgentWorld world(Cone(), Cone(), 18);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  const std::string stun(
      "\x00\x01\x00\x00\x21\x12\xa4\x42"
      "123456789012",
      20);
  const uint64_t before = world.a.hub().counters().dropped_unknown;
  const auto from = *world.a.hub().CurrentPath(at_a);
  const auto claim = world.a.Do([&](AgentHub& hub, Instant now) {
    return hub.HandleDatagram(now, *from.local, *from.remote, AsBytes(stun));
  });
  EXPECT_EQ(claim.owner, DatagramOwner::kNobody);
  EXPECT_EQ(world.a.hub().counters().dropped_unknown, before + 1);
  EXPECT_EQ(
      world.a.hub().Route(world.world_.now(), at_a, AsBytes(stun)).error().code,
      Errc::kBadValue);
}

TEST(AgentHub, CountsWhatARelaysStreamIsTooSlowFor) {
  AgentWorld world(Cone(), Cone(), 19);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  const auto send = [&](AgentHub& hub, Instant now) {
    size_t sent = 0;
    for (int i = 0; i < 300; ++i) {
      sent += hub.SendRelayed(now, at_a, AsBytes("data")) ? 1U : 0U;
    }
    return sent;
  };
  EXPECT_EQ(world.a.Do(send), 300U);
  EXPECT_EQ(world.a.hub().counters().dropped_queued, 300U - 256U);
}

TEST(AgentHub, DatagramsOfStrangersAreDropped) {
  AgentWorld world(Cone(), Cone(), 13);
  world.StartBoth();
  const AgentId at_a = world.a.Add({.peer = world.b.key()});
  world.b.Add({.peer = world.a.key()});
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  const uint64_t before = world.a.hub().counters().dropped_unknown;
  const auto claim = world.a.Do([&](AgentHub& hub, Instant now) {
    return hub.HandleDatagram(now, *Endpoint::Parse("192.168.1.2:4000"),
                              *Endpoint::Parse("192.0.2.66:99"),
                              AsBytes("stranger"));
  });
  EXPECT_EQ(claim.owner, DatagramOwner::kNobody);
  EXPECT_EQ(world.a.hub().counters().dropped_unknown, before + 1);
}

}  // namespace
}  // namespace natkit::mesh
