#include "natkit/netsim/world.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "natkit/netsim/packet.h"
#include "world_lab.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Two hosts on one network.
struct Lan {
  explicit Lan(const LinkConfig& link = {}, uint64_t seed = 1)
      : world(seed), lan(world.AddNetwork("lan", Cidr("10.0.0.0/24"), link)) {}

  World world;
  NetworkId lan;
  Listener a{world, "a", lan, "10.0.0.1"};
  Listener b{world, "b", lan, "10.0.0.2"};
};

TEST(World, DeliversOnOneNetworkAfterItsDelay) {
  Lan net({.delay = 5ms});
  ASSERT_TRUE(net.a.Send("10.0.0.1:1000", "10.0.0.2:2000", "hello"));
  EXPECT_FALSE(net.world.Run(1s));
  ASSERT_EQ(net.b.seen.size(), 1U);
  EXPECT_EQ(net.b.seen[0].at, Instant{5ms});
  EXPECT_EQ(net.b.seen[0].from, At("10.0.0.1:1000"));
  EXPECT_EQ(net.b.seen[0].local, At("10.0.0.2:2000"));
  EXPECT_EQ(net.b.seen[0].text, "hello");
  EXPECT_EQ(net.world.now(), Instant{1s});
  EXPECT_EQ(net.world.counters().delivered, 1U);
}

TEST(World, AMembersOwnCableReplacesTheNetworksLink) {
  Lan net({.delay = 5ms});
  ASSERT_TRUE(
      net.world.SetCable("b", "lan", {.delay = 30ms}, {.delay = 100ms}));
  net.b.echoes = true;
  ASSERT_TRUE(net.a.Send("10.0.0.1:1000", "10.0.0.2:2000", "x"));
  net.world.Run(1s);
  ASSERT_EQ(net.a.seen.size(), 1U);
  EXPECT_EQ(net.b.seen[0].at, Instant{105ms});
  EXPECT_EQ(net.a.seen[0].at, Instant{135ms});
  EXPECT_EQ(net.world.SetCable("b", "wan", {}, {}).error().code,
            Errc::kNotFound);
}

TEST(World, AnUnspecifiedSourceIsTheFirstAddress) {
  Lan net;
  ASSERT_TRUE(net.a.Send("0.0.0.0:7", "10.0.0.2:8", "x"));
  net.world.Run(1ms);
  ASSERT_EQ(net.b.seen.size(), 1U);
  EXPECT_EQ(net.b.seen[0].from, At("10.0.0.1:7"));
}

TEST(World, RefusesToSendWhatCannotBeSent) {
  Lan net;
  const auto error = [&net](std::string_view from, std::string_view to) {
    return net.a.Send(from, to, "x").error().code;
  };
  EXPECT_EQ(error("10.0.0.2:1", "10.0.0.2:1"), Errc::kAddressNotAvailable);
  EXPECT_EQ(error("10.0.0.1:1", "[2001:db8::1]:1"), Errc::kBadValue);
  EXPECT_EQ(error("10.0.0.1:0", "10.0.0.2:1"), Errc::kBadValue);
  const std::string large(1473, 'x');
  EXPECT_EQ(
      net.a.Send("10.0.0.1:1", "10.0.0.2:1", large, {.dont_fragment = true})
          .error()
          .code,
      Errc::kBadLength);
  EXPECT_EQ(net.a.Send("10.0.0.1:1", "10.0.0.2:1", std::string(65508, 'x'))
                .error()
                .code,
            Errc::kBadLength);
}

TEST(World, DeliversALoopbackWithoutItsCable) {
  Lan net({.delay = 5ms});
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.1:2", "self"));
  net.world.Run(1s);
  ASSERT_EQ(net.a.seen.size(), 1U);
  EXPECT_EQ(net.a.seen[0].at, Instant{});
}

TEST(World, CountsWhatGoesNowhere) {
  Lan net;
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.77:2", "x"));
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "192.0.2.1:2", "x"));
  net.world.Run(1s);
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kNoSuchHost), 1U);
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kNoRoute), 1U);
}

