// Limits and what happens at them: RFC 6888 REQ-4, 5 and 11, RFC 5508 REQ-8.
// Whatever is sent, state stays within its bounds.

#include <gtest/gtest.h>

#include <chrono>

#include "nat_engine_fixture.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kRemote{kServer1, 80};

TEST(NatLimits, AHostHasItsQuotaAndOthersTheirsRfc6888Req4) {
  NatConfig config = TestNat();
  config.limits.mappings_per_host = 3;
  NatHarness nat(config);
  for (uint16_t port = 1; port <= 3; ++port) {
    EXPECT_TRUE(nat.Out({kHost1, port}, kRemote));
  }
  EXPECT_EQ(nat.Out({kHost1, 4}, kRemote), std::nullopt);
  EXPECT_TRUE(nat.Out({kHost1, 3}, kRemote));
  EXPECT_TRUE(nat.Out({kHost2, 4}, kRemote));
  nat.Wait(120s);
  EXPECT_TRUE(nat.Out({kHost1, 4}, kRemote));
}

TEST(NatLimits, TheCreationRateIsLimitedPerHost) {
  NatConfig config = TestNat();
  config.limits.new_mappings_per_second = 10;
  NatHarness nat(config);
  int made = 0;
  for (uint16_t port = 1; port <= 50; ++port) {
    made += nat.Out({kHost1, port}, kRemote) ? 1 : 0;
  }
  EXPECT_EQ(made, 10);
  EXPECT_TRUE(nat.Out({kHost2, 1}, kRemote));
  nat.Wait(200ms);
  made = 0;
  for (uint16_t port = 100; port <= 150; ++port) {
    made += nat.Out({kHost1, port}, kRemote) ? 1 : 0;
  }
  EXPECT_EQ(made, 2);
}

TEST(NatLimits, TheRateOutlivesTheLastMapping) {
  NatConfig config = TestNat();
  config.limits.new_mappings_per_second = 2;
  config.timeouts.udp_unreplied = 1ms;
  config.timeouts.udp_assured = 1ms;
  NatHarness nat(config);
  int made = 0;
  for (uint16_t port = 1; port <= 20; ++port) {
    made += nat.Out({kHost1, port}, kRemote) ? 1 : 0;
    nat.Wait(2ms);
  }
  EXPECT_EQ(made, 2);
}

TEST(NatLimits, AFullTableDropsAndKeepsTheLivingRfc6888Req11) {
  NatConfig config = TestNat();
  config.limits.max_mappings = 2;
  NatHarness nat(config);
  const auto first = nat.Out({kHost1, 1}, kRemote);
  EXPECT_TRUE(nat.Out({kHost1, 2}, kRemote));
  EXPECT_EQ(nat.Out({kHost1, 3}, kRemote), std::nullopt);
  EXPECT_EQ(nat.engine.counters().dropped_full, 1U);
  EXPECT_EQ(nat.In(kRemote, *first), (Endpoint{kHost1, 1}));
}

TEST(NatLimits, AFullTableMayTellTheSenderRfc5508Req8) {
  NatConfig config = TestNat();
  config.limits.max_mappings = 1;
  config.limits.when_full = WhenFull::kIcmp;
  NatHarness nat(config);
  EXPECT_TRUE(nat.Out({kHost1, 1}, kRemote));
  EXPECT_EQ(nat.Out({kHost1, 2}, kRemote), std::nullopt);
  const Seen& error = nat.seen.back();
  EXPECT_EQ(error.side, Side::kInside);
  EXPECT_EQ(error.info.source.address, kGateway);
  EXPECT_EQ(error.info.destination.address, kHost1);
  EXPECT_EQ(error.info.icmp_type, 3);
  EXPECT_EQ(error.info.icmp_code, 13);
}

TEST(NatLimits, AFullTableMayEvictTheLongestIdle) {
  NatConfig config = TestNat();
  config.limits.max_mappings = 2;
  config.limits.when_full = WhenFull::kEvictOldest;
  NatHarness nat(config);
  const auto first = nat.Out({kHost1, 1}, kRemote);
  const auto second = nat.Out({kHost1, 2}, kRemote);
  EXPECT_TRUE(nat.In(kRemote, *first));  // used: the second is now the oldest
  EXPECT_TRUE(nat.Out({kHost2, 3}, kRemote));
  EXPECT_EQ(nat.engine.counters().mappings_evicted, 1U);
  EXPECT_TRUE(nat.In(kRemote, *first));
  EXPECT_EQ(nat.In(kRemote, *second), std::nullopt);
}

