// Whether strangers reach a mapped port: an InboundProber behind NATs that
// forward it, that only say so, and with servers that are of no use.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "natkit/nat/inbound_prober.h"
#include "natkit/netsim/profile.h"
#include "natkit/netsim/world.h"
#include "sim_behavior_server.h"
#include "world_stun_server.h"

namespace natkit::nat {
namespace {

using sim::ServerFault;
using std::chrono::minutes;
using std::chrono::seconds;

const IpPrefix kInternet = *IpPrefix::Parse("198.51.100.0/24");
const IpPrefix kLan = *IpPrefix::Parse("192.168.1.0/24");
const IpAddress kServer1 = IpAddress::V4(198, 51, 100, 1);
const IpAddress kServer2 = IpAddress::V4(198, 51, 100, 2);
const IpAddress kPlain = IpAddress::V4(198, 51, 100, 5);
const IpAddress kExternal = IpAddress::V4(198, 51, 100, 99);
const Endpoint kBase{IpAddress::V4(192, 168, 1, 10), 6000};
const Endpoint kAsked{kServer1, 3478};

/// A host behind a NAT, and two kinds of servers.
class Lab final : public netsim::Actor {
 public:
  explicit Lab(netsim::NatConfig nat, uint64_t seed = 1)
      : world(seed), rng_(seed), prober(rng_) {
    internet = world.AddNetwork("internet", kInternet);
    lan_ = world.AddNetwork("lan", kLan);
    nat.external = {kExternal};
    nat.inside_address = IpAddress::V4(192, 168, 1, 1);
    box = world.AddBox("router", lan_, internet, nat);
    host_ = world.AddHost("us");
    EXPECT_TRUE(world.AddAddress(host_, lan_, kBase.address));
    EXPECT_TRUE(world.Attach(host_, *this, kBase.port));
  }

  void UseServer(
      stun::ServerConfig config = sim::WorldStunServer::DefaultConfig()) {
    server.emplace(world, internet, "server", kServer1, kServer2,
                   std::move(config));
  }

  void UseFaultyServer(ServerFault fault) {
    const auto host = world.AddHost("faulty");
    EXPECT_TRUE(world.AddAddress(host, internet, kServer1));
    EXPECT_TRUE(world.AddAddress(host, internet, kServer2));
    faulty_.emplace(world, host, kServer1, kServer2, fault);
  }

  InboundReach Probe(uint16_t external_port,
                     std::vector<Endpoint> servers = {kAsked},
                     Duration limit = minutes(1)) {
    prober.SetServers(world.now(), std::move(servers));
    prober.SetTarget(world.now(),
                     InboundProber::Target{kBase, {kExternal, external_port}});
    Pump();
    world.Run(limit);
    return prober.reach();
  }

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override {
    (void)prober.HandleDatagram(now, local, from, payload);
    Pump();
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return prober.NextTimeout();
  }

  void HandleTimeout(Instant now) override {
    prober.HandleTimeout(now);
    Pump();
  }

  void Pump() {
    while (const auto transmit = prober.PollTransmit()) {
      ++sent;
      EXPECT_TRUE(world.SendUdp(host_, kBase, transmit->to, transmit->payload));
    }
  }

  netsim::World world;
  netsim::NetworkId internet{};
  netsim::BoxId box{};
  std::optional<sim::WorldStunServer> server;
  size_t sent = 0;

 private:
  SeededRng rng_;
  netsim::NetworkId lan_{};
  netsim::HostId host_{};
  std::optional<sim::SimBehaviorServer> faulty_;

