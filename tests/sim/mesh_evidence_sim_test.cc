// What a path says of the NATs, and what it does not: how a pair came to be
// direct decides which cells of the punch matrix are ruled out.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "mesh_mapped_nodes.h"

namespace natkit::mesh {
namespace {

using nat::FixCode;
using nat::FixSide;
using nat::NatBehavior;
using sim::Dependence;
using std::chrono::seconds;

constexpr auto kEi = Dependence::kEndpointIndependent;
constexpr auto kApd = Dependence::kAddressAndPortDependent;
constexpr sim::NatBehavior kPortRestricted = {.mapping = kEi,
                                              .filtering = kApd};
constexpr sim::NatBehavior kSymmetric = {.mapping = kApd, .filtering = kApd};
const IpAddress kOutsideA = *IpAddress::Parse("203.0.113.1");
const IpAddress kOutsideB = *IpAddress::Parse("203.0.113.2");

nat::PathDiagnosis ExplainA(MappedNodes& nodes) {
  return *nodes.a.node().Explain(nodes.world.now(), "b");
}

bool Has(const nat::PathDiagnosis& diagnosis, FixCode code, FixSide side) {
  return std::ranges::any_of(diagnosis.fixes, [&](const nat::Fix& fix) {
    return fix.code == code && fix.side == side;
  });
}

bool AllFilter(const nat::PathDiagnosis& diagnosis,
               NatBehavior nat::PunchCell::* side, nat::Dependence filtering) {
  return std::ranges::all_of(diagnosis.cells, [&](const nat::PunchCell& cell) {
    return (cell.*side).filtering == filtering;
  });
}

/// A behind a symmetric NAT, B behind one that is not, both with IPv6.
TEST(Evidence, APathOverIpv6SaysNothingOfTheNats) {
  MappedNodes nodes(3);
  auto& network = nodes.world.network();
  nodes.a.AddBase(network.AddNat(0, kOutsideA, kSymmetric), "192.168.1.2:4000");
  nodes.b.AddBase(network.AddNat(0, kOutsideB, kPortRestricted),
                  "192.168.1.2:4000");
  nodes.a.AddBase(0, "[2001:db8::a]:4000");
  nodes.b.AddBase(0, "[2001:db8::b]:4000");
  nodes.Start();
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(5)));
  EXPECT_TRUE(nodes.a.PathTo("b").remote->address.is_v6());
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kDirect);
  // B's filtering was not told: it may be any.
  EXPECT_FALSE(AllFilter(diagnosis, &nat::PunchCell::theirs,
                         nat::Dependence::kEndpointIndependent));
  EXPECT_TRUE(
      std::ranges::any_of(diagnosis.cells, [](const nat::PunchCell& cell) {
        return cell.reach != nat::Reach::kDirect;
      }));
}

TEST(Evidence, APunchTellsWhatTheNatsLetIn) {
  MappedNodes nodes(3);
  auto& network = nodes.world.network();
  nodes.a.AddBase(network.AddNat(0, kOutsideA, kPortRestricted),
                  "192.168.1.2:4000");
  nodes.b.AddBase(network.AddNat(0, kOutsideB, kPortRestricted),
                  "192.168.1.2:4000");
  nodes.Start();
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(5)));
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.cells.size(), 9U);  // any filtering lets this pair meet
  EXPECT_TRUE(
      std::ranges::all_of(diagnosis.cells, [](const nat::PunchCell& cell) {
        return cell.reach == nat::Reach::kDirect;
      }));
}

/// The first entry of the mesh file names `endpoint`; its router forwards
/// `forwarded`, if that is not 0, to the node.
struct Claiming {
  explicit Claiming(uint16_t forwarded) : nodes(5) {
    nodes.SetEndpoint("a", *Endpoint::Parse("203.0.113.1:51820"));
    netsim::NatConfig home;
    home.mapping = netsim::Dependence::kAddressAndPortDependent;
    home.filtering = netsim::Dependence::kAddressAndPortDependent;
    home.port_assignment = netsim::PortAssignment::kRandom;
    home.external = {kOutsideA};
    if (forwarded != 0) {
      home.forwards = {{.external_port = forwarded,
                        .inside = *Endpoint::Parse("192.168.1.2:4000")}};
    }
    auto& network = nodes.world.network();
    nodes.a.AddBase(network.AddNat(0, home), "192.168.1.2:4000");
    nodes.b.AddBase(network.AddNat(0, kOutsideB, kPortRestricted),
                    "192.168.1.2:4000");
    nodes.Start();
  }

  MappedNodes nodes;
};