TEST(NatLimits, AQuotaEvictsOnlyTheHostsOwn) {
  NatConfig config = TestNat();
  config.limits.mappings_per_host = 1;
  config.limits.when_full = WhenFull::kEvictOldest;
  NatHarness nat(config);
  const auto other = nat.Out({kHost2, 1}, kRemote);
  const auto first = nat.Out({kHost1, 1}, kRemote);
  EXPECT_TRUE(nat.Out({kHost1, 2}, kRemote));
  EXPECT_TRUE(nat.In(kRemote, *other));
  EXPECT_EQ(nat.In(kRemote, *first), std::nullopt);
}

TEST(NatLimits, NobodyIsEvictedForAPortThatDoesNotHelp) {
  NatConfig config = TestNat();
  config.keep_parity = true;
  config.port_range = {.first = 40000, .last = 40003};
  config.limits.when_full = WhenFull::kEvictOldest;
  NatHarness nat(config);
  // The idle-longest has an even port; the odd ones are taken after it.
  ASSERT_TRUE(nat.Out({kHost1, 40000}, {kServer1, 1000}));
  ASSERT_TRUE(nat.Out({kHost1, 40001}, {kServer1, 1000}));
  ASSERT_TRUE(nat.Out({kHost1, 40003}, {kServer1, 1000}));
  const auto mapped = nat.Out({kHost1, 40007}, {kServer1, 1000});
  ASSERT_TRUE(mapped);
  EXPECT_EQ(mapped->port, 40001) << "the idle-longest odd one";
  EXPECT_EQ(nat.engine.counters().mappings_evicted, 1U);
  EXPECT_TRUE(nat.In({kServer1, 1000}, {kExternal, 40000}));
}

TEST(NatLimits, ExhaustedPortsMayEvictToo) {
  NatConfig config = TestNat();
  config.port_range = {.first = 2000, .last = 2001};
  config.limits.when_full = WhenFull::kEvictOldest;
  NatHarness nat(config);
  const auto first = nat.Out({kHost1, 1}, kRemote);
  EXPECT_TRUE(nat.Out({kHost1, 2}, kRemote));
  EXPECT_EQ(nat.Out({kHost2, 3}, kRemote), first);  // the port it had
  EXPECT_EQ(nat.engine.mapping_count(), 2U);
}

TEST(NatLimits, AMappingHasSoManySessions) {
  for (const auto when_full : {WhenFull::kDrop, WhenFull::kEvictOldest}) {
    NatConfig config = TestNat();
    config.limits.sessions_per_mapping = 2;
    config.limits.when_full = when_full;
    NatHarness nat(config);
    const Endpoint inside{kHost1, 1};
    const auto external = nat.Out(inside, {kServer1, 1});
    EXPECT_TRUE(nat.Out(inside, {kServer1, 2}));
    const bool evicts = when_full == WhenFull::kEvictOldest;
    EXPECT_EQ(nat.Out(inside, {kServer1, 3}).has_value(), evicts);
    EXPECT_EQ(nat.In({kServer1, 1}, *external).has_value(), !evicts);
    EXPECT_EQ(nat.In({kServer1, 3}, *external).has_value(), evicts);
    EXPECT_EQ(nat.engine.session_count(), 2U);
  }
}

TEST(NatLimits, LocalFlowsOfAPoisonableBoxAreBounded) {
  NatConfig config = TestNat();
  config.poisonable = true;
  config.limits.max_sessions = 100;
  NatHarness nat(config);
  for (uint16_t port = 1; port <= 1000; ++port) {
    EXPECT_EQ(nat.In({kServer1, port}, {kExternal, 5000}), std::nullopt);
  }
  EXPECT_EQ(nat.engine.session_count(), 100U);
}