 public:
  InboundProber prober;
};

netsim::NatConfig WithForward(netsim::NatConfig config, uint16_t port) {
  config.forwards.push_back({.external_port = port, .inside = kBase});
  return config;
}

class ProbeBehind : public ::testing::TestWithParam<std::string> {};

TEST_P(ProbeBehind, TellsAForwardedPortFromAnotherOne) {
  const netsim::NatConfig nat = netsim::FindProfile(GetParam())->make();
  Lab forwards(WithForward(nat, 7001));
  forwards.UseServer();
  EXPECT_EQ(forwards.Probe(7001), InboundReach::kArrived);
  EXPECT_LE(forwards.sent, 3U);
  Lab claims(nat);
  claims.UseServer();
  EXPECT_EQ(claims.Probe(7001), InboundReach::kNotArrived);
}

INSTANTIATE_TEST_SUITE_P(Profiles, ProbeBehind,
                         ::testing::Values("full-cone", "restricted-cone",
                                           "port-restricted",
                                           "symmetric-random", "symmetric-seq",
                                           "linux-clean", "linux-poisonable",
                                           "cgn"),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

/// The dynamic mapping of the socket has the very port that is said to be
/// forwarded: only the filter tells the two apart.
TEST(InboundProber, APortThatOnlyLooksForwardedIsFoundOut) {
  netsim::NatConfig nat = netsim::FindProfile("port-restricted")->make();
  nat.port_assignment = netsim::PortAssignment::kPreserve;
  Lab lab(nat);
  lab.UseServer();
  EXPECT_EQ(lab.Probe(kBase.port), InboundReach::kNotArrived);
  // Also in the rounds after the first, which had to open the filter.
  lab.world.Run(minutes(35));
  EXPECT_EQ(lab.prober.reach(), InboundReach::kNotArrived);
}

TEST(InboundProber, WhatChangesIsSeenWithinTenMinutes) {
  const netsim::NatConfig nat = netsim::FindProfile("symmetric-random")->make();
  Lab lab(nat);
  lab.UseServer();
  EXPECT_EQ(lab.Probe(7001), InboundReach::kNotArrived);
  EXPECT_TRUE(lab.prober.NextTimeout());
  EXPECT_LE(*lab.prober.NextTimeout(), lab.world.now() + minutes(10));
  // Another endpoint is another question, and asked at once.
  lab.prober.SetTarget(lab.world.now(),
                       InboundProber::Target{kBase, {kExternal, 7002}});
  EXPECT_EQ(lab.prober.reach(), InboundReach::kUnknown);
  lab.prober.SetTarget(lab.world.now(), std::nullopt);
  EXPECT_FALSE(lab.prober.NextTimeout());
}

TEST(InboundProber, LossDoesNotDecide) {
  const netsim::NatConfig nat = netsim::FindProfile("port-restricted")->make();
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    for (const bool forwards : {false, true}) {
      Lab lab(forwards ? WithForward(nat, 7001) : nat, seed);
      lab.world.SetNetworkLink(lab.internet, {.loss = 0.05});
      lab.UseServer();
      const InboundReach reach = lab.Probe(7001);
      EXPECT_NE(reach,
                forwards ? InboundReach::kNotArrived : InboundReach::kArrived)
          << "seed " << seed;
    }
  }
}

TEST(InboundProber, AServerThatNeverAmplifiesProbesToo) {
  for (const auto policy : {stun::AmplificationPolicy::kBalanced,
                            stun::AmplificationPolicy::kNone}) {
    const auto config = [policy] {
      stun::ServerConfig out = sim::WorldStunServer::DefaultConfig();
      out.amplification = policy;
      out.rate_limit = RateLimit{};
      return out;
    };
    const netsim::NatConfig nat =
        netsim::FindProfile("port-restricted")->make();
    Lab forwards(WithForward(nat, 7001));
    forwards.UseServer(config());
    EXPECT_EQ(forwards.Probe(7001), InboundReach::kArrived);
    Lab claims(nat);
    claims.UseServer(config());
    EXPECT_EQ(claims.Probe(7001), InboundReach::kNotArrived);
  }
}

class FaultyServer : public ::testing::TestWithParam<ServerFault> {};

/// No verdict from a server that does not do what it is asked for.
TEST_P(FaultyServer, ProvesNothing) {
  for (const char* profile : {"full-cone", "port-restricted", "symmetric"}) {
    Lab lab(netsim::FindProfile(profile)->make());
    lab.UseFaultyServer(GetParam());
    EXPECT_EQ(lab.Probe(7001), InboundReach::kNotProbed) << profile;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FaultyServer,
                         ::testing::Values(ServerFault::kOneAddress,
                                           ServerFault::kOtherSharesIp,
                                           ServerFault::kOtherIsSilent,
                                           ServerFault::kIgnoresChange,
                                           ServerFault::kNoResponsePort,
                                           ServerFault::kOtherSeesProxy));

TEST(InboundProber, AServerThatIsAskedTooOftenIsAskedAgainSoon) {
  stun::ServerConfig config = sim::WorldStunServer::DefaultConfig();
  config.discovery->response_port.interval = seconds(50);
  config.discovery->response_port.burst = 1;
  const netsim::NatConfig nat =
      WithForward(netsim::FindProfile("port-restricted")->make(), 7001);
  Lab lab(nat);
  lab.UseServer(std::move(config));
  EXPECT_EQ(lab.Probe(7001, {kAsked}, seconds(1)), InboundReach::kArrived);
  EXPECT_EQ(lab.Probe(7002, {kAsked}, seconds(1)), InboundReach::kNotProbed);
  EXPECT_EQ(lab.Probe(7001, {kAsked}, seconds(1)), InboundReach::kNotProbed);
  lab.world.Run(minutes(2));
  EXPECT_EQ(lab.prober.reach(), InboundReach::kArrived);
}

TEST(InboundProber, SkipsServersThatCannotAndAsksTheNext) {
  const netsim::NatConfig nat = netsim::FindProfile("port-restricted")->make();
  Lab lab(WithForward(nat, 7001));
  lab.UseServer();
  const sim::WorldStunServer plain(lab.world, lab.internet, "plain", kPlain);
  EXPECT_EQ(lab.Probe(7001, {{IpAddress::V4(198, 51, 100, 7), 3478},  // nobody
                             {IpAddress::V6({}), 3478},
                             {kPlain, 3478},
                             kAsked}),
            InboundReach::kArrived);
}

TEST(InboundProber, WithoutServersNothingIsKnown) {
  Lab lab(netsim::FindProfile("port-restricted")->make());
  EXPECT_EQ(lab.Probe(7001, {}), InboundReach::kNotProbed);
  EXPECT_EQ(lab.sent, 0U);
}

/// Another NAT stands before the router: the server sees another address, of
/// which a port says nothing.
TEST(InboundProber, ASecondNatIsNoMatterOfProbing) {
  Lab lab(netsim::FindProfile("port-restricted")->make());
  lab.UseServer();
  lab.prober.SetServers(lab.world.now(), {kAsked});
  lab.prober.SetTarget(
      lab.world.now(),
      InboundProber::Target{kBase, {IpAddress::V4(100, 64, 0, 7), 7001}});
  lab.Pump();
  lab.world.Run(minutes(1));
  EXPECT_EQ(lab.prober.reach(), InboundReach::kNotProbed);
}

TEST(InboundProber, TakesOnlyAnswersToItsOwnRequests) {
  SeededRng rng(1);
  InboundProber prober(rng);
  prober.SetServers(Instant{}, {kAsked});
  prober.SetTarget(Instant{}, InboundProber::Target{kBase, {kExternal, 7001}});
  ASSERT_TRUE(prober.PollTransmit());
  std::vector<uint8_t> forged = {0x01, 0x01, 0, 0, 0x21, 0x12, 0xA4, 0x42};
  forged.resize(20);
  EXPECT_FALSE(prober.HandleDatagram(Instant{}, kBase, kAsked, forged));
  EXPECT_EQ(prober.reach(), InboundReach::kUnknown);
}

}  // namespace
}  // namespace natkit::nat
