// Routers that run stock Linux with an open INPUT chain: a packet that arrives
// before the inside host has sent to its sender makes the router move the
// mapping. The controlled side hears of the other first and would send such
// packets; its openers do not get that far.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "natkit/netsim/profile.h"
#include "sim_ice_host.h"
#include "sim_network.h"
#include "sim_stun_server.h"

namespace natkit::ice {
namespace {

using sim::SimNetwork;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr IpAddress kServerAddress = IpAddress::V4(203, 0, 113, 1);
constexpr Endpoint kBaseA{.address = IpAddress::V4(10, 1, 0, 2), .port = 40001};
constexpr Endpoint kBaseB{.address = IpAddress::V4(10, 2, 0, 2), .port = 40002};
/// Past our own NAT and router; the other side's router ends it.
constexpr uint8_t kTtl = 3;

/// Two homes, each behind a poisonable NAT and its provider's router.
struct Homes {
  Homes(uint8_t opener_ttl, uint64_t seed) : world(seed) {
    auto& network = world.network();
    network.SetJitter(milliseconds(4));
    a = AddAgent(Role::kControlling, opener_ttl, seed * 2 + 1);
    b = AddAgent(Role::kControlled, opener_ttl, seed * 2 + 2);
    a->Connect(*b, kSignalling);
    b->Connect(*a, kSignalling);
    a->AddBase(AddHome(IpAddress::V4(198, 51, 100, 1)), kBaseA);
    b->AddBase(AddHome(IpAddress::V4(198, 51, 101, 1)), kBaseB);
    world.Run(milliseconds(500));
    // As an offer and its answer: B knows all as soon as A has spoken.
    a->Start();
    world.Run(kSignalling);
    b->Start();
  }

  bool RunUntilDirect(Duration limit) {
    return world.Run(limit, [this] {
      const auto of_a = a->agent().selected();
      const auto of_b = b->agent().selected();
      return of_a && of_b && of_a->local_mapped == of_b->remote &&
             of_b->local_mapped == of_a->remote;
    });
  }

  static constexpr Duration kSignalling = milliseconds(60);

  sim::SimWorld world;
  sim::SimStunServer server{world, kServerAddress};
  std::unique_ptr<IceHost> a;
  std::unique_ptr<IceHost> b;

 private:
  std::unique_ptr<IceHost> AddAgent(Role role, uint8_t opener_ttl,
                                    uint64_t seed) {
    AgentConfig config = AgentConfig::Mesh(role);
    config.stun_servers = {{.address = kServerAddress, .port = 3478}};
    config.opener_ttl = opener_ttl;
    return std::make_unique<IceHost>(world, config, seed);
  }

  SimNetwork::RealmId AddHome(const IpAddress& external) {
    auto& network = world.network();
    const IpAddress gateway = IpAddress::V4(
        external.bytes()[0], external.bytes()[1], external.bytes()[2], 254);
    const IpAddress uplink =
        IpAddress::V4(203, 0, 113, static_cast<uint8_t>(100 + ++homes_));
    const auto provider =
        network.AddRouter(SimNetwork::kInternet, uplink, gateway);
    auto config = netsim::FindProfile("linux-poisonable")->make();
    config.external = {external};
    return network.AddNat(provider, config);
  }

  int homes_ = 0;
};

class IcePoison : public testing::TestWithParam<uint64_t> {};

INSTANTIATE_TEST_SUITE_P(Seeds, IcePoison,
                         testing::Range(uint64_t{1}, uint64_t{25}));

TEST_P(IcePoison, AnEarlyCheckMovesTheMapping) {
  Homes homes(0, GetParam());
  EXPECT_FALSE(homes.RunUntilDirect(seconds(9)));
}

TEST_P(IcePoison, OpenersKeepTheMappingWhereItIs) {
  Homes homes(kTtl, GetParam());
  EXPECT_TRUE(homes.RunUntilDirect(milliseconds(600)));
}

}  // namespace
}  // namespace natkit::ice
