// Port assignment: RFC 4787 section 4.2, RFC 6888, RFC 7422, RFC 7857.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>

#include "nat_engine_fixture.h"

namespace natkit::netsim {
namespace {

using namespace std::chrono_literals;

constexpr Endpoint kRemote{kServer1, 80};
constexpr Endpoint kOther{kServer2, 80};

NatConfig With(PortAssignment assignment) {
  NatConfig config = TestNat();
  config.port_assignment = assignment;
  return config;
}

IpAddress Host(uint8_t i) {
  return IpAddress::V4(192, 168, 1, i);
}

TEST(NatPorts, PreserveKeepsThePortUntilAnotherHostHasIt) {
  NatHarness nat(With(PortAssignment::kPreserve));
  EXPECT_EQ(nat.Out({kHost1, 5000}, kRemote), (Endpoint{kExternal, 5000}));
  const auto second = nat.Out({kHost2, 5000}, kRemote);
  ASSERT_TRUE(second);
  EXPECT_NE(second->port, 5000);
  EXPECT_EQ(nat.Out({kHost2, 5001}, kRemote)->port, 5001);
}

TEST(NatPorts, PreserveLeavesTheRangeToNobody) {
  NatConfig config = With(PortAssignment::kPreserve);
  config.port_range = {.first = 30000, .last = 30009};
  NatHarness nat(config);
  std::set<uint16_t> ports;
  for (uint16_t i = 0; i < 10; ++i) {
    const auto external =
        nat.Out({kHost1, static_cast<uint16_t>(100 + i)}, kRemote);
    ASSERT_TRUE(external);
    ports.insert(external->port);
  }
  EXPECT_EQ(ports.size(), 10U);
  EXPECT_EQ(*ports.begin(), 30000);
  EXPECT_EQ(*ports.rbegin(), 30009);
  EXPECT_EQ(nat.Out({kHost1, 30000}, kRemote), std::nullopt);
  EXPECT_EQ(nat.engine.counters().dropped_full, 1U);
}

NatConfig Linux() {
  NatConfig config = With(PortAssignment::kPreserveOverload);
  config.mapping = Dependence::kAddressAndPortDependent;
  config.timer_scope = TimerScope::kSession;
  config.timeouts.udp_unreplied = 30s;
  config.timeouts.assured_after = 2s;
  config.refresh.inbound = true;
  return config;
}

TEST(NatPorts, OverloadSharesAPortAsLongAsRemotesDiffer) {
  NatHarness nat(Linux());
  EXPECT_EQ(nat.Out({kHost1, 5000}, kRemote)->port, 5000);
  EXPECT_EQ(nat.Out({kHost1, 5000}, kOther)->port, 5000);
  EXPECT_EQ(nat.Out({kHost2, 5000}, {kServer2, 81})->port, 5000);
  const auto clash = nat.Out({kHost2, 5000}, kRemote);
  EXPECT_NE(clash->port, 5000);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 5000}), (Endpoint{kHost1, 5000}));
  EXPECT_EQ(nat.In(kRemote, *clash), (Endpoint{kHost2, 5000}));
  EXPECT_EQ(nat.In({kServer2, 81}, {kExternal, 5000}),
            (Endpoint{kHost2, 5000}));
}

TEST(NatPorts, AnEarlyPacketPoisonsThePortOfStockLinux) {
  NatConfig config = Linux();
  config.poisonable = true;
  NatHarness nat(config);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 40060}), std::nullopt);
  EXPECT_EQ(nat.engine.session_count(), 1U);
  // The flow to that remote leaves from elsewhere, and then others as well.
  const auto moved = nat.Out({kHost1, 40060}, kRemote);
  ASSERT_TRUE(moved);
  EXPECT_NE(moved->port, 40060);
  EXPECT_EQ(nat.Out({kHost1, 40060}, kOther), moved);
  // What the remote sends to the port it knows is swallowed.
  EXPECT_EQ(nat.In(kRemote, {kExternal, 40060}), std::nullopt);
  EXPECT_EQ(nat.In(kRemote, *moved), (Endpoint{kHost1, 40060}));
}

TEST(NatPorts, APoisonedPortIsFreeAgainAfterTheUnrepliedTime) {
  NatConfig config = Linux();
  config.poisonable = true;
  NatHarness nat(config);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 40060}), std::nullopt);
  nat.Wait(29s);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 40060}), std::nullopt);  // refreshes
  nat.Wait(30s - 1ns);
  EXPECT_NE(nat.Out({kHost1, 40060}, kRemote)->port, 40060);
  nat.Wait(1ns);
  EXPECT_EQ(nat.Out({kHost2, 40060}, kRemote)->port, 40060);
}