TEST(World, APortGoesToItsActorAndTheRestToTheOneForAll) {
  Lan net;
  const HostId host = net.world.AddHost("c");
  ASSERT_TRUE(net.world.AddAddress(host, net.lan, Ip("10.0.0.3")));
  ASSERT_TRUE(net.world.Attach(host, net.b, 53));
  EXPECT_EQ(net.world.Attach(host, net.a, 53).error().code,
            Errc::kAddressInUse);
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.3:53", "dns"));
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.3:54", "closed"));
  net.world.Run(1s);
  EXPECT_THAT(net.b.texts(), ElementsAre("dns"));
  ASSERT_EQ(net.a.reports.size(), 1U);
  EXPECT_EQ(net.a.reports[0].from, Ip("10.0.0.3"));
  EXPECT_EQ(net.a.reports[0].type, 3);
  EXPECT_EQ(net.a.reports[0].code, 3);
  EXPECT_EQ(net.a.reports[0].local, At("10.0.0.1:1"));
  EXPECT_EQ(net.a.reports[0].remote, At("10.0.0.3:54"));
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kClosedPort), 1U);
}

TEST(World, ADetachedActorHearsNothing) {
  Lan net;
  net.b.deadline = Instant{10ms};
  net.world.Run(0ms);
  net.world.Detach(net.b);
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:53", "x"));
  net.world.Run(1s);
  EXPECT_THAT(net.b.seen, IsEmpty());
  EXPECT_THAT(net.b.fired_at, IsEmpty());
}

TEST(World, HostsAnswerPings) {
  Lan net({.delay = 5ms});
  const auto request = BuildEcho(Ip("10.0.0.1"), Ip("10.0.0.2"),
                                 EchoKind::kRequest, 7, 9, AsBytes("ping"));
  ASSERT_TRUE(net.world.SendRaw(net.a.host(), request));
  net.world.Run(1s);
  ASSERT_EQ(net.a.packets.size(), 1U);
  const auto info = ParsePacket(net.a.packets[0]);
  ASSERT_TRUE(info);
  EXPECT_TRUE(info->is_icmp_echo());
  EXPECT_EQ(info->icmp_id, 7);
  EXPECT_EQ(info->source.address, Ip("10.0.0.2"));
}

TEST(World, RawActorsGetTcp) {
  Lan net;
  const auto syn =
      BuildTcp(At("10.0.0.1:1000"), At("10.0.0.2:80"), {.flags = kTcpSyn}, {});
  ASSERT_TRUE(net.world.SendRaw(net.a.host(), syn));
  net.world.Run(1s);
  ASSERT_EQ(net.b.packets.size(), 1U);
  EXPECT_EQ(net.b.packets[0], syn);
  EXPECT_EQ(net.world.SendRaw(net.a.host(), AsBytes("no packet")).error().code,
            Errc::kBadLength);
}

TEST(World, DropsWrongChecksums) {
  Lan net;
  auto packet = BuildUdp(At("10.0.0.1:1"), At("10.0.0.2:2"), AsBytes("abcd"));
  packet.back() ^= 1;
  ASSERT_TRUE(net.world.SendRaw(net.a.host(), packet));
  net.world.Run(1s);
  EXPECT_THAT(net.b.seen, IsEmpty());
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kBadChecksum), 1U);
}

TEST(World, FragmentsLargeDatagramsAndPutsThemTogether) {
  Lan net({.delay = 1ms, .reorder = 0.5, .reorder_delay = 3ms});
  const std::string large(40'000, 'L');
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", large));
  net.world.Run(1s);
  ASSERT_EQ(net.b.seen.size(), 1U);
  EXPECT_EQ(net.b.seen[0].text, large);
  EXPECT_EQ(net.world.counters().sent, 28U);
}

TEST(World, ALostFragmentLosesItsDatagram) {
  Lan net;
  net.world.SetHostMtu(net.a.host(), 600);
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", std::string(1500, 'x')));
  net.world.At(Instant{31s}, [&net] {
    (void)net.a.Send("10.0.0.1:1", "10.0.0.2:2", "small");
  });
  // Swallows the first fragments of another one.
  net.world.SetNetworkLink(net.lan, {.rate = 1'000'000, .queue_bytes = 1000});
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", std::string(1500, 'y')));
  net.world.Run(60s);
  EXPECT_THAT(net.b.texts(), ElementsAre(std::string(1500, 'x'), "small"));
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kQueue), 1U);
}

TEST(World, SpeaksIpv6) {
  World world(1);
  const NetworkId lan =
      world.AddNetwork("lan", Cidr("10.0.0.0/24"), {}, Cidr("2001:db8:1::/64"));
  Listener a(world, "a", lan, "2001:db8:1::1");
  Listener b(world, "b", lan, "2001:db8:1::2");
  world.Detach(b);
  ASSERT_TRUE(world.Attach(b.host(), b, 9));
  const std::string large(5000, 'L');
  ASSERT_TRUE(a.Send("[::]:1", "[2001:db8:1::2]:9", large));
  ASSERT_TRUE(a.Send("[::]:1", "[2001:db8:1::2]:10", "closed"));
  ASSERT_TRUE(world.SendRaw(
      a.host(), BuildEcho(Ip("2001:db8:1::1"), Ip("2001:db8:1::2"),
                          EchoKind::kRequest, 1, 1, AsBytes("ping"))));
  world.Run(1s);
  EXPECT_THAT(b.texts(), ElementsAre(large));
  ASSERT_EQ(a.reports.size(), 1U);
  EXPECT_EQ(a.reports[0].type, 1);
  EXPECT_EQ(a.reports[0].code, 4);
  EXPECT_EQ(a.packets.size(), 2U);
}

