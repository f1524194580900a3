// Mapping, filtering and refresh behavior: RFC 4787 sections 4.1, 4.3, 5.

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kInside{kHost1, 5000};
constexpr Endpoint kRemote{kServer1, 80};
constexpr Endpoint kSameAddress{kServer1, 81};
constexpr Endpoint kOther{kServer2, 80};

NatConfig With(Dependence mapping, Dependence filtering) {
  NatConfig config = TestNat();
  config.mapping = mapping;
  config.filtering = filtering;
  config.port_assignment = PortAssignment::kRandom;
  return config;
}

constexpr auto kEi = Dependence::kEndpointIndependent;
constexpr auto kAd = Dependence::kAddressDependent;
constexpr auto kApd = Dependence::kAddressAndPortDependent;

TEST(NatMapping, EndpointIndependentUsesOneExternalEndpointForAllRfc4787Req1) {
  NatHarness nat(With(kEi, kApd));
  const auto external = nat.Out(kInside, kRemote);
  ASSERT_TRUE(external);
  EXPECT_EQ(nat.Out(kInside, kSameAddress), external);
  EXPECT_EQ(nat.Out(kInside, kOther), external);
  EXPECT_EQ(nat.engine.mapping_count(), 1U);
  EXPECT_EQ(nat.engine.session_count(), 3U);
}

TEST(NatMapping, AddressDependentChangesWithTheRemoteAddressOnly) {
  NatHarness nat(With(kAd, kApd));
  const auto external = nat.Out(kInside, kRemote);
  EXPECT_EQ(nat.Out(kInside, kSameAddress), external);
  EXPECT_NE(nat.Out(kInside, kOther), external);
  EXPECT_EQ(nat.engine.mapping_count(), 2U);
}

TEST(NatMapping, AddressAndPortDependentChangesWithEitherAndStays) {
  NatHarness nat(With(kApd, kApd));
  const auto external = nat.Out(kInside, kRemote);
  const auto second = nat.Out(kInside, kSameAddress);
  const auto third = nat.Out(kInside, kOther);
  EXPECT_NE(external, second);
  EXPECT_NE(external, third);
  EXPECT_NE(second, third);
  EXPECT_EQ(nat.Out(kInside, kRemote), external);
}

TEST(NatMapping, TwoHostsNeverShareAnExternalEndpointRfc4787Req3) {
  NatHarness nat(With(kEi, kEi));
  const auto first = nat.Out({kHost1, 5000}, kRemote);
  const auto second = nat.Out({kHost2, 5000}, kOther);
  EXPECT_NE(first, second);
  EXPECT_EQ(nat.In(kOther, *first), (Endpoint{kHost1, 5000}));
  EXPECT_EQ(nat.In(kRemote, *second), (Endpoint{kHost2, 5000}));
}

TEST(NatMapping, UdpAndTcpAreMappedIndependentlyRfc7857Section5) {
  NatHarness nat(With(kEi, kEi));
  const auto udp = nat.Out(kInside, kRemote);
  const auto tcp = nat.TcpOut(kInside, kRemote, kTcpSyn);
  ASSERT_TRUE(tcp);
  EXPECT_EQ(nat.engine.mapping_count(), 2U);
  EXPECT_NE(udp->port, tcp->port);  // for this seed
}

TEST(NatFiltering, EndpointIndependentAdmitsEverybodyRfc4787Req8) {
  NatHarness nat(With(kEi, kEi));
  const auto external = nat.Out(kInside, kRemote);
  EXPECT_EQ(nat.In(kOther, *external), kInside);
  EXPECT_EQ(nat.In(kSameAddress, *external), kInside);
}

TEST(NatFiltering, AddressDependentAdmitsContactedAddresses) {
  NatHarness nat(With(kEi, kAd));
  const auto external = nat.Out(kInside, kRemote);
  EXPECT_EQ(nat.In(kSameAddress, *external), kInside);
  EXPECT_EQ(nat.In(kOther, *external), std::nullopt);
  EXPECT_EQ(nat.engine.counters().dropped_filtered, 1U);
  EXPECT_TRUE(nat.Out(kInside, {kServer2, 1}));
  EXPECT_EQ(nat.In(kOther, *external), kInside);
}