/// A flood of new flows, of every kind that makes state, from many hosts.
void Flood(const NatConfig& config, uint64_t seed) {
  NatHarness nat(config, seed);
  SimRng rng(seed);
  for (int i = 0; i < 20000; ++i) {
    const Endpoint inside{
        IpAddress::V4(192, 168, 1, static_cast<uint8_t>(2 + rng.NextBelow(99))),
        static_cast<uint16_t>(rng.Next())};
    const Endpoint remote{IpAddress::V4(203, 0, 113, 7),
                          static_cast<uint16_t>(rng.Next())};
    switch (rng.NextBelow(4)) {
      case 0:
        (void)nat.TcpOut(inside, remote, kTcpSyn);
        break;
      case 1:
        (void)nat.In(remote, {kExternal, static_cast<uint16_t>(rng.Next())});
        break;
      default:
        (void)nat.Out(inside, remote);
    }
    nat.Wait(std::chrono::milliseconds(rng.NextBelow(50)));
    nat.seen.clear();
    ASSERT_LE(nat.engine.mapping_count(), config.limits.max_mappings);
    ASSERT_LE(nat.engine.session_count(), config.limits.max_sessions);
  }
  nat.Wait(200h);
  nat.engine.HandleTimeout(nat.now);
  EXPECT_EQ(nat.engine.mapping_count(), 0U);
  EXPECT_EQ(nat.engine.session_count(), 0U);
}

TEST(NatLimits, StateStaysWithinItsBoundsUnderAFloodAndGoesAfterIt) {
  for (const auto when_full :
       {WhenFull::kDrop, WhenFull::kIcmp, WhenFull::kEvictOldest}) {
    NatConfig config = TestNat();
    config.limits.max_mappings = 300;
    config.limits.max_sessions = 500;
    config.limits.mappings_per_host = 20;
    config.limits.when_full = when_full;
    config.poisonable = true;
    Flood(config, 1);
    config.mapping = Dependence::kAddressAndPortDependent;
    config.port_assignment = PortAssignment::kPreserveOverload;
    config.timer_scope = TimerScope::kSession;
    config.refresh.inbound = true;
    Flood(config, 2);
    config.port_assignment = PortAssignment::kDynamicBlock;
    config.block_size = 16;
    config.filtering = Dependence::kEndpointIndependent;
    config.port_quarantine = 5s;
    Flood(config, 3);
  }
}

TEST(NatLimits, TheQueueIsBounded) {
  NatConfig config = TestNat();
  NatHarness nat(config);
  for (int i = 0; i < 10000; ++i) {
    auto ping = BuildEcho(kHost1, kGateway, EchoKind::kRequest, 1, 1, {});
    EXPECT_EQ(nat.engine.Process(nat.now, Side::kInside, ping), std::nullopt);
  }
  EXPECT_EQ(nat.engine.NextTimeout(), nat.now);
  nat.Drain();
  EXPECT_EQ(nat.seen.size(), 4096U);
}

TEST(NatLimits, WhomTheRateHoldsUpEvictsNobody) {
  NatConfig config = TestNat();
  config.limits.mappings_per_host = 3;
  config.limits.new_mappings_per_second = 3;
  config.limits.when_full = WhenFull::kEvictOldest;
  NatHarness nat(config);
  for (uint16_t port = 1; port <= 3; ++port) {
    EXPECT_TRUE(nat.Out({kHost1, port}, kRemote));
  }
  EXPECT_EQ(nat.Out({kHost1, 4}, kRemote), std::nullopt);
  EXPECT_EQ(nat.engine.counters().mappings_evicted, 0U);
  nat.Wait(1s);
  EXPECT_TRUE(nat.Out({kHost1, 4}, kRemote));
  EXPECT_EQ(nat.engine.counters().mappings_evicted, 1U);
}

TEST(NatLimits, AHostKeepsItsAddressWhenItEvictsForAPort) {
  NatConfig config = TestNat();
  config.external = {kExternal, IpAddress::V4(198, 51, 100, 2)};
  config.port_range = {40'000, 40'003};
  config.limits.when_full = WhenFull::kEvictOldest;
  NatHarness nat(config);
  const auto first = nat.Out({kHost1, 1}, kRemote);
  ASSERT_TRUE(first);
  for (uint16_t port = 2; port <= 12; ++port) {
    const auto next = nat.Out({kHost1, port}, kRemote);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->address, first->address) << port;
  }
  EXPECT_EQ(nat.engine.counters().mappings_evicted, 8U);
}

}  // namespace
}  // namespace natkit::netsim