TEST(World, TimersFireOnTime) {
  Lan net;
  net.a.deadline = Instant{3ms};
  net.a.on_timeout = [&net] {
    if (net.a.fired_at.size() < 3) {
      net.a.deadline = net.world.now() + 10ms;
    }
  };
  net.b.deadline = Instant{8ms};
  net.world.Run(1s);
  EXPECT_THAT(net.a.fired_at,
              ElementsAre(Instant{3ms}, Instant{13ms}, Instant{23ms}));
  EXPECT_THAT(net.b.fired_at, ElementsAre(Instant{8ms}));
}

TEST(World, ADatagramCanMoveATimer) {
  Lan net({.delay = 1ms});
  net.b.deadline = Instant{10ms};
  net.world.At(Instant{4ms}, [&net] { net.b.deadline = Instant{5ms}; });
  net.world.Run(1s);
  EXPECT_THAT(net.b.fired_at, ElementsAre(Instant{5ms}));
}

TEST(World, WhatArrivesAtADeadlineComesBeforeIt) {
  Lan net({.delay = 10ms});
  size_t seen_at_deadline = 0;
  net.b.deadline = Instant{10ms};
  net.b.on_timeout = [&] { seen_at_deadline = net.b.seen.size(); };
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", "x"));
  net.world.Run(1s);
  EXPECT_EQ(seen_at_deadline, 1U);
}

TEST(World, RunEndsWhenStoppedOrDone) {
  Lan net;
  net.world.At(Instant{7ms}, [&net] { net.world.Stop(); });
  net.world.At(Instant{9ms}, [] {});
  EXPECT_TRUE(net.world.Run(1s));
  EXPECT_EQ(net.world.now(), Instant{7ms});
  EXPECT_TRUE(
      net.world.Run(1s, [&net] { return net.world.now() >= Instant{9ms}; }));
  EXPECT_EQ(net.world.now(), Instant{9ms});
  EXPECT_FALSE(net.world.Run(1s, [] { return false; }));
}

TEST(World, CallsOfOneMomentComeInTheOrderTheyWereMade) {
  Lan net;
  std::vector<int> order;
  for (int i = 0; i < 20; ++i) {
    net.world.At(Instant{(20 - i) / 10 * 1ms},
                 [&order, i] { order.push_back(i); });
  }
  net.world.Run(1s);
  ASSERT_EQ(order.size(), 20U);
  EXPECT_EQ(order.front(), 11);
  EXPECT_EQ(order.back(), 0);
  EXPECT_EQ(order[9], 1);
}

TEST(World, AddressesComeAndGo) {
  Lan net({.delay = 1ms});
  EXPECT_EQ(
      net.world.AddAddress(net.a.host(), net.lan, Ip("10.0.0.2")).error().code,
      Errc::kAlreadyExists);
  ASSERT_TRUE(net.world.AddAddress(net.b.host(), net.lan, Ip("10.0.0.9")));
  EXPECT_THAT(net.world.Addresses(net.b.host()),
              ElementsAre(Ip("10.0.0.2"), Ip("10.0.0.9")));
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.9:2", "second"));
  net.world.Run(10ms);
  ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", "too late"));
  ASSERT_TRUE(net.world.RemoveAddress(net.b.host(), Ip("10.0.0.2")));
  EXPECT_EQ(net.world.RemoveAddress(net.b.host(), Ip("10.0.0.2")).error().code,
            Errc::kNotFound);
  net.world.Run(10ms);
  EXPECT_THAT(net.b.texts(), ElementsAre("second"));
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kNotForUs), 1U);
}

TEST(World, UnpluggedLinksAndBlackholesLose) {
  Lan net;
  const auto send = [&net](std::string_view text) {
    ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", text));
    net.world.Run(10ms);
  };
  ASSERT_TRUE(net.world.ApplyEvent("b", "link-down"));
  send("1");
  ASSERT_TRUE(net.world.ApplyEvent("b", "link-up"));
  send("2");
  ASSERT_TRUE(net.world.ApplyEvent("b", "blackhole", "15ms"));
  send("3");
  send("4");
  send("5");
  ASSERT_TRUE(net.world.BlackholeUntil("a", "lan", net.world.now() + 10ms));
  send("6");
  send("7");
  EXPECT_THAT(net.b.texts(), ElementsAre("2", "5", "7"));
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kBlackhole), 3U);
  EXPECT_EQ(net.world.counters().dropped(WorldDrop::kLinkDown), 1U);
}