TEST(NatFiltering, AddressAndPortDependentAdmitsContactedEndpoints) {
  NatHarness nat(With(kEi, kApd));
  const auto external = nat.Out(kInside, kRemote);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
  EXPECT_EQ(nat.In(kSameAddress, *external), std::nullopt);
  EXPECT_EQ(nat.In(kOther, *external), std::nullopt);
}

TEST(NatFiltering, WithoutMappingNothingComesInAndNothingIsAnswered) {
  NatHarness nat(With(kEi, kEi));
  EXPECT_EQ(nat.In(kRemote, {kExternal, 4444}), std::nullopt);
  EXPECT_TRUE(nat.seen.empty());
  EXPECT_EQ(nat.engine.counters().dropped_unmapped, 1U);
}

TEST(NatFiltering, ASessionFloodKeepsTheAddressIndexRight) {
  NatHarness nat(With(kEi, kAd));
  const auto external = nat.Out(kInside, kRemote);
  for (uint16_t port = 1; port < 200; ++port) {
    EXPECT_TRUE(nat.Out(kInside, {kServer2, port}));
  }
  EXPECT_EQ(nat.In({kServer2, 60000}, *external), kInside);
  nat.Wait(120s);
  EXPECT_EQ(nat.In({kServer2, 60000}, *external), std::nullopt);
  EXPECT_EQ(nat.engine.session_count(), 0U);
}

TEST(NatFiltering, UnderAdMappingAnAdmittedStrangerIsAnsweredFromAnotherPort) {
  // The cells marked "a" in the table of hole punching.
  NatHarness nat(With(kApd, kEi));
  const auto external = nat.Out(kInside, kRemote);
  EXPECT_EQ(nat.In(kOther, *external), kInside);
  EXPECT_NE(nat.Out(kInside, kOther), external);
}

TEST(NatTimers, AMappingEndsExactlyOnTheTickRfc4787Req5) {
  NatHarness nat(With(kEi, kApd));
  const auto external = nat.Out(kInside, kRemote);
  nat.Wait(120s - 1ns);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
  nat.Wait(1ns);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatTimers, OutboundPacketsRefreshRfc4787Req6) {
  NatHarness nat(With(kEi, kApd));
  const auto external = nat.Out(kInside, kRemote);
  for (int i = 0; i < 6; ++i) {
    nat.Wait(60s);
    EXPECT_EQ(nat.Out(kInside, kRemote), external);
  }
  nat.Wait(119s);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
}

TEST(NatTimers, InboundPacketsRefreshOnlyWhereConfiguredRfc4787Req6a) {
  for (const bool inbound : {false, true}) {
    NatConfig config = With(kEi, kApd);
    config.refresh.inbound = inbound;
    NatHarness nat(config);
    const auto external = nat.Out(kInside, kRemote);
    for (int i = 0; i < 2; ++i) {
      nat.Wait(61s);
      (void)nat.In(kRemote, *external);
    }
    EXPECT_EQ(nat.In(kRemote, *external).has_value(), inbound);
  }
}

TEST(NatTimers, FilteredPacketsNeverRefresh) {
  NatConfig config = With(kEi, kApd);
  config.refresh.inbound = true;
  NatHarness nat(config);
  const auto external = nat.Out(kInside, kRemote);
  nat.Wait(60s);
  EXPECT_EQ(nat.In(kOther, *external), std::nullopt);
  nat.Wait(60s);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);
}

TEST(NatTimers, AMappingIsAssuredAfterTrafficBothWaysAndAWhile) {
  NatConfig config = With(kEi, kApd);
  config.timeouts.udp_unreplied = 30s;
  config.timeouts.udp_assured = 300s;
  config.timeouts.assured_after = 2s;
  config.refresh.inbound = true;
  NatHarness nat(config);
  const auto external = nat.Out(kInside, kRemote);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
  nat.Wait(30s);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);  // was not yet assured

  const auto again = nat.Out(kInside, kRemote);
  nat.Wait(2s);
  EXPECT_EQ(nat.In(kRemote, *again), kInside);
  nat.Wait(300s - 1ns);
  EXPECT_EQ(nat.In(kRemote, *again), kInside);
}