TEST(NatPorts, PoisonMovesOneFlowOfAnEndpointIndependentMappingToo) {
  NatConfig config = With(PortAssignment::kPreserve);
  config.poisonable = true;
  NatHarness nat(config);
  EXPECT_EQ(nat.Out({kHost1, 5000}, kOther)->port, 5000);
  EXPECT_EQ(nat.In(kRemote, {kExternal, 5000}), std::nullopt);
  EXPECT_NE(nat.Out({kHost1, 5000}, kRemote)->port, 5000);
  EXPECT_EQ(nat.Out({kHost1, 5000}, kOther)->port, 5000);
}

TEST(NatPorts, SequentialTakesTheNextByItsStepAndSkipsTakenOnes) {
  for (const int step : {1, 2, -1, 7}) {
    NatConfig config = With(PortAssignment::kSequential);
    config.mapping = Dependence::kAddressAndPortDependent;
    config.port_step = step;
    NatHarness nat(config);
    const int first = nat.Out({kHost1, 1}, kRemote)->port;
    const int size = 65536 - 1024;
    for (int i = 1; i < 20; ++i) {
      const auto external =
          nat.Out({kHost1, 1}, {kServer2, static_cast<uint16_t>(i)});
      EXPECT_EQ(external->port, 1024 + (first - 1024 + i * step + size) % size);
    }
  }
}

TEST(NatPorts, SequentialFindsEveryPortWhateverTheStep) {
  NatConfig config = With(PortAssignment::kSequential);
  config.port_range = {.first = 2000, .last = 2099};
  config.port_step = 10;
  NatHarness nat(config);
  std::set<uint16_t> ports;
  for (uint16_t i = 0; i < 100; ++i) {
    ports.insert(nat.Out({kHost1, i}, kRemote)->port);
  }
  EXPECT_EQ(ports.size(), 100U);
  EXPECT_EQ(nat.Out({kHost1, 100}, kRemote), std::nullopt);
}

TEST(NatPorts, ForeignTrafficMovesTheSequenceAtItsRate) {
  NatConfig config = With(PortAssignment::kSequential);
  config.foreign_rate = 50;
  double total = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    NatHarness nat(config, seed);
    const int first = nat.Out({kHost1, 1}, kRemote)->port;
    nat.Wait(200ms);
    const int second = nat.Out({kHost1, 2}, kRemote)->port;
    total += (second - first - 1 + 64512) % 64512;
  }
  EXPECT_NEAR(total / 100, 10, 1.5);  // Poisson: sigma of the mean is 0.32
}

TEST(NatPorts, RandomPortsSpreadOverTheWholeRange) {
  NatConfig config = With(PortAssignment::kRandom);
  config.port_range = {.first = 50001, .last = 65535};
  NatHarness nat(config);
  std::map<int, int> quarters;
  for (uint16_t i = 0; i < 4000; ++i) {
    const auto external = nat.Out({kHost1, i}, kRemote);
    ASSERT_TRUE(external);
    ASSERT_GE(external->port, 50001);
    ++quarters[(external->port - 50001) * 4 / 15535];
  }
  for (const auto& [quarter, count] : quarters) {
    EXPECT_NEAR(count, 1000, 120);
  }
}

TEST(NatPorts, ParityIsKeptRfc4787Req4) {
  for (const auto assignment :
       {PortAssignment::kPreserve, PortAssignment::kRandom,
        PortAssignment::kSequential, PortAssignment::kDynamicBlock,
        PortAssignment::kDeterministicBlock}) {
    NatConfig config = With(assignment);
    config.keep_parity = true;
    NatHarness nat(config);
    for (uint16_t port = 6000; port < 6032; ++port) {
      EXPECT_EQ(nat.Out({kHost1, port}, kRemote)->port % 2, port % 2);
      EXPECT_EQ(nat.Out({kHost2, port}, kRemote)->port % 2, port % 2);
    }
  }
}

TEST(NatPorts, AContiguousPortFollowsRfc4787Section423) {
  for (const auto mapping : {Dependence::kEndpointIndependent,
                             Dependence::kAddressAndPortDependent}) {
    NatConfig config = With(PortAssignment::kRandom);
    config.mapping = mapping;
    config.keep_contiguity = true;
    NatHarness nat(config);
    const auto rtp = nat.Out({kHost1, 6000}, kRemote);
    EXPECT_EQ(nat.Out({kHost1, 6001}, kRemote)->port, rtp->port + 1);
  }
}