TEST(Evidence, AnEndpointThatNobodyReachesIsNoMappedPort) {
  Claiming pair(0);
  ASSERT_FALSE(pair.nodes.RunUntilDirect(seconds(15)));
  const auto diagnosis = ExplainA(pair.nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kNatPair) << diagnosis.summary;
  EXPECT_NE(diagnosis.ours.find("symmetric"), std::string::npos)
      << diagnosis.ours;
  EXPECT_NE(diagnosis.ours.find("names an endpoint"), std::string::npos);
  EXPECT_TRUE(Has(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  // As seen from the other side, too.
  const auto theirs = *pair.nodes.b.node().Explain(pair.nodes.world.now(), "a");
  EXPECT_EQ(theirs.reason, nat::PathReason::kNatPair) << theirs.summary;
  EXPECT_TRUE(Has(theirs, FixCode::kForwardPort, FixSide::kTheirs));
}

TEST(Evidence, AnEndpointThatIsUsedIsProven) {
  Claiming pair(51820);
  ASSERT_TRUE(pair.nodes.RunUntilDirect(seconds(5)));
  EXPECT_NE(ExplainA(pair.nodes).ours.find("reachable for all"),
            std::string::npos)
      << ExplainA(pair.nodes).ours;
  const auto theirs = *pair.nodes.b.node().Explain(pair.nodes.world.now(), "a");
  EXPECT_NE(theirs.theirs.find("reachable for all"), std::string::npos)
      << theirs.theirs;
}

/// Two homes behind one carrier, each with a symmetric router; A's router may
/// map ports when asked.
struct SymmetricHomes {
  SymmetricHomes(bool hairpins, bool maps) : nodes(9) {
    auto& network = nodes.world.network();
    const auto carrier = network.AddNat(
        0, kOutsideA, {.mapping = kEi, .filtering = kEi, .hairpin = hairpins});
    sim::NatBehavior home = kSymmetric;
    home.services.nat_pmp = maps;
    const auto realm_a =
        network.AddNat(carrier, *IpAddress::Parse("100.64.0.9"), home);
    const auto realm_b =
        network.AddNat(carrier, *IpAddress::Parse("100.64.0.10"), kSymmetric);
    nodes.a.AddBase(realm_a, "192.168.1.2:4000");
    nodes.b.AddBase(realm_b, "192.168.2.2:4000");
    if (maps) {
      nodes.a.UsePortMapping(sim::SimNetwork::RouterOf(realm_a));
    }
    nodes.Start();
  }

  MappedNodes nodes;
};

TEST(Evidence, TwoSymmetricHomesOfACarrierDoNotMeetForLackOfHairpinning) {
  for (const bool hairpins : {false, true}) {
    SymmetricHomes homes(hairpins, /*maps=*/false);
    ASSERT_FALSE(homes.nodes.RunUntilDirect(seconds(15)));
    const auto diagnosis = ExplainA(homes.nodes);
    EXPECT_EQ(diagnosis.reason, nat::PathReason::kNatPair);
    EXPECT_FALSE(Has(diagnosis, FixCode::kEnableHairpinning, FixSide::kEither));
    // Nobody would know the address between router and carrier.
    EXPECT_FALSE(Has(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
    EXPECT_TRUE(Has(diagnosis, FixCode::kUseSameLan, FixSide::kEither));
    EXPECT_TRUE(Has(diagnosis, FixCode::kEnablePortMapping, FixSide::kOurs));
    // As advised.
    SymmetricHomes after(hairpins, /*maps=*/true);
    EXPECT_TRUE(after.nodes.RunUntilDirect(seconds(8)));
  }
}

TEST(Evidence, ASearchInVainBehindOneNatSaysNothingOfTheFiltering) {
  MappedNodes nodes(3);
  auto& network = nodes.world.network();
  const auto carrier = network.AddNat(0, kOutsideA, kPortRestricted);
  nodes.a.AddBase(
      network.AddNat(carrier, *IpAddress::Parse("100.64.0.9"), kPortRestricted),
      "192.168.1.2:4000");
  nodes.b.AddBase(
      network.AddNat(carrier, *IpAddress::Parse("100.64.0.10"), kSymmetric),
      "192.168.2.2:4000");
  nodes.Start();
  ASSERT_FALSE(nodes.RunUntilDirect(seconds(15)));
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kNatPair);
  EXPECT_FALSE(AllFilter(diagnosis, &nat::PunchCell::ours,
                         nat::Dependence::kAddressAndPortDependent));
  EXPECT_NE(diagnosis.summary.find("both share"), std::string::npos);
}

}  // namespace
}  // namespace natkit::mesh
