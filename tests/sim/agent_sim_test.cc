// Agents through simulated NATs: nat.md's pairs, with and without a relay.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "agent_world.h"

namespace natkit::mesh {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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

TEST(AgentHub, TwoAgentsCannotLeadToOneHub) {
  AgentWorld world(Cone(), Cone(), 35, /*has_relay=*/false);
  world.StartBoth();
  const AgentId first = world.a.Add({});
  const AgentId second = world.a.Add({});
  const AgentId theirs = world.b.Add({});
  const AgentId another = world.b.Add({});
  EXPECT_TRUE(world.a.Tell(first, world.b.Describe(theirs)));
  EXPECT_TRUE(world.a.Tell(first, world.b.Describe(theirs)));
  EXPECT_EQ(world.a.Tell(second, world.b.Describe(another)).error().code,
            Errc::kAlreadyExists);
  // Nor to its own.
  EXPECT_EQ(world.a.Tell(second, world.a.Describe(first)).error().code,
            Errc::kBadValue);
  // It is free when the other one leads elsewhere, or is gone.
  world.b.Start(AgentWorld::servers());
  const AgentId anew = world.b.Add({});
  EXPECT_TRUE(world.a.Tell(second, world.b.Describe(anew)));
  EXPECT_EQ(world.a.Tell(first, world.b.Describe(anew)).error().code,
            Errc::kAlreadyExists);
  EXPECT_TRUE(world.a.hub().Remove(world.world_.now(), second));
  EXPECT_TRUE(world.a.Tell(first, world.b.Describe(anew)));
}

TEST(AgentHub, ALateCopyOfADescriptionDoesNotSayWhereAnAgentLeads) {
  AgentWorld world(Cone(), Cone(), 36, /*has_relay=*/false);
  world.StartBoth();
  const AgentId first = world.a.Add({});
  const AgentId second = world.a.Add({});
  const std::string old = world.b.Describe(world.b.Add({}));
  EXPECT_TRUE(world.a.Tell(first, old));
  world.b.Start(AgentWorld::servers());
  const AgentId theirs = world.b.Add({});
  const AgentId another = world.b.Add({});
  EXPECT_TRUE(world.a.Tell(first, world.b.Describe(theirs)));
  EXPECT_TRUE(world.a.Tell(first, old));  // changes nothing
  EXPECT_EQ(world.a.Tell(second, world.b.Describe(another)).error().code,
            Errc::kAlreadyExists);
  // Nor do candidates alone.
  const std::string candidate =
      "a=candidate:1 1 udp 2130706431 192.0.2.99 5000 typ host\r\n";
  EXPECT_TRUE(world.a.Tell(first, candidate));
  EXPECT_EQ(world.a.Tell(first, candidate + "a=x-natkit-hub:0011223344556677")
                .error()
                .code,
            Errc::kBadValue);
  // Another implementation does not say what it is of.
  EXPECT_TRUE(world.a.Tell(first,
                           "a=ice-ufrag:abcd\r\n"
                           "a=ice-pwd:0123456789012345678901\r\n"));
  EXPECT_TRUE(world.a.Tell(second, world.b.Describe(another)));
}

TEST(AgentHub, DataForAnotherPeerDoesNotGoToTheOneBefore) {
  AgentWorld world(Cone(), Cone(), 37, /*has_relay=*/false);
  world.StartBoth();
  const AgentId at_a = world.a.Add({});
  const AgentId at_b = world.b.Add({});
  world.Run(seconds(4));  // what STUN servers see is in the text then
  EXPECT_TRUE(world.a.Tell(at_a, world.b.Describe(at_b)));
  EXPECT_TRUE(world.b.Tell(at_b, world.a.Describe(at_a)));
  world.Run(seconds(5));
  ASSERT_EQ(world.a.KindOf(at_a), PathKind::kDirect);
  SeededRng rng(38);
  AgentHub other({.private_key = GeneratePrivateKey(rng)}, rng);
  const auto elsewhere = other.Add(world.world_.now(), {});
  ASSERT_TRUE(elsewhere);
  EXPECT_TRUE(world.a.Tell(
      at_a, FormatDescription(*other.LocalDescription(*elsewhere))));
  EXPECT_EQ(world.a.KindOf(at_a), PathKind::kNone);
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
