// Agents whose process starts anew, and whose peer has another key.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <string>
#include <utility>
#include <variant>

#include "agent_world.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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

TEST(AgentHub, OurOwnDescriptionIsNoPeer) {
  AgentWorld world(Cone(), Cone(), 19, /*has_relay=*/false);
  world.StartBoth();
  const AgentId at_a = world.a.Add({});
  EXPECT_EQ(world.a.Tell(at_a, world.a.Describe(at_a)).error().code,
            Errc::kBadValue);
}

}  // namespace
}  // namespace natkit::mesh
