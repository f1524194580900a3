// What connection tracking does beside the RFCs, as measured on nftables by
// system.netsim_crosscheck.

#include <gtest/gtest.h>

#include <chrono>

#include "nat_engine_fixture.h"
#include "natkit/netsim/profile.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kClient{kHost1, 5000};
constexpr Endpoint kRival{kHost2, 5000};
constexpr Endpoint kServer{kServer1, 80};
constexpr Endpoint kOther{kServer2, 80};

NatConfig Linux(std::string_view profile = "linux-masquerade") {
  NatConfig config = FindProfile(profile)->make();
  config.external = {kExternal};
  config.inside_address = kGateway;
  return config;
}

TEST(NatLinux, AnInsideEndpointKeepsTheExternalPortOfItsNewestFlow) {
  NatHarness nat(Linux());
  ASSERT_EQ(nat.Out(kClient, kServer)->port, 5000);
  const auto moved = nat.Out(kRival, kServer);
  ASSERT_NE(moved->port, 5000);
  EXPECT_EQ(nat.Out(kRival, kOther), moved);
}

TEST(NatLinux, TheNewestFlowCountsNotTheFirst) {
  NatHarness nat(Linux());
  ASSERT_EQ(nat.Out(kRival, kOther)->port, 5000);
  ASSERT_EQ(nat.Out(kClient, kServer)->port, 5000);
  const auto moved = nat.Out(kRival, kServer);
  ASSERT_NE(moved->port, 5000);
  EXPECT_EQ(nat.Out(kRival, {kServer2, 81}), moved);
}

TEST(NatLinux, AfterTheNewestFlowHasGoneTheOneBeforeCounts) {
  NatHarness nat(Linux());
  ASSERT_EQ(nat.Out(kClient, kServer)->port, 5000);
  const auto moved = nat.Out(kRival, kServer);
  nat.Wait(20s);
  ASSERT_EQ(nat.Out(kRival, kOther), moved);
  nat.Wait(15s);  // the flow to kServer has gone
  EXPECT_EQ(nat.Out(kRival, {kServer2, 81}), moved);
  nat.Wait(30s);
  EXPECT_EQ(nat.Out(kRival, {kServer2, 82})->port, 5000);
}

TEST(NatLinux, ATakenTupleIsNotReused) {
  NatHarness nat(Linux());
  ASSERT_EQ(nat.Out(kClient, kServer)->port, 5000);
  ASSERT_EQ(nat.Out(kClient, kOther)->port, 5000);
  const auto first = nat.Out(kRival, kServer);
  const auto second = nat.Out(kRival, kOther);
  EXPECT_EQ(first, second);
  EXPECT_NE(first->port, 5000);
}

TEST(NatLinux, TheFirstAnswerExtendsByTheShortLifetimeHoweverLateItComes) {
  NatHarness nat(Linux());
  const auto external = nat.Out(kClient, kServer);
  nat.Wait(20s);
  ASSERT_TRUE(nat.In(kServer, *external));
  nat.Wait(30s);
  EXPECT_FALSE(nat.In(kServer, *external));
}

TEST(NatLinux, TheSecondAnswerExtendsByTheLongOne) {
  NatHarness nat(Linux());
  const auto external = nat.Out(kClient, kServer);
  ASSERT_TRUE(nat.In(kServer, *external));
  nat.Wait(2s);
  ASSERT_TRUE(nat.In(kServer, *external));
  nat.Wait(119s);
  EXPECT_TRUE(nat.In(kServer, *external));
}

TEST(NatLinux, PicksUpATcpConnectionInTheMiddle) {
  NatHarness nat(Linux());
  const auto external = nat.TcpOut(kClient, kServer, kTcpAck);
  ASSERT_TRUE(external);
  EXPECT_EQ(external->port, 5000);
  EXPECT_TRUE(nat.TcpIn(kServer, *external, kTcpAck));
  nat.Wait(24h);  // established
  EXPECT_TRUE(nat.TcpIn(kServer, *external, kTcpAck));
}

TEST(NatLinux, APickedUpConnectionWithoutAnswerIsShort) {
  NatHarness nat(Linux());
  const auto external = nat.TcpOut(kClient, kServer, kTcpAck);
  nat.Wait(120s);
  EXPECT_FALSE(nat.TcpIn(kServer, *external, kTcpAck));
}

TEST(NatLinux, DoesNotPickUpAtItsEndNorFromOutside) {
  NatHarness nat(Linux());
  EXPECT_FALSE(nat.TcpOut(kClient, kServer, kTcpFin | kTcpAck));
  EXPECT_FALSE(nat.TcpOut(kClient, kServer, kTcpRst));
  EXPECT_FALSE(nat.TcpOut(kClient, kServer, kTcpSyn | kTcpAck));
  EXPECT_FALSE(nat.TcpIn(kServer, {kExternal, 5000}, kTcpAck));
  EXPECT_EQ(nat.engine.session_count(), 0U);
}

TEST(NatLinux, OthersDoNotPickUpConnections) {
  NatHarness nat(TestNat());
  EXPECT_FALSE(nat.TcpOut(kClient, kServer, kTcpAck));
}

TEST(NatLinux, RefusesInsidePacketsToItsExternalAddress) {
  NatHarness nat(Linux());
  EXPECT_FALSE(nat.Hairpin(kClient, {kExternal, 9999}));
  ASSERT_FALSE(nat.seen.empty());
  EXPECT_TRUE(nat.seen.back().info.is_icmp_error());
  EXPECT_EQ(nat.seen.back().side, Side::kInside);
}

TEST(NatLinux, OnlyASynKeepsTheBoxsOwnConnectionAlive) {
  NatConfig config = Linux();
  config.poisonable = true;
  config.timeouts.tcp_opening = 10s;
  NatHarness nat(config);
  EXPECT_FALSE(nat.TcpIn(kServer, {kExternal, 5000}, kTcpSyn));
  EXPECT_EQ(nat.engine.session_count(), 1U);
  nat.Wait(6s);
  EXPECT_FALSE(nat.TcpIn(kServer, {kExternal, 5000}, kTcpAck));
  nat.Wait(4s);
  nat.engine.HandleTimeout(nat.now);
  EXPECT_EQ(nat.engine.session_count(), 0U);
}

}  // namespace
}  // namespace natkit::netsim
