// Whole nodes whose routers map ports: what that makes direct.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "mesh_mapped_nodes.h"

namespace natkit::mesh {
namespace {

using sim::Dependence;
using std::chrono::seconds;

constexpr auto kEi = Dependence::kEndpointIndependent;
constexpr auto kApd = Dependence::kAddressAndPortDependent;
constexpr sim::NatBehavior kPortRestricted = {.mapping = kEi,
                                              .filtering = kApd};
constexpr sim::NatBehavior kSymmetric = {.mapping = kApd, .filtering = kApd};

sim::NatBehavior WithServices(sim::NatBehavior behavior,
                              const netsim::PortMappingServices& services) {
  behavior.services = services;
  return behavior;
}

/// A home behind a port-restricted NAT and one behind a symmetric one: nothing
/// but a mapping, or many probes, makes this pair direct.
void PutBehindHardPair(MappedNodes& nodes,
                       const netsim::PortMappingServices& services) {
  auto& network = nodes.world.network();
  const auto home = network.AddNat(0, *IpAddress::Parse("203.0.113.1"),
                                   WithServices(kPortRestricted, services));
  nodes.a.AddBase(home, "192.168.1.2:4000");
  nodes.b.AddBase(
      network.AddNat(0, *IpAddress::Parse("203.0.113.2"), kSymmetric),
      "192.168.1.2:4000");
  nodes.a.UsePortMapping(sim::SimNetwork::RouterOf(home));
}

nat::PortMapping OnlyMapping(MappedNodes& nodes) {
  const auto mappings = nodes.a.node().Snapshot().port_mapping.mappings;
  EXPECT_EQ(mappings.size(), 1U);
  return mappings.empty() ? nat::PortMapping{} : mappings[0];
}

nat::PathDiagnosis Explain(MappedNodes& nodes, MeshHost& host,
                           const std::string& peer) {
  return *host.node().Explain(nodes.world.now(), peer);
}

bool HasFix(const nat::PathDiagnosis& diagnosis, nat::FixCode code,
            nat::FixSide side) {
  return std::ranges::any_of(diagnosis.fixes, [&](const nat::Fix& fix) {
    return fix.code == code && fix.side == side;
  });
}

class MeshPortMapping : public ::testing::TestWithParam<uint64_t> {};

TEST_P(MeshPortMapping, MakesAHardPairDirect) {
  for (const netsim::PortMappingServices& services :
       {netsim::PortMappingServices{.nat_pmp = true},
        netsim::PortMappingServices{.pcp = true}}) {
    MappedNodes nodes(GetParam());
    PutBehindHardPair(nodes, services);
    nodes.Start();
    EXPECT_TRUE(nodes.RunUntilDirect(seconds(5)));
    EXPECT_EQ(OnlyMapping(nodes).standing, nat::MappingStanding::kVerified);
  }
}

/// The servers of most meshes are their relays', which have one address.
TEST_P(MeshPortMapping, IsUsedAndSaidToBeUntriedWhereNobodyCanTryIt) {
  MappedNodes nodes(GetParam());
  nodes.stun.SetProbes(false);
  PutBehindHardPair(nodes, {.pcp = true});
  nodes.Start();
  EXPECT_TRUE(nodes.RunUntilDirect(seconds(5)));
  EXPECT_EQ(OnlyMapping(nodes).standing, nat::MappingStanding::kNotProbed);
  EXPECT_NE(Explain(nodes, nodes.a, "b").ours.find("nobody could try"),
            std::string::npos);
}

/// A router that grants what it does not do: here, one more box drops what
/// comes in, as a firewall behind the router would.
TEST_P(MeshPortMapping, ThatNothingReachesIsFoundOutAndNotAnnounced) {
  MappedNodes nodes(GetParam());
  auto& network = nodes.world.network();
  const auto home = network.AddNat(0, *IpAddress::Parse("203.0.113.1"),
                                   WithServices(kSymmetric, {.pcp = true}));
  const auto firewall =
      network.AddNat(home, *IpAddress::Parse("192.168.1.254"),
                     {.mapping = kEi, .filtering = kApd, .translates = false},
                     *IpPrefix::Parse("192.168.1.0/25"));
  nodes.a.AddBase(firewall, "192.168.1.2:4000");
  nodes.b.AddBase(
      network.AddNat(0, *IpAddress::Parse("203.0.113.2"), kSymmetric),
      "192.168.1.2:4000");
  nodes.a.UsePortMapping(sim::SimNetwork::RouterOf(home));
  nodes.Start();
  EXPECT_FALSE(nodes.RunUntilDirect(seconds(40)));
  EXPECT_EQ(OnlyMapping(nodes).standing, nat::MappingStanding::kUnreachable);
  const auto ours = Explain(nodes, nodes.a, "b");
  EXPECT_EQ(ours.reason, nat::PathReason::kNatPair) << ours.summary;
  EXPECT_TRUE(HasFix(ours, nat::FixCode::kAllowInbound, nat::FixSide::kOurs));
  const auto theirs = Explain(nodes, nodes.b, "a");
  EXPECT_NE(theirs.theirs.find("nothing arrives"), std::string::npos)
      << theirs.theirs;
  EXPECT_TRUE(
      HasFix(theirs, nat::FixCode::kAllowInbound, nat::FixSide::kTheirs));
}

TEST_P(MeshPortMapping, WithoutServicesThePairStaysOnTheRelay) {
  MappedNodes nodes(GetParam());
  PutBehindHardPair(nodes, {});
  nodes.Start();
  EXPECT_FALSE(nodes.RunUntilDirect(seconds(10)));
}

TEST_P(MeshPortMapping, AMappingBehindASecondNatIsNotAnnounced) {
  MappedNodes nodes(GetParam());
  auto& network = nodes.world.network();
  const auto carrier =
      network.AddNat(0, *IpAddress::Parse("203.0.113.1"), kPortRestricted);
  const auto home =
      network.AddNat(carrier, *IpAddress::Parse("100.64.0.9"),
                     WithServices(kPortRestricted, {.pcp = true}));
  nodes.a.AddBase(home, "192.168.1.2:4000");
  nodes.b.AddBase(
      network.AddNat(0, *IpAddress::Parse("203.0.113.2"), kSymmetric),
      "192.168.1.2:4000");
  nodes.a.UsePortMapping(sim::SimNetwork::RouterOf(home));
  nodes.Start();
  EXPECT_FALSE(nodes.RunUntilDirect(seconds(5)));
  const PortMappingState state = nodes.a.node().Snapshot().port_mapping;
  ASSERT_EQ(state.mappings.size(), 1U);
  EXPECT_EQ(state.mappings[0].standing, nat::MappingStanding::kBehindNat);
}

TEST_P(MeshPortMapping, TwoHomesOfOneCarrierMeetInTheMiddle) {
  MappedNodes nodes(GetParam());
  auto& network = nodes.world.network();
  const auto carrier =
      network.AddNat(0, *IpAddress::Parse("203.0.113.1"), kSymmetric);
  const auto home_a =
      network.AddNat(carrier, *IpAddress::Parse("100.64.0.9"),
                     WithServices(kPortRestricted, {.pcp = true}));
  const auto home_b = network.AddNat(carrier, *IpAddress::Parse("100.64.0.10"),
                                     kPortRestricted);
  nodes.a.AddBase(home_a, "192.168.1.2:4000");
  nodes.b.AddBase(home_b, "192.168.1.3:4000");
  nodes.a.UsePortMapping(sim::SimNetwork::RouterOf(home_a));
  nodes.Start();
  EXPECT_TRUE(nodes.RunUntilDirect(seconds(10)));
}

TEST_P(MeshPortMapping, AHardPairIsExplainedByItsCellAndFixes) {
  MappedNodes nodes(GetParam());
  PutBehindHardPair(nodes, {});
  nodes.Start();
  nodes.world.Run(seconds(12));
  for (const bool is_a : {true, false}) {
    const nat::PathDiagnosis diagnosis =
        is_a ? Explain(nodes, nodes.a, "b") : Explain(nodes, nodes.b, "a");
    EXPECT_EQ(diagnosis.reason, nat::PathReason::kNatPair) << diagnosis.summary;
    ASSERT_FALSE(diagnosis.cells.empty());
    for (const nat::PunchCell& cell : diagnosis.cells) {
      const auto& easy = is_a ? cell.ours : cell.theirs;
      const auto& hard = is_a ? cell.theirs : cell.ours;
      EXPECT_EQ(easy,
                (nat::NatBehavior{nat::Dependence::kEndpointIndependent,
                                  nat::Dependence::kAddressAndPortDependent}));
      EXPECT_NE(hard.mapping, nat::Dependence::kEndpointIndependent);
    }
    EXPECT_TRUE(
        HasFix(diagnosis, nat::FixCode::kForwardPort, nat::FixSide::kOurs));
    EXPECT_TRUE(
        HasFix(diagnosis, nat::FixCode::kForwardPort, nat::FixSide::kTheirs));
    EXPECT_TRUE(HasFix(diagnosis, nat::FixCode::kLeaveHardNat,
                       is_a ? nat::FixSide::kTheirs : nat::FixSide::kOurs));
  }
}

TEST_P(MeshPortMapping, BlockedUdpIsExplainedOnBothSides) {
  MappedNodes nodes(GetParam());
  PutBehindHardPair(nodes, {});
  nodes.world.network().SetUdpBlocked(nodes.b.id(), true);
  nodes.Start();
  nodes.world.Run(seconds(45));
  const auto ours = Explain(nodes, nodes.a, "b");
  EXPECT_EQ(ours.reason, nat::PathReason::kUdpBlocked) << ours.summary;
  EXPECT_TRUE(HasFix(ours, nat::FixCode::kAllowUdp, nat::FixSide::kTheirs));
  const auto theirs = Explain(nodes, nodes.b, "a");
  EXPECT_EQ(theirs.reason, nat::PathReason::kUdpBlocked) << theirs.summary;
  EXPECT_TRUE(HasFix(theirs, nat::FixCode::kAllowUdp, nat::FixSide::kOurs));
}

TEST_P(MeshPortMapping, ADirectPairSaysSo) {
  MappedNodes nodes(GetParam());
  PutBehindHardPair(nodes, {.pcp = true});
  nodes.Start();
  ASSERT_TRUE(nodes.RunUntilDirect(seconds(5)));
  const auto diagnosis = Explain(nodes, nodes.b, "a");
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kDirect);
  EXPECT_NE(diagnosis.theirs.find("reachable for all"), std::string::npos)
      << diagnosis.theirs;
  EXPECT_TRUE(diagnosis.fixes.empty());
}

INSTANTIATE_TEST_SUITE_P(All, MeshPortMapping,
                         ::testing::Range(uint64_t{1}, uint64_t{4}));

}  // namespace
}  // namespace natkit::mesh