TEST(NatPorts, PortClassIsKeptRfc4787Req3a) {
  NatConfig config = With(PortAssignment::kRandom);
  config.keep_port_class = true;
  NatHarness nat(config);
  for (uint16_t port = 500; port < 600; ++port) {
    EXPECT_LT(nat.Out({kHost1, port}, kRemote)->port, 1024);
    EXPECT_GE(
        nat.Out({kHost1, static_cast<uint16_t>(port + 2000)}, kRemote)->port,
        1024);
  }
}

TEST(NatPorts, AHostStaysInItsDynamicBlockRfc6888) {
  NatConfig config = With(PortAssignment::kDynamicBlock);
  config.block_size = 64;
  NatHarness nat(config);
  std::map<IpAddress, std::set<int>> blocks;
  std::set<uint16_t> ports;
  for (const IpAddress& host : {kHost1, kHost2}) {
    for (uint16_t i = 0; i < 64; ++i) {
      const auto external = nat.Out({host, i}, kRemote);
      ASSERT_TRUE(external);
      ports.insert(external->port);
      blocks[host].insert((external->port - 1024) / 64);
    }
    EXPECT_EQ(nat.Out({host, 64}, kRemote), std::nullopt);  // quota: one block
  }
  EXPECT_EQ(ports.size(), 128U);
  EXPECT_EQ(blocks[kHost1].size(), 1U);
  EXPECT_EQ(blocks[kHost2].size(), 1U);
  EXPECT_NE(blocks[kHost1], blocks[kHost2]);
}

TEST(NatPorts, AnEmptyBlockGoesBackToThePool) {
  NatConfig config = With(PortAssignment::kDynamicBlock);
  config.port_range = {.first = 2000, .last = 2063};
  config.block_size = 64;
  NatHarness nat(config);
  EXPECT_TRUE(nat.Out({kHost1, 1}, kRemote));
  EXPECT_EQ(nat.Out({kHost2, 1}, kRemote), std::nullopt);
  nat.Wait(120s);
  EXPECT_TRUE(nat.Out({kHost2, 1}, kRemote));
  EXPECT_EQ(nat.Out({kHost1, 1}, kRemote), std::nullopt);
}

TEST(NatPorts, MoreBlocksComeAsTheQuotaAllows) {
  NatConfig config = With(PortAssignment::kDynamicBlock);
  config.block_size = 16;
  config.limits.blocks_per_host = 3;
  NatHarness nat(config);
  std::set<int> blocks;
  for (uint16_t i = 0; i < 48; ++i) {
    blocks.insert((nat.Out({kHost1, i}, kRemote)->port - 1024) / 16);
  }
  EXPECT_EQ(blocks.size(), 3U);
  EXPECT_EQ(nat.Out({kHost1, 48}, kRemote), std::nullopt);
}

TEST(NatPorts, ADeterministicBlockIsAFunctionOfTheInsideAddressRfc7422) {
  NatConfig config = With(PortAssignment::kDeterministicBlock);
  config.block_size = 1024;
  const auto block_of = [](const Endpoint& external) {
    return (external.port - 1024) / 1024;
  };
  NatHarness first(config, 1);
  NatHarness second(config, 2);
  EXPECT_TRUE(second.Out({kHost2, 1}, kRemote));
  EXPECT_EQ(block_of(*first.Out({kHost1, 1}, kRemote)),
            block_of(*second.Out({kHost1, 1}, kRemote)));
  first.engine.Reboot(first.now, std::nullopt);
  EXPECT_EQ(block_of(*first.Out({kHost1, 1}, kRemote)),
            block_of(*second.Out({kHost1, 2}, kRemote)));
  EXPECT_NE(block_of(*first.Out({kHost1, 1}, kRemote)),
            block_of(*first.Out({kHost2, 1}, kRemote)));
}

TEST(NatPorts, AFreedPortRestsRfc6888Req8) {
  NatConfig config = With(PortAssignment::kPreserve);
  config.port_quarantine = 120s;
  NatHarness nat(config);
  EXPECT_EQ(nat.Out({kHost1, 5000}, kRemote)->port, 5000);
  nat.Wait(120s);  // it expires, and rests from now on
  EXPECT_NE(nat.Out({kHost2, 5000}, kRemote)->port, 5000);
  nat.Wait(120s);
  EXPECT_EQ(nat.Out({kHost1, 5000}, kRemote)->port, 5000);
}

NatConfig Pool(Pooling pooling) {
  NatConfig config = With(PortAssignment::kRandom);
  config.pooling = pooling;
  config.external = {kExternal, IpAddress::V4(198, 51, 100, 2),
                     IpAddress::V4(198, 51, 100, 9)};
  return config;
}

