// What happens to a connection over time: restarts, failover, NAT reboots,
// outages and many agents, between simulated hosts.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>

#include "sim_ice_host.h"
#include "sim_network.h"
#include "sim_stun_server.h"

namespace natkit::ice {
namespace {

using sim::NatBehavior;
using sim::SimNetwork;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr IpAddress kServerAddress = IpAddress::V4(203, 0, 113, 1);
constexpr IpAddress kNatA = IpAddress::V4(198, 51, 100, 1);
constexpr IpAddress kNatB = IpAddress::V4(198, 51, 100, 2);
constexpr IpAddress kSecondNatA = IpAddress::V4(198, 51, 100, 3);
constexpr Endpoint kBaseA{.address = IpAddress::V4(10, 1, 0, 2), .port = 4001};
constexpr Endpoint kSecondBaseA{.address = IpAddress::V4(10, 3, 0, 2),
                                .port = 4001};
constexpr Endpoint kBaseB{.address = IpAddress::V4(10, 2, 0, 2), .port = 4002};

/// Two mesh hosts behind port-restricted NATs, connected.
class IceSession : public testing::TestWithParam<uint64_t> {
 protected:
  void SetUp() override {
    for (const Role role : {Role::kControlling, Role::kControlled}) {
      AgentConfig config = AgentConfig::Mesh(role);
      config.stun_servers = {{.address = kServerAddress, .port = 3478}};
      (role == Role::kControlling ? a_ : b_) = std::make_unique<IceHost>(
          world_, config, GetParam() * 2 + (role == Role::kControlling));
    }
    a_->Connect(*b_, milliseconds(30));
    b_->Connect(*a_, milliseconds(30));
    auto& network = world_.network();
    realm_a_ = network.AddNat(SimNetwork::kInternet, kNatA, NatBehavior{});
    realm_b_ = network.AddNat(SimNetwork::kInternet, kNatB, NatBehavior{});
    a_->AddBase(realm_a_, kBaseA);
    b_->AddBase(realm_b_, kBaseB);
    a_->Start();
    b_->Start();
    ASSERT_TRUE(RunUntilAgreed(seconds(5)));
    world_.Run(seconds(2));
  }

  [[nodiscard]] bool agree() const {
    const auto of_a = a_->agent().selected();
    const auto of_b = b_->agent().selected();
    return of_a && of_b && of_a->local_mapped == of_b->remote &&
           of_b->local_mapped == of_a->remote;
  }

  bool RunUntilAgreed(Duration limit) {
    return world_.Run(limit, [this] { return agree(); });
  }

  void CutPath() {
    for (const IpAddress& nat : {kNatA, kSecondNatA}) {
      world_.network().Cut(nat, kNatB);
      world_.network().Cut(kNatB, nat);
    }
  }

  sim::SimWorld world_{GetParam()};
  sim::SimStunServer server_{world_, kServerAddress};
  std::unique_ptr<IceHost> a_;
  std::unique_ptr<IceHost> b_;
  SimNetwork::RealmId realm_a_ = 0;
  SimNetwork::RealmId realm_b_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Seeds, IceSession,
                         testing::Range(uint64_t{1}, uint64_t{9}));

TEST_P(IceSession, RestartsWithoutLosingTheConnection) {
  const size_t changes = a_->CountEvents<SelectedPairEvent>();
  const auto old_a = a_->agent().local_credentials().ufrag;
  const auto old_b = b_->agent().local_credentials().ufrag;
  a_->Restart();
  for (int i = 0; i < 50; ++i) {
    world_.Run(milliseconds(100));
    EXPECT_TRUE(a_->is_connected());
    EXPECT_TRUE(b_->is_connected());
  }
  EXPECT_NE(a_->agent().local_credentials().ufrag, old_a);
  EXPECT_NE(b_->agent().local_credentials().ufrag, old_b);
  // The old sessions are gone by now, so the new ones carry the data.
  world_.Run(seconds(10));
  EXPECT_TRUE(agree());
  EXPECT_EQ(a_->CountEvents<SelectedPairEvent>(), changes);
}

TEST_P(IceSession, BothMayRestartAtOnce) {
  a_->Restart();
  b_->Restart();
  world_.Run(seconds(20));
  EXPECT_TRUE(agree());
  EXPECT_EQ(
      a_->CountEvents<RestartedEvent>() + b_->CountEvents<RestartedEvent>(),
      0U);
}

TEST_P(IceSession, NoticesAnOutageAndComesBack) {
  CutPath();
  ASSERT_TRUE(
      world_.Run(milliseconds(2500), [&] { return a_->agent().is_suspect(); }));
  ASSERT_TRUE(world_.Run(
      seconds(3), [&] { return !a_->is_connected() && !b_->is_connected(); }));
  world_.Run(seconds(2));
  world_.network().Mend();
  EXPECT_TRUE(RunUntilAgreed(seconds(5)));
}

TEST_P(IceSession, ANatRebootHealsByGatheringAgainAndByARestart) {
  // The new mapping is not what the other side's filter lets through, so only
  // signalling helps: of the address that STUN servers see then.
  const auto before = b_->agent().selected()->remote;
  world_.network().Reboot(realm_a_);
  EXPECT_TRUE(world_.Run(seconds(5), [&] {
    return agree() && b_->agent().selected()->remote != before;
  }));
  for (int i = 0; i < 40; ++i) {  // old mappings do not pile up
    world_.network().Reboot(realm_a_);
    a_->Restart();
    EXPECT_TRUE(RunUntilAgreed(seconds(2)));
  }
}

TEST_P(IceSession, FailsOverToASecondBaseWithinThreeSeconds) {
  const auto second = world_.network().AddNat(SimNetwork::kInternet,
                                              kSecondNatA, NatBehavior{});
  a_->AddBase(second, kSecondBaseA);
  world_.Run(seconds(3));
  ASSERT_EQ(a_->agent().selected()->local_base, kBaseA);
  world_.network().Cut(kNatA, kNatB);
  world_.network().Cut(kNatB, kNatA);
  EXPECT_TRUE(world_.Run(seconds(3), [&] {
    return agree() && a_->agent().selected()->local_base == kSecondBaseA;
  }));
  world_.Run(seconds(20));
  EXPECT_TRUE(agree());
}

TEST_P(IceSession, MovesWhenTheBaseDisappears) {
  const auto second = world_.network().AddNat(SimNetwork::kInternet,
                                              kSecondNatA, NatBehavior{});
  a_->AddBase(second, kSecondBaseA);
  world_.Run(seconds(3));
  world_.network().RemoveAddress(a_->id(), kBaseA.address);
  a_->RemoveBase(kBaseA);
  EXPECT_TRUE(RunUntilAgreed(seconds(3)));
  EXPECT_EQ(a_->agent().selected()->local_base, kSecondBaseA);
}

TEST_P(IceSession, MeasuresTheRoundTripTimeOfThePath) {
  world_.Run(seconds(20));
  // Internet 25 ms, each LAN 1 ms, there and back.
  EXPECT_EQ(a_->agent().selected()->rtt, milliseconds(54));
  EXPECT_EQ(b_->agent().selected()->rtt, milliseconds(54));
}

TEST_P(IceSession, IsQuietOnceConnected) {
  world_.Run(seconds(60));  // losers have been given up
  const uint64_t before = world_.network().sent();
  world_.Run(seconds(60));
  // A request and its answer a second from each side, and little else.
  EXPECT_LE(world_.network().sent() - before, 60U * 4 * 3 / 2);
}

}  // namespace
}  // namespace natkit::ice
