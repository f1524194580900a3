// Port forwards: RFC 6886, RFC 6887 sections 11 and 16, RFC 6888 REQ-9.

#include <gtest/gtest.h>

#include <chrono>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kInside{kHost1, 5000};
constexpr Endpoint kRemote{kServer1, 80};

ForwardRequest Request(uint16_t suggested, bool must = false) {
  return {.protocol = 17,
          .inside = kInside,
          .suggested_port = suggested,
          .must_be_suggested = must,
          .lifetime = 1h};
}

TEST(NatForwards, AForwardAdmitsEverybodyAndIsUsedOutbound) {
  for (const auto mapping :
       {Dependence::kEndpointIndependent, Dependence::kAddressDependent,
        Dependence::kAddressAndPortDependent}) {
    NatConfig config = TestNat();
    config.mapping = mapping;
    config.port_assignment = PortAssignment::kRandom;
    NatHarness nat(config);
    const auto external = nat.engine.AddForward(nat.now, Request(7000));
    ASSERT_TRUE(external);
    EXPECT_EQ(*external, (Endpoint{kExternal, 7000}));
    EXPECT_EQ(nat.In(kRemote, *external), kInside);
    EXPECT_EQ(nat.In({kServer2, 9}, *external), kInside);
    EXPECT_EQ(nat.Out(kInside, {kServer2, 10}), *external);
    EXPECT_EQ(nat.Out(kInside, kRemote), *external);
  }
}

/// One inside endpoint with two external ones (UPnP allows it).
TEST(NatForwards, ASecondLeaseIsReachedByAPeerOfTheFirst) {
  NatHarness nat(TestNat());
  const auto first = nat.engine.AddForward(nat.now, Request(7000, true));
  const auto second = nat.engine.AddForward(nat.now, Request(7001, true));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(nat.In(kRemote, *first), kInside);
  EXPECT_EQ(nat.In(kRemote, *second), kInside);
  EXPECT_EQ(nat.In(kRemote, *first), kInside);
  EXPECT_EQ(nat.In({kServer2, 9}, *second), kInside);
  EXPECT_EQ(nat.Out(kInside, kRemote), *first);
  EXPECT_EQ(nat.Out(kInside, {kServer2, 9}), *second);
  EXPECT_EQ(nat.engine.session_count(), 2U);
  EXPECT_EQ(nat.engine.counters().dropped_full, 0U);
}

/// The inside host could not tell the two connections apart.
TEST(NatForwards, ASecondConnectionOfThePairIsFilteredNotFull) {
  NatHarness nat(TestNat());
  ForwardRequest request = Request(7000, true);
  request.protocol = 6;
  const auto first = nat.engine.AddForward(nat.now, request);
  request.suggested_port = 7001;
  const auto second = nat.engine.AddForward(nat.now, request);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(nat.TcpIn(kRemote, *first, kTcpSyn), kInside);
  EXPECT_FALSE(nat.TcpIn(kRemote, *second, kTcpSyn));
  EXPECT_EQ(nat.TcpIn({kServer2, 9}, *second, kTcpSyn), kInside);
  EXPECT_EQ(nat.engine.counters().dropped_filtered, 1U);
  EXPECT_EQ(nat.engine.counters().dropped_full, 0U);
}

TEST(NatForwards, AForwardEndsWithItsLeaseNotWithSilence) {
  NatHarness nat(TestNat());
  const auto external = nat.engine.AddForward(nat.now, Request(7000));
  EXPECT_EQ(nat.engine.Mappings(nat.now)[0].expires_at, nat.now + 1h);
  nat.Wait(1h - 1ns);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
  EXPECT_EQ(nat.engine.session_count(), 1U);
  nat.Wait(1ns);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);
  EXPECT_EQ(nat.engine.session_count(), 0U);
}