TEST(NatPool, PairedHostsKeepTheirAddressRfc4787Req2) {
  NatHarness nat(Pool(Pooling::kPaired));
  std::set<IpAddress> used;
  for (uint8_t host = 10; host < 16; ++host) {
    std::set<IpAddress> of_host;
    for (uint16_t i = 0; i < 32; ++i) {
      of_host.insert(nat.Out({Host(host), i}, kRemote)->address);
    }
    EXPECT_EQ(of_host.size(), 1U);
    used.insert(*of_host.begin());
  }
  EXPECT_EQ(used.size(), 3U);
}

TEST(NatPool, ArbitraryPoolingDrawsForEachMapping) {
  NatHarness nat(Pool(Pooling::kArbitrary));
  std::set<IpAddress> used;
  for (uint16_t i = 0; i < 32; ++i) {
    used.insert(nat.Out({kHost1, i}, kRemote)->address);
  }
  EXPECT_EQ(used.size(), 3U);
}

TEST(NatPool, ArbitraryPoolingUsesEveryPortOfEveryAddress) {
  NatConfig config = Pool(Pooling::kArbitrary);
  config.port_range = {.first = 2000, .last = 2009};
  NatHarness nat(config);
  for (uint16_t i = 0; i < 30; ++i) {
    EXPECT_TRUE(nat.Out({kHost1, i}, kRemote)) << i;
  }
  EXPECT_EQ(nat.Out({kHost1, 30}, kRemote), std::nullopt);
}

TEST(NatPool, EveryAddressOfThePoolTakesInboundPackets) {
  NatHarness nat(Pool(Pooling::kArbitrary));
  for (uint16_t i = 0; i < 16; ++i) {
    const auto external = nat.Out({kHost1, i}, kRemote);
    EXPECT_EQ(nat.In(kRemote, *external), (Endpoint{kHost1, i}));
  }
}

TEST(NatPorts, SheddingMakesNewMappingsDependentAndRandom) {
  NatConfig config = With(PortAssignment::kPreserve);
  config.shed_above = 2;
  NatHarness nat(config);
  EXPECT_EQ(nat.Out({kHost1, 5000}, kRemote)->port, 5000);
  EXPECT_EQ(nat.Out({kHost1, 5001}, kRemote)->port, 5001);
  const auto shed = nat.Out({kHost1, 5002}, kRemote);
  EXPECT_NE(shed->port, 5002);
  EXPECT_NE(nat.Out({kHost1, 5002}, kOther), shed);
  EXPECT_EQ(nat.Out({kHost1, 5002}, kRemote), shed);
  EXPECT_EQ(nat.Out({kHost1, 5000}, kOther)->port, 5000);  // an old one
}

TEST(NatPorts, EqualSeedsMakeEqualChoices) {
  NatHarness first(With(PortAssignment::kRandom), 7);
  NatHarness second(With(PortAssignment::kRandom), 7);
  NatHarness third(With(PortAssignment::kRandom), 8);
  bool differs = false;
  for (uint16_t i = 0; i < 100; ++i) {
    const auto a = first.Out({kHost1, i}, kRemote);
    EXPECT_EQ(a, second.Out({kHost1, i}, kRemote));
    differs = differs || a != third.Out({kHost1, i}, kRemote);
  }
  EXPECT_TRUE(differs);
}

TEST(NatPorts, SheddingMindsNoParity) {
  NatConfig config = TestNat();
  config.keep_parity = true;
  config.port_range = {40'000, 40'003};
  config.shed_above = 1;
  NatHarness nat(config);
  for (uint16_t port = 2; port <= 8; port += 2) {
    EXPECT_TRUE(nat.Out({kHost1, port}, {kServer1, 80})) << port;
  }
}

TEST(NatPorts, ContiguityDoesNotBreakParity) {
  NatConfig config = TestNat();
  config.keep_parity = true;
  config.keep_contiguity = true;
  config.port_range = {40'000, 40'099};
  NatHarness nat(config);
  // Only a forward has a port of the other parity.
  ASSERT_TRUE(nat.engine.AddForward(nat.now, {.protocol = 17,
                                              .inside = {kHost1, 2000},
                                              .suggested_port = 40'051,
                                              .must_be_suggested = true,
                                              .lifetime = 1h}));
  EXPECT_EQ(nat.Out({kHost1, 2000}, {kServer1, 80})->port, 40'051);
  EXPECT_EQ(nat.Out({kHost1, 2001}, {kServer1, 80})->port % 2, 1);
}

}  // namespace
}  // namespace natkit::netsim
