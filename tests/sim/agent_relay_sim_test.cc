// What agents send over relays, and what they spare them.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent_world.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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

}  // namespace
}  // namespace natkit::mesh