TEST(World, LinksChangeByTheWordsOfNetsimEvent) {
  Lan net;
  const auto arrives_within = [&net](Duration time) {
    const size_t before = net.b.texts().size();
    EXPECT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", "x"));
    net.world.Run(time);
    const bool is_there = net.b.texts().size() > before;
    net.world.Run(1s);
    return is_there;
  };
  EXPECT_TRUE(arrives_within(10ms));
  ASSERT_TRUE(
      net.world.ApplyEvent("a", "set-link", "delay=200ms direction=up"));
  EXPECT_FALSE(arrives_within(199ms));
  EXPECT_TRUE(arrives_within(201ms));
  ASSERT_TRUE(
      net.world.ApplyEvent("b", "set-link", "delay=100ms  network=lan"));
  EXPECT_FALSE(arrives_within(299ms));
  EXPECT_TRUE(arrives_within(301ms));
  ASSERT_TRUE(net.world.ApplyEvent("a", "set-link", "delay=0ms"));
  ASSERT_TRUE(net.world.ApplyEvent("b", "set-link", "delay=0ms loss=1"));
  EXPECT_FALSE(arrives_within(10ms));
  ASSERT_TRUE(net.world.ApplyEvent("b", "set-link", "loss=0 direction=down"));
  EXPECT_TRUE(arrives_within(10ms));
}

TEST(World, RefusesEventsItDoesNotKnow) {
  Lan net;
  const auto code = [&net](auto... words) {
    return net.world.ApplyEvent(words...).error().code;
  };
  EXPECT_EQ(code("nobody", "link-up"), Errc::kNotFound);
  EXPECT_EQ(code("a", "reboot"), Errc::kUnsupported);
  EXPECT_EQ(code("a", "dance"), Errc::kUnsupported);
  EXPECT_EQ(code("a", "blackhole", "soon"), Errc::kBadValue);
  EXPECT_EQ(code("a", "blackhole", "-1s"), Errc::kBadValue);
  EXPECT_EQ(code("a", "set-link"), Errc::kBadValue);
  EXPECT_EQ(code("a", "set-link", "speed=1"), Errc::kBadValue);
  EXPECT_EQ(code("a", "set-link", "loss=2"), Errc::kBadValue);
  EXPECT_EQ(code("a", "set-link", "loss=1 direction=left"), Errc::kBadValue);
  EXPECT_EQ(code("a", "set-link", "loss=1 network=wan"), Errc::kNotFound);
}

TEST(World, ATapGetsEveryPacketAsItCameAndTheHostIsDumb) {
  Lan net;
  net.world.AttachTap(net.b.host(), net.b);
  const auto whole =
      BuildUdp(At("10.0.0.1:1000"), At("10.0.0.2:2000"), AsBytes("0123456789"));
  const auto parts = FragmentPacket(whole, 28, 0);
  ASSERT_EQ(parts.size(), 3U);
  for (const auto& part : parts) {
    ASSERT_TRUE(net.world.SendRaw(net.a.host(), part));
  }
  const auto ping =
      BuildEcho(Ip("10.0.0.1"), Ip("10.0.0.2"), EchoKind::kRequest, 1, 1, {});
  ASSERT_TRUE(net.world.SendRaw(net.a.host(), ping));
  net.world.Run(1s);
  EXPECT_THAT(net.b.packets, ElementsAre(parts[0], parts[1], parts[2], ping));
  EXPECT_THAT(net.b.seen, IsEmpty());
  EXPECT_THAT(net.a.packets, IsEmpty());  // no echo reply
  net.world.Detach(net.b);
  ASSERT_TRUE(net.world.SendRaw(net.a.host(), ping));
  net.world.Run(1s);
  EXPECT_EQ(net.a.packets.size(), 1U);
}

TEST(World, BuffersAreUsedAgain) {
  Lan net({.delay = 1ms, .duplicate = 0.5});
  net.a.echoes = false;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(net.a.Send("10.0.0.1:1", "10.0.0.2:2", "x"));
    net.world.Run(2ms);
  }
  EXPECT_LE(net.world.buffer_count(), 2U);
}

}  // namespace
}  // namespace natkit::netsim
