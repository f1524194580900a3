// Whole nodes behind nested and shared NATs: which path they find, and whether
// it is the shortest.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "mesh_mapped_nodes.h"
#include "natkit/netsim/profile.h"

namespace natkit::mesh {
namespace {

using sim::Dependence;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr auto kEi = Dependence::kEndpointIndependent;
constexpr auto kApd = Dependence::kAddressAndPortDependent;
constexpr sim::NatBehavior kPortRestricted = {.mapping = kEi,
                                              .filtering = kApd};
constexpr sim::NatBehavior kSymmetric = {.mapping = kApd, .filtering = kApd};
constexpr sim::NatBehavior kPortRestrictedWithNatPmp = {
    .mapping = kEi, .filtering = kApd, .services = {.nat_pmp = true}};

const IpAddress kCarrier = *IpAddress::Parse("203.0.113.1");
const IpAddress kHomeA = *IpAddress::Parse("100.64.0.9");
const IpAddress kHomeB = *IpAddress::Parse("100.64.0.10");

/// Two homes behind one carrier's NAT.
struct TwoHomes {
  TwoHomes(const sim::NatBehavior& carrier_nat, const sim::NatBehavior& home_a,
           const sim::NatBehavior& home_b, uint64_t seed)
      : nodes(seed) {
    auto& network = nodes.world.network();
    carrier = network.AddNat(0, kCarrier, carrier_nat);
    network.SetDelay(carrier, milliseconds(30));
    realm_a = network.AddNat(carrier, kHomeA, home_a);
    realm_b = network.AddNat(carrier, kHomeB, home_b);
    nodes.a.AddBase(realm_a, "192.168.1.2:4000");
    nodes.b.AddBase(realm_b, "192.168.1.3:4000");
  }

  void MapA() { nodes.a.UsePortMapping(sim::SimNetwork::RouterOf(realm_a)); }

  /// Where B sends to.
  [[nodiscard]] IpAddress WhereToA() const {
    return nodes.b.PathTo("a").remote->address;
  }

  MappedNodes nodes;
  sim::SimNetwork::RealmId carrier = 0;
  sim::SimNetwork::RealmId realm_a = 0;
  sim::SimNetwork::RealmId realm_b = 0;
};

nat::PathDiagnosis ExplainA(MappedNodes& nodes) {
  return *nodes.a.node().Explain(nodes.world.now(), "b");
}

class MeshTopology : public ::testing::TestWithParam<uint64_t> {};

INSTANTIATE_TEST_SUITE_P(All, MeshTopology,
                         ::testing::Range(uint64_t{1}, uint64_t{5}));

TEST_P(MeshTopology, TwoHomesOfACarrierThatHairpinsAreDirect) {
  constexpr sim::NatBehavior kHairpinning = {
      .mapping = kEi, .filtering = kEi, .hairpin = true};
  TwoHomes homes(kHairpinning, kPortRestricted, kPortRestricted, GetParam());
  homes.nodes.Start();
  ASSERT_TRUE(homes.nodes.RunUntilDirect(seconds(5)));
  EXPECT_EQ(homes.WhereToA(), kCarrier);
}

TEST_P(MeshTopology, TwoHomesOfACarrierThatDoesNotHairpinStayOnTheRelay) {
  TwoHomes homes(kPortRestricted, kPortRestricted, kPortRestricted, GetParam());
  homes.nodes.Start();
  EXPECT_FALSE(homes.nodes.RunUntilDirect(seconds(12)));
  EXPECT_EQ(ExplainA(homes.nodes).reason, nat::PathReason::kSameNat);
}

TEST_P(MeshTopology, TwoHomesMeetInTheMiddleWithoutHairpinning) {
  TwoHomes homes(kSymmetric, kPortRestrictedWithNatPmp, kPortRestricted,
                 GetParam());
  homes.MapA();
  homes.nodes.Start();
  ASSERT_TRUE(homes.nodes.RunUntilDirect(seconds(5)));
  EXPECT_EQ(homes.WhereToA(), kHomeA);
}

TEST_P(MeshTopology, TheMiddleIsShorterThanTheCarriersNat) {
  constexpr sim::NatBehavior kHairpinning = {
      .mapping = kEi, .filtering = kEi, .hairpin = true};
  TwoHomes homes(kHairpinning, kPortRestrictedWithNatPmp, kPortRestricted,
                 GetParam());
  homes.MapA();
  homes.nodes.Start();
  ASSERT_TRUE(homes.nodes.RunUntilDirect(seconds(5)));
  homes.nodes.world.Run(seconds(30));
  EXPECT_EQ(homes.WhereToA(), kHomeA);
}

/// A router that tells its own address, but maps nothing.
void TellRouter(MappedNodes& nodes, MeshHost& host, const IpAddress& local,
                const IpAddress& router) {
  PortMappingState state;
  state.is_enabled = true;
  state.local = local;
  state.router = router;
  state.error = nat::PortMappingError::kRefused;
  host.node().SetPortMapping(nodes.world.now(), state);
}

TEST_P(MeshTopology, TwoHomesWhoseRoutersKeepPortsMeetInTheMiddle) {
  for (const bool is_told : {true, false}) {
    MappedNodes nodes(GetParam());
    auto& network = nodes.world.network();
    const auto carrier = network.AddNat(0, kCarrier, kSymmetric);
    netsim::NatConfig home;
    home.external = {kHomeA};
    nodes.a.AddBase(network.AddNat(carrier, home), "192.168.1.2:4000");
    home.external = {kHomeB};
    nodes.b.AddBase(network.AddNat(carrier, home), "192.168.1.3:4000");
    nodes.Start();
    if (is_told) {
      TellRouter(nodes, nodes.a, *IpAddress::Parse("192.168.1.2"), kHomeA);
      TellRouter(nodes, nodes.b, *IpAddress::Parse("192.168.1.3"), kHomeB);
    }
    ASSERT_EQ(nodes.RunUntilDirect(seconds(8)), is_told);
    if (is_told) {
      EXPECT_EQ(nodes.b.PathTo("a").remote->ToString(), "100.64.0.9:4000");
    }
  }
}

TEST_P(MeshTopology, TwoHostsOfOneNetworkNeedNoNat) {
  // One home, two hosts, and a NAT that leads nothing back inside.
  MappedNodes nodes(GetParam());
  const auto home = nodes.world.network().AddNat(0, kCarrier, kPortRestricted);
  nodes.a.AddBase(home, "192.168.1.2:4000");
  nodes.b.AddBase(home, "192.168.1.3:4000");
  nodes.Start();
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(2)));
  EXPECT_EQ(nodes.a.PathTo("b").remote->ToString(), "192.168.1.3:4000");
  EXPECT_EQ(nodes.b.PathTo("a").remote->ToString(), "192.168.1.2:4000");
}

