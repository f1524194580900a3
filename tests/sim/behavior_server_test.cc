// Servers that are not what they say: behavior discovery must find out, or at
// least not believe them (nat.md 5.2, 5.5).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <string_view>

#include "behavior_bench.h"
#include "natkit/nat/behavior_report.h"

namespace natkit::nat {
namespace {

using sim::BehaviorBench;
using sim::BenchConfig;
using sim::BenchFor;
using sim::Describe;
using sim::ServerFault;

/// NATs whose every axis is known: mapping and filtering in words.
struct Known {
  std::string_view profile;
  std::string_view mapping;
  std::string_view filtering;
};

constexpr Known kKnown[] = {
    {"open", "none", "endpoint-independent"},
    {"firewall-only", "none", "address-and-port-dependent"},
    {"full-cone", "endpoint-independent", "endpoint-independent"},
    {"addr-restricted", "endpoint-independent", "address-dependent"},
    {"port-restricted", "endpoint-independent", "address-and-port-dependent"},
    {"symmetric-addr", "address-dependent", "address-dependent"},
    {"symmetric-random", "address-and-port-dependent",
     "address-and-port-dependent"},
    {"cgn-cellular", "address-and-port-dependent",
     "address-and-port-dependent"},
};

class LyingServer
    : public testing::TestWithParam<std::tuple<Known, ServerFault>> {
 protected:
  /// `servers`: how many of the server's four endpoints are configured.
  BehaviorReport Discover(size_t servers) {
    const auto& [known, fault] = GetParam();
    BenchConfig config = BenchFor(known.profile);
    config.fault = fault;
    config.max_servers = servers;
    BehaviorBench bench(config);
    return bench.Run();
  }
};

TEST_P(LyingServer, IsNeverBelieved) {
  const auto& [known, fault] = GetParam();
  for (const size_t servers : {size_t{1}, size_t{4}}) {
    const BehaviorReport report = Discover(servers);
    const Verdict& mapping = report.verdict(Axis::kMapping);
    const Verdict& filtering = report.verdict(Axis::kFiltering);
    if (mapping.outcome == Outcome::kDetermined) {
      EXPECT_EQ(mapping.value, known.mapping) << Describe(report);
    }
    if (filtering.outcome == Outcome::kDetermined) {
      EXPECT_EQ(filtering.value, known.filtering) << Describe(report);
    }
  }
}

constexpr ServerFault kVisibleAtOnce[] = {
    ServerFault::kOneAddress,     ServerFault::kOtherSharesIp,
    ServerFault::kOtherIsSilent,  ServerFault::kWrongOrigin,
    ServerFault::kOtherNotMutual, ServerFault::kOtherSharesPort,
    ServerFault::kOtherIsPrivate, ServerFault::kOtherIsClient,
    ServerFault::kOtherHasNoPort, ServerFault::kOtherChanges,
    ServerFault::kOtherIsThird};

TEST_P(LyingServer, IsNamed) {
  const auto& [known, fault] = GetParam();
  const BehaviorReport report = Discover(1);
  const Verdict& server = report.verdict(Axis::kServer);
  if (std::ranges::find(kVisibleAtOnce, fault) != std::end(kVisibleAtOnce)) {
    EXPECT_EQ(server.outcome, Outcome::kInconclusive) << Describe(report);
    EXPECT_FALSE(server.reason.empty());
  }
  if (fault == ServerFault::kIgnoresChange ||
      fault == ServerFault::kClaimsChange) {
    const Verdict& filtering = report.verdict(Axis::kFiltering);
    EXPECT_EQ(filtering.outcome, Outcome::kInconclusive) << Describe(report);
    EXPECT_THAT(filtering.reason, testing::HasSubstr("lies"));
  }
}

std::string NameOf(
    const testing::TestParamInfo<std::tuple<Known, ServerFault>>& info) {
  std::string name(std::get<0>(info.param).profile);
  std::ranges::replace(name, '-', '_');
  return name + "_fault" +
         std::to_string(static_cast<int>(std::get<1>(info.param)));
}

INSTANTIATE_TEST_SUITE_P(
    Profiles, LyingServer,
    testing::Combine(
        testing::ValuesIn(kKnown),
        testing::Values(
            ServerFault::kOneAddress, ServerFault::kOtherSharesIp,
            ServerFault::kOtherIsSilent, ServerFault::kIgnoresChange,
            ServerFault::kDropsChange, ServerFault::kWrongOrigin,
            ServerFault::kOtherNotMutual, ServerFault::kNoResponsePort,
            ServerFault::kOtherSeesProxy, ServerFault::kOtherIsItself,
            ServerFault::kOtherSharesPort, ServerFault::kOtherIsPrivate,
            ServerFault::kOtherIsClient, ServerFault::kOtherHasNoPort,
            ServerFault::kOtherChanges, ServerFault::kOtherIsThird,
            ServerFault::kClaimsChange)),
    NameOf);

TEST(Server, ASecondAddressThatNamesItselfIsEnough) {
  for (const Known& known : kKnown) {
    BenchConfig config = BenchFor(known.profile);
    config.fault = ServerFault::kOtherIsItself;
    config.max_servers = 1;
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    const Verdict& server = report.verdict(Axis::kServer);
    EXPECT_EQ(server.outcome, Outcome::kDetermined) << Describe(report);
    EXPECT_THAT(server.reason, testing::HasSubstr("it names"));
    EXPECT_EQ(report.verdict(Axis::kMapping).value, known.mapping)
        << Describe(report);
    EXPECT_EQ(report.verdict(Axis::kFiltering).value, known.filtering)
        << Describe(report);
    EXPECT_EQ(report.verdict(Axis::kFiltering).outcome, Outcome::kDetermined);
  }
}

TEST(Hairpinning, AHostThatDropsItsOwnSourcesDoesNotKnowThatThereIsNone) {
  using netsim::Hairpinning;
  for (const auto mode : {Hairpinning::kNone, Hairpinning::kExternalSource}) {
    BenchConfig config = BenchFor("full-cone");
    config.home.hairpinning = mode;
    config.discovery.drops_own_source = true;
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    const Verdict& verdict = report.verdict(Axis::kHairpinning);
    if (mode == Hairpinning::kExternalSource) {
      EXPECT_EQ(verdict.outcome, Outcome::kDetermined) << Describe(report);
      EXPECT_EQ(verdict.value, "external-source");
    } else {
      EXPECT_EQ(verdict.outcome, Outcome::kInconclusive) << Describe(report);
      EXPECT_FALSE(report.traits.hairpinning.has_value());
      EXPECT_THAT(verdict.reason, testing::HasSubstr("drops"));
    }
  }
}

TEST(SubstituteServer, TwoOrdinaryServersTellEndpointIndependence) {
  BenchConfig config = BenchFor("port-restricted");
  config.fault = ServerFault::kOneAddress;
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  EXPECT_EQ(report.verdict(Axis::kMapping).value, "endpoint-independent");
  EXPECT_EQ(report.verdict(Axis::kFiltering).outcome, Outcome::kInconclusive);
}

TEST(SubstituteServer, TwoOrdinaryServersDoNotTellWhatAMappingDependsOn) {
  BenchConfig config = BenchFor("symmetric-random");
  config.fault = ServerFault::kOneAddress;
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  const Verdict& mapping = report.verdict(Axis::kMapping);
  EXPECT_EQ(mapping.outcome, Outcome::kInconclusive);
  EXPECT_EQ(mapping.value, "dependent");
}

TEST(Determinism, ANatThatGivesUpUnderLoadIsFoundOut) {
  BenchConfig config = BenchFor("full-cone");
  config.home.shed_above = 60;
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  EXPECT_EQ(report.verdict(Axis::kMapping).value, "endpoint-independent");
  EXPECT_EQ(report.verdict(Axis::kDeterminism).value, "no") << Describe(report);
}

TEST(Determinism, ANatThatGivesUpBeforeTheLoadIsNotMisjudged) {
  for (const uint32_t threshold : {12U, 16U, 20U, 30U, 40U}) {
    BenchConfig config = BenchFor("full-cone");
    config.home.shed_above = threshold;
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    EXPECT_EQ(report.verdict(Axis::kMapping).value, "endpoint-independent")
        << threshold << Describe(report);
    EXPECT_EQ(report.verdict(Axis::kDeterminism).value, "no")
        << threshold << Describe(report);
  }
}

TEST(Server, OneThatGoesDownMidwayEndsTheDiscoverySoon) {
  for (const int life : {1, 3, 5, 60}) {
    BenchConfig config = BenchFor("port-restricted");
    config.fault = ServerFault::kOtherIsItself;  // an honest one
    config.server_life = std::chrono::seconds(life);
    config.max_servers = 1;
    config.discovery.axes = AllAxes();
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    EXPECT_LT(report.took, std::chrono::seconds(life < 60 ? 180 : 1500))
        << life << Describe(report);
    for (const Axis axis : {Axis::kMapping, Axis::kFiltering}) {
      const Verdict& verdict = report.verdict(axis);
      EXPECT_TRUE(verdict.outcome == Outcome::kInconclusive ||
                  verdict.value == (axis == Axis::kMapping
                                        ? "endpoint-independent"
                                        : "address-and-port-dependent"))
          << life << Describe(report);
    }
    EXPECT_NE(report.verdict(Axis::kAssuredLifetime).outcome,
              Outcome::kDetermined);
  }
}

TEST(Depth, ARouterWithAPoolIsNoSecondNat) {
  BenchConfig config = BenchFor("port-restricted");
  config.home.services = {.nat_pmp = true, .pcp = false, .upnp = false};
  config.pool = 4;
  for (config.seed = 1; config.seed <= 10; ++config.seed) {
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    EXPECT_EQ(report.verdict(Axis::kDepth).value, "one") << Describe(report);
  }
}

TEST(Translation, APoolThatIsDrawnFromIsNotOneToOne) {
  BenchConfig config = BenchFor("port-restricted");
  config.home.pooling = netsim::Pooling::kArbitrary;
  config.pool = 3;
  config.hosts = 1;
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  const Verdict& verdict = report.verdict(Axis::kTranslation);
  EXPECT_EQ(verdict.outcome, Outcome::kDetermined) << Describe(report);
  EXPECT_EQ(verdict.value, "napt");
}

TEST(Refresh, WhichDirectionKeepsAMappingIsSeen) {
  for (const double loss : {0.0, 0.05}) {
    for (const auto refresh :
         {netsim::NatRefresh{true, false}, netsim::NatRefresh{false, true},
          netsim::NatRefresh{true, true}}) {
      BenchConfig config = BenchFor("addr-restricted");
      config.home.timeouts.udp_unreplied = std::chrono::seconds(90);
      config.home.timeouts.udp_assured = std::chrono::seconds(90);
      config.home.refresh = refresh;
      config.loss = loss;
      config.discovery.axes = {Axis::kOutboundRefresh, Axis::kInboundRefresh};
      BehaviorBench bench(config);
      const BehaviorReport report = bench.Run();
      EXPECT_EQ(report.traits.refreshed_by_outbound, refresh.outbound)
          << Describe(report);
      EXPECT_EQ(report.traits.refreshed_by_inbound, refresh.inbound)
          << Describe(report);
    }
  }
}

TEST(Ports, ASmallRangeIsNotCalledABlockThatIsLarger) {
  BenchConfig config = BenchFor("symmetric-random");
  config.home.port_range = {.first = 20000, .last = 20999};
  for (config.seed = 1; config.seed <= 10; ++config.seed) {
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    ASSERT_TRUE(report.traits.allocation.has_value()) << Describe(report);
    EXPECT_EQ(report.traits.allocation->pattern, AllocationPattern::kRandom);
    EXPECT_GE(report.traits.allocation->range.first, 20000) << Describe(report);
    EXPECT_LE(report.traits.allocation->range.last, 20999) << Describe(report);
  }
}

TEST(Ports, ParityAndContiguityAreSeen) {
  BenchConfig config = BenchFor("symmetric-random");
  config.home.keep_parity = true;
  BehaviorBench with_parity(config);
  const BehaviorReport parity = with_parity.Run();
  EXPECT_EQ(parity.keeps_parity, true) << Describe(parity);
  EXPECT_EQ(parity.keeps_contiguity, false);
  config = BenchFor("cgn-random");
  config.home.keep_contiguity = true;
  BehaviorBench with_contiguity(config);
  const BehaviorReport contiguity = with_contiguity.Run();
  EXPECT_EQ(contiguity.keeps_contiguity, true) << Describe(contiguity);
}

TEST(Ports, AStepIsSeenAlthoughOthersTakePortsToo) {
  BenchConfig config = BenchFor("symmetric-seq");
  config.home.port_step = 2;
  config.home.foreign_rate = 20;
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  ASSERT_TRUE(report.traits.allocation.has_value());
  EXPECT_EQ(report.traits.allocation->pattern, AllocationPattern::kSequential)
      << Describe(report);
  EXPECT_EQ(report.traits.allocation->step, 2);
}

TEST(Fragments, ANatThatDropsThemIsFoundOut) {
  for (const double loss : {0.0, 0.05}) {
    BenchConfig config = BenchFor("port-restricted");
    config.home.fragments = netsim::FragmentMode::kDrop;
    config.loss = loss;
    BehaviorBench bench(config);
    const BehaviorReport report = bench.Run();
    const Verdict& verdict = report.verdict(Axis::kFragments);
    EXPECT_EQ(verdict.outcome, Outcome::kDetermined) << Describe(report);
    EXPECT_EQ(verdict.value, "none") << Describe(report);
  }
}

TEST(Payload, AnAlgIsFoundOut) {
  BenchConfig config = BenchFor("port-restricted");
  config.home.alg = netsim::Alg::kGeneric;
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  EXPECT_EQ(report.rewrites_payload, true) << Describe(report);
}

TEST(PortMapping, ServicesAreNamedAndTellOfASecondNat) {
  BenchConfig config = BenchFor("home-over-cgn");
  config.home.services = {.nat_pmp = true, .pcp = true, .upnp = true};
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  EXPECT_EQ(report.verdict(Axis::kPortMapping).value, "pcp, nat-pmp, upnp")
      << Describe(report);
  EXPECT_EQ(report.router_external, IpAddress::V4(100, 64, 0, 2));
  EXPECT_EQ(report.traits.is_behind_carrier, true);
}

TEST(PortMapping, ANatPmpRouterIsNotTakenForPcp) {
  BenchConfig config = BenchFor("port-restricted");
  config.home.services.nat_pmp = true;
  BehaviorBench bench(config);
  const BehaviorReport report = bench.Run();
  EXPECT_EQ(report.verdict(Axis::kPortMapping).value, "nat-pmp")
      << Describe(report);
  EXPECT_EQ(report.traits.is_behind_carrier, false);
}

}  // namespace
}  // namespace natkit::nat