TEST(NatForwards, AskingAgainRenews) {
  NatHarness nat(TestNat());
  const auto external = nat.engine.AddForward(nat.now, Request(7000));
  nat.Wait(40min);
  EXPECT_EQ(nat.engine.AddForward(nat.now, Request(8000)), external);
  nat.Wait(40min);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
  EXPECT_EQ(nat.engine.mapping_count(), 1U);
}

TEST(NatForwards, ATakenPortIsReplacedUnlessItMustBeThatOne) {
  NatHarness nat(TestNat());
  EXPECT_EQ(nat.Out({kHost2, 7000}, kRemote)->port, 7000);
  const auto refused = nat.engine.AddForward(nat.now, Request(7000, true));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kAlreadyExists);
  const auto other = nat.engine.AddForward(nat.now, Request(7000));
  ASSERT_TRUE(other);
  EXPECT_EQ(other->port, 5000);  // the inside port, by preservation
}

TEST(NatForwards, OnLinuxAForwardSharesItsPortWithFlowsButNotWithForwards) {
  NatConfig config = TestNat();
  config.mapping = Dependence::kAddressAndPortDependent;
  config.port_assignment = PortAssignment::kPreserveOverload;
  config.timer_scope = TimerScope::kSession;
  NatHarness nat(config);
  EXPECT_EQ(nat.Out({kHost2, 7000}, kRemote)->port, 7000);
  const auto external = nat.engine.AddForward(nat.now, Request(7000, true));
  ASSERT_TRUE(external);
  EXPECT_EQ(nat.In({kServer2, 1}, *external), kInside);
  EXPECT_EQ(nat.In(kRemote, *external), (Endpoint{kHost2, 7000}));
  ForwardRequest other = Request(7000, true);
  other.inside = {kHost2, 1};
  EXPECT_FALSE(nat.engine.AddForward(nat.now, other));
}

TEST(NatForwards, AnImplicitMappingBecomesExplicitWhereItIs) {
  NatConfig config = TestNat();
  config.port_assignment = PortAssignment::kRandom;
  NatHarness nat(config);
  const auto implicit = nat.Out(kInside, kRemote);
  EXPECT_EQ(nat.In({kServer2, 1}, *implicit), std::nullopt);
  const auto external = nat.engine.AddForward(nat.now, Request(0));
  ASSERT_TRUE(external);
  EXPECT_EQ(*external, *implicit);
  EXPECT_EQ(nat.In({kServer2, 1}, *external), kInside);
  nat.Wait(10min);
  EXPECT_EQ(nat.In({kServer2, 1}, *external), kInside);
}

TEST(NatForwards, AnotherPortThanTheImplicitOneIsAddedIfItMust) {
  NatConfig config = TestNat();
  config.port_assignment = PortAssignment::kRandom;
  NatHarness nat(config);
  const auto implicit = nat.Out(kInside, kRemote);
  const auto external = nat.engine.AddForward(nat.now, Request(7000, true));
  ASSERT_TRUE(external);
  EXPECT_EQ(external->port, 7000);
  EXPECT_EQ(nat.In(kRemote, *implicit), kInside);
  EXPECT_EQ(nat.Out(kInside, kRemote), implicit);  // a flow stays
  EXPECT_EQ(nat.Out(kInside, {kServer2, 1})->port, 7000);
  nat.Wait(2min);
  EXPECT_EQ(nat.Out(kInside, kRemote)->port, 7000);
}