/// Guests that the access point keeps apart.
void PutInIsolation(MappedNodes& nodes, const sim::NatBehavior& behavior) {
  auto& network = nodes.world.network();
  const auto home = network.AddNat(0, kCarrier, behavior);
  nodes.a.AddBase(home, "192.168.1.2:4000");
  nodes.b.AddBase(home, "192.168.1.3:4000");
  const auto a = *IpAddress::Parse("192.168.1.2");
  const auto b = *IpAddress::Parse("192.168.1.3");
  network.Cut(a, b);
  network.Cut(b, a);
}

TEST_P(MeshTopology, IsolatedGuestsMeetWhereTheNatHairpins) {
  MappedNodes nodes(GetParam());
  PutInIsolation(nodes, {.mapping = kEi, .filtering = kApd, .hairpin = true});
  nodes.Start();
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(5)));
  EXPECT_EQ(nodes.a.PathTo("b").remote->address, kCarrier);
}

TEST_P(MeshTopology, IsolatedGuestsWithoutHairpinningAreToldSo) {
  MappedNodes nodes(GetParam());
  PutInIsolation(nodes, kPortRestricted);
  nodes.Start();
  EXPECT_FALSE(nodes.RunUntilDirect(seconds(12)));
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kSameNat);
  EXPECT_TRUE(std::ranges::any_of(diagnosis.fixes, [](const nat::Fix& fix) {
    return fix.code == nat::FixCode::kUseSameLan;
  }));
}

/// A behind `nat`, B behind a symmetric NAT that nobody can reach by a guess.
void PutAgainstSymmetric(MappedNodes& nodes, netsim::NatConfig nat) {
  auto& network = nodes.world.network();
  nat.external = {kCarrier};
  nodes.a.AddBase(network.AddNat(0, nat), "192.168.1.2:4000");
  nodes.b.AddBase(
      network.AddNat(0, *IpAddress::Parse("203.0.113.2"), kSymmetric),
      "192.168.1.2:4000");
}

TEST_P(MeshTopology, AHostWithAnAddressOfItsOwnOutsideIsReachable) {
  MappedNodes nodes(GetParam());
  PutAgainstSymmetric(nodes, netsim::FindProfile("one-to-one")->make());
  nodes.Start();
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(5)));
  EXPECT_EQ(nodes.b.PathTo("a").remote->ToString(), "203.0.113.1:4000");
}

/// The reflexive address with the host's own port.
TEST_P(MeshTopology, APortForwardedByHandIsFound) {
  for (const bool is_forwarded : {true, false}) {
    MappedNodes nodes(GetParam());
    netsim::NatConfig nat;
    nat.port_assignment = netsim::PortAssignment::kRandom;
    if (is_forwarded) {
      nat.forwards.push_back({.external_port = 4000,
                              .inside = *Endpoint::Parse("192.168.1.2:4000")});
    }
    PutAgainstSymmetric(nodes, nat);
    nodes.Start();
    EXPECT_EQ(nodes.RunUntilDirect(seconds(8)), is_forwarded);
  }
}

}  // namespace
}  // namespace natkit::mesh