TEST(NatTimers, PerSessionScopeExpiresEachFlowAndThenTheMapping) {
  NatConfig config = With(kEi, kApd);
  config.timer_scope = TimerScope::kSession;
  NatHarness nat(config);
  const auto external = nat.Out(kInside, kRemote);
  nat.Wait(60s);
  EXPECT_EQ(nat.Out(kInside, kOther), external);
  nat.Wait(60s);
  EXPECT_EQ(nat.In(kRemote, *external), std::nullopt);
  EXPECT_EQ(nat.In(kOther, *external), kInside);
  EXPECT_EQ(nat.engine.mapping_count(), 1U);
  nat.Wait(60s);
  EXPECT_EQ(nat.In(kOther, *external), std::nullopt);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
}

TEST(NatTimers, PerMappingScopeKeepsEveryFlowThatTheMappingHad) {
  NatHarness nat(With(kEi, kApd));
  const auto external = nat.Out(kInside, kRemote);
  nat.Wait(100s);
  EXPECT_EQ(nat.Out(kInside, kOther), external);
  nat.Wait(100s);
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
}

TEST(NatTimers, NextTimeoutSaysWhenStateIsReclaimed) {
  NatHarness nat(With(kEi, kApd));
  EXPECT_EQ(nat.engine.NextTimeout(), std::nullopt);
  EXPECT_TRUE(nat.Out(kInside, kRemote));
  EXPECT_EQ(nat.engine.NextTimeout(), nat.now + 120s);
  nat.engine.HandleTimeout(nat.now + 120s);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
  EXPECT_EQ(nat.engine.NextTimeout(), std::nullopt);
}

TEST(NatTimers, TimeNeverGoesBack) {
  NatHarness nat(With(kEi, kApd));
  const auto external = nat.Out(kInside, kRemote);
  nat.now -= 30min;
  EXPECT_EQ(nat.Out(kInside, kRemote), external);
  nat.now += 30min + 119s;
  EXPECT_EQ(nat.In(kRemote, *external), kInside);
}

TEST(NatMapping, ViewsAreOrderedAndOnlyOfTheLiving) {
  NatHarness nat(With(kEi, kApd));
  EXPECT_TRUE(nat.Out({kHost2, 7}, kRemote));
  nat.Wait(10s);
  EXPECT_TRUE(nat.Out({kHost1, 9}, kRemote));
  EXPECT_TRUE(nat.TcpOut({kHost2, 7}, kRemote, kTcpSyn));
  auto views = nat.engine.Mappings(nat.now);
  ASSERT_EQ(views.size(), 3U);
  EXPECT_EQ(views[0].protocol, 6);
  EXPECT_EQ(views[1].inside, (Endpoint{kHost1, 9}));
  EXPECT_EQ(views[1].expires_at, nat.now + 120s);
  EXPECT_EQ(views[2].inside, (Endpoint{kHost2, 7}));
  views = nat.engine.Mappings(nat.now + 110s);
  EXPECT_EQ(views.size(), 2U);
}

TEST(NatMapping, ARebootWithTheAddressItHasLosesNoOtherAddress) {
  NatConfig config = TestNat();
  const IpAddress second = IpAddress::V4(198, 51, 100, 2);
  config.external = {kExternal, second};
  NatHarness nat(config);
  nat.engine.Reboot(nat.now, kExternal);
  EXPECT_EQ(nat.engine.external_address(), kExternal);
  std::set<IpAddress> seen;
  for (uint8_t i = 10; i < 14; ++i) {
    seen.insert(nat.Out({IpAddress::V4(192, 168, 1, i), 1}, {kServer1, 80})
                    .value_or(Endpoint{})
                    .address);
  }
  EXPECT_EQ(seen, (std::set<IpAddress>{kExternal, second}));
}

}  // namespace
}  // namespace natkit::netsim