TEST(NatForwards, RemovalTakesOneOrAllOfAHost) {
  NatHarness nat(TestNat());
  ForwardRequest second = Request(7001);
  second.inside.port = 5001;
  EXPECT_TRUE(nat.engine.AddForward(nat.now, Request(7000)));
  EXPECT_TRUE(nat.engine.AddForward(nat.now, second));
  EXPECT_TRUE(nat.engine.RemoveForward(nat.now, 17, kInside));
  EXPECT_FALSE(nat.engine.RemoveForward(nat.now, 17, kInside));
  EXPECT_EQ(nat.In(kRemote, {kExternal, 7000}), std::nullopt);
  EXPECT_TRUE(nat.In(kRemote, {kExternal, 7001}));
  EXPECT_FALSE(nat.engine.RemoveForward(nat.now, 6, {kHost1, 0}));
  EXPECT_TRUE(nat.engine.RemoveForward(nat.now, 17, {kHost1, 0}));
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatForwards, ImpossibleRequestsAreRefused) {
  NatConfig config = TestNat();
  config.limits.max_mappings = 1;
  NatHarness nat(config);
  const auto code = [&](const ForwardRequest& request) {
    return nat.engine.AddForward(nat.now, request).error().code;
  };
  ForwardRequest bad = Request(0);
  bad.protocol = 1;
  EXPECT_EQ(code(bad), Errc::kBadValue);
  bad = Request(0);
  bad.inside.address = kGateway;
  EXPECT_EQ(code(bad), Errc::kBadValue);
  bad = Request(0);
  bad.lifetime = 0s;
  EXPECT_EQ(code(bad), Errc::kBadValue);
  EXPECT_TRUE(nat.engine.AddForward(nat.now, Request(0)));
  ForwardRequest more = Request(0);
  more.inside.port = 1;
  EXPECT_EQ(code(more), Errc::kLimitExceeded);
}

TEST(NatForwards, StaticForwardsAreThereFromTheStartAndSurviveReboots) {
  NatConfig config = TestNat();
  config.forwards = {{.protocol = 17, .external_port = 80, .inside = kInside}};
  NatHarness nat(config);
  EXPECT_EQ(nat.engine.Mappings(nat.now)[0].expires_at, std::nullopt);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 80}), kInside);
  nat.engine.Reboot(nat.now, std::nullopt);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 80}), kInside);
  EXPECT_FALSE(nat.engine.RemoveForward(nat.now, 17, kInside));
  EXPECT_TRUE(nat.engine.AddForward(nat.now, Request(0)));
  nat.Wait(1000h);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 80}), kInside);
}

TEST(NatForwards, AForwardIsNotEvicted) {
  NatConfig config = TestNat();
  config.limits.max_mappings = 1;
  config.limits.when_full = WhenFull::kEvictOldest;
  NatHarness nat(config);
  EXPECT_TRUE(nat.engine.AddForward(nat.now, Request(7000)));
  EXPECT_EQ(nat.Out({kHost2, 1}, kRemote), std::nullopt);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 7000}), kInside);
}

TEST(NatForwards, EveryLeaseOfAnEndpointIsRenewedOnItsOwn) {
  NatHarness nat(TestNat());
  ASSERT_TRUE(nat.engine.AddForward(nat.now, Request(7000, true)));
  ASSERT_TRUE(nat.engine.AddForward(nat.now, Request(7001, true)));
  nat.Wait(40min);
  const auto again = nat.engine.AddForward(nat.now, Request(7001, true));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->port, 7001);
  nat.Wait(40min);  // past the end of the first
  EXPECT_EQ(nat.In({kServer2, 1}, {kExternal, 7000}), std::nullopt);
  EXPECT_EQ(nat.In({kServer2, 1}, {kExternal, 7001}), kInside);
}

TEST(NatForwards, WhatIsLeftOfSeveralLeasesIsUsedOutbound) {
  NatHarness nat(TestNat());
  ASSERT_TRUE(nat.engine.AddForward(nat.now, Request(7000, true)));
  nat.Wait(1min);
  ASSERT_TRUE(nat.engine.AddForward(nat.now, Request(7001, true)));
  ASSERT_TRUE(nat.engine.AddForward(nat.now, Request(7002, true)));
  EXPECT_EQ(nat.Out(kInside, kRemote)->port, 7000);
  nat.Wait(59min);
  EXPECT_EQ(nat.Out(kInside, kRemote)->port, 7001);
  EXPECT_EQ(nat.In({kServer2, 1}, {kExternal, 7002}), kInside);
}

}  // namespace
}  // namespace natkit::netsim
