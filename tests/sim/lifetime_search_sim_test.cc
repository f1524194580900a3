// How closely a search finds the lifetime of a NAT's mappings, and what it
// costs.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <tuple>

#include "natkit/nat/keepalive_policy.h"
#include "natkit/nat/lifetime_search.h"
#include "sim_network.h"
#include "sim_stun_server.h"

namespace natkit::nat {
namespace {

using sim::SimNetwork;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr IpAddress kServerAddress = IpAddress::V4(203, 0, 113, 1);
constexpr Endpoint kServer{.address = kServerAddress, .port = 3478};
constexpr Endpoint kQuiet{.address = IpAddress::V4(10, 1, 0, 2), .port = 4001};
constexpr Endpoint kAsking{.address = IpAddress::V4(10, 1, 0, 2), .port = 4002};

class SearchHost : public sim::SimActor {
 public:
  SearchHost(const netsim::NatConfig& nat, double loss, uint64_t seed)
      : world_(seed), server(world_, kServerAddress), rng_(seed) {
    world_.network().SetLoss(loss);
    host_ = world_.network().AddHost([this](Instant now, const Endpoint& local,
                                            const Endpoint& from,
                                            ByteView payload) {
      const auto at = local == kQuiet ? LifetimeSearch::Socket::kQuiet
                                      : LifetimeSearch::Socket::kAsking;
      (void)search.HandleDatagram(now, at, from, payload);
      Pump(now);
    });
    realm_ = world_.network().AddNat(SimNetwork::kInternet, nat);
    world_.network().AddAddress(host_, realm_, kQuiet.address);
    world_.Add(*this);
  }

  Duration Run() {
    const Instant start = world_.now();
    search.Start(start);
    Pump(start);
    world_.Run(minutes(40), [this] {
      return search.state() != LifetimeSearch::State::kRunning;
    });
    return world_.now() - start;
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return search.NextTimeout();
  }

  void HandleTimeout(Instant now) override {
    search.HandleTimeout(now);
    Pump(now);
  }

  [[nodiscard]] sim::SimWorld& world() { return world_; }

  [[nodiscard]] SimNetwork::RealmId realm() const { return realm_; }

 private:
  void Pump(Instant now) {
    while (const auto out = search.PollTransmit()) {
      const auto& from =
          out->from == LifetimeSearch::Socket::kQuiet ? kQuiet : kAsking;
      world_.network().Send(now, host_, from, out->datagram.to,
                            out->datagram.payload);
    }
  }

  sim::SimWorld world_;
  SimNetwork::HostId host_ = 0;
  SimNetwork::RealmId realm_ = 0;

 public:
  sim::SimStunServer server;

 private:
  SeededRng rng_;

 public:
  LifetimeSearch search{kServer, rng_};
};

/// Keeps ports, so that a mapping that died looks the same when it is back.
netsim::NatConfig NatOf(Duration lifetime) {
  netsim::NatConfig config;
  config.external = {IpAddress::V4(198, 51, 100, 1)};
  config.filtering = netsim::Dependence::kAddressAndPortDependent;
  config.timeouts.udp_unreplied = std::min<Duration>(lifetime, seconds(30));
  config.timeouts.udp_assured = lifetime;
  return config;
}

class LifetimeSearchSim
    : public testing::TestWithParam<std::tuple<int, double>> {};

TEST_P(LifetimeSearchSim, IsNeverTooLongAndCloseEnough) {
  const auto [life, loss] = GetParam();
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    SearchHost host(NatOf(seconds(life)), loss, seed);
    const Duration took = host.Run();
    ASSERT_EQ(host.search.state(), LifetimeSearch::State::kFound);
    // The mapping is as old as the last answer, not as the last request.
    EXPECT_LE(host.search.lifetime(), seconds(life));
    EXPECT_GE(host.search.lifetime(),
              std::min<Duration>(LifetimeSearch::kLongest,
                                 seconds(life) * 7 / 8 - seconds(6)));
    EXPECT_LE(took, loss > 0 ? minutes(15) : minutes(11));
    EXPECT_LE(host.search.counters().sent, loss > 0 ? 150U : 80U);
  }
}

INSTANTIATE_TEST_SUITE_P(Lifetimes, LifetimeSearchSim,
                         testing::Combine(testing::Values(12, 20, 30, 47, 60,
                                                          90, 120, 150, 300),
                                          testing::Values(0.0, 0.05)),
                         [](const auto& param) {
                           return std::to_string(std::get<0>(param.param)) +
                                  (std::get<1>(param.param) > 0 ? "s_lossy"
                                                                : "s");
                         });

TEST(LifetimeSearchEnds, WithoutResponsePortItIsSoonOver) {
  SearchHost host(NatOf(seconds(60)), 0, 1);
  host.server.SetHonoursResponsePort(false);
  EXPECT_LE(host.Run(), minutes(3));
  EXPECT_EQ(host.search.state(), LifetimeSearch::State::kUnsupported);
  EXPECT_EQ(host.search.NextTimeout(), std::nullopt);
}

TEST(LifetimeSearchEnds, WithoutANetworkThereIsNoVerdict) {
  SearchHost host(NatOf(seconds(300)), 0, 1);
  host.search.Start(host.world().now());
  host.world().Run(seconds(30));
  host.world().network().SetLoss(1);
  host.Run();
  EXPECT_NE(host.search.state(), LifetimeSearch::State::kFound);
}

TEST(LifetimeSearchEnds, ARouterThatRestartsIsNoLifetime) {
  // Just before the question: what it forgot is not what it would forget.
  SearchHost host(NatOf(seconds(300)), 0, 1);
  host.world().Run(seconds(1));
  host.search.Start(host.world().now());
  host.HandleTimeout(host.world().now());
  host.world().Run(seconds(145));
  host.world().network().Reboot(host.realm());
  host.world().Run(minutes(20));
  ASSERT_EQ(host.search.state(), LifetimeSearch::State::kFound);
  EXPECT_GE(host.search.lifetime(), seconds(120));
}

}  // namespace
}  // namespace natkit::nat
