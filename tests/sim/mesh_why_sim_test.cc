// Advice that is followed must help: every cell of the punch matrix and some
// other networks, first as they are, then after each fix that the diagnosis
// names, with whole nodes.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mesh_mapped_nodes.h"
#include "natkit/nat/path_diagnosis.h"

namespace natkit::mesh {
namespace {

using nat::Fix;
using nat::FixCode;
using nat::FixSide;
using nat::NatBehavior;
using std::chrono::seconds;

const IpAddress kOutsideA = *IpAddress::Parse("203.0.113.1");
const IpAddress kOutsideB = *IpAddress::Parse("203.0.113.2");
const Endpoint kInside = *Endpoint::Parse("192.168.1.2:4000");
constexpr Duration kSearch = seconds(8);

/// One side of a pair: its NAT, and whether its node asks the router.
struct Home {
  NatBehavior behavior;
  bool forwards = false;
  bool maps = false;
};

netsim::NatConfig ConfigOf(const Home& home) {
  netsim::NatConfig config;
  config.mapping = static_cast<netsim::Dependence>(home.behavior.mapping);
  config.filtering = static_cast<netsim::Dependence>(home.behavior.filtering);
  config.port_assignment = netsim::PortAssignment::kRandom;
  if (home.forwards) {
    config.forwards = {{.external_port = kInside.port, .inside = kInside}};
  }
  config.services.pcp = home.maps;
  return config;
}

void Place(MappedNodes& nodes, MeshHost& host, const Home& home,
           const IpAddress& outside) {
  auto config = ConfigOf(home);
  config.external = {outside};
  const auto realm = nodes.world.network().AddNat(0, config);
  host.AddBase(realm, kInside.ToString());
  if (home.maps) {
    host.UsePortMapping(sim::SimNetwork::RouterOf(realm));
  }
}

bool BecomesDirect(const Home& a, const Home& b) {
  MappedNodes nodes(7);
  Place(nodes, nodes.a, a, kOutsideA);
  Place(nodes, nodes.b, b, kOutsideB);
  nodes.Start();
  return nodes.RunUntilDirect(kSearch);
}

nat::PathSide SideOf(const Home& home, const IpAddress& outside) {
  nat::PathSide side;
  side.traits.translation = nat::Translation::kNapt;
  side.traits.mapping = home.behavior.mapping;
  side.traits.filtering = home.behavior.filtering;
  side.traits.external_addresses = {outside};
  return side;
}

/// The pair after a fix; nullopt: not for these networks.
std::optional<std::pair<Home, Home>> Follow(const Fix& fix, Home a, Home b) {
  constexpr NatBehavior kHomeRouter = {
      nat::Dependence::kEndpointIndependent,
      nat::Dependence::kAddressAndPortDependent};
  const auto apply = [&](Home& home) {
    if (fix.code == FixCode::kForwardPort) {
      home.forwards = true;
    } else if (fix.code == FixCode::kEnablePortMapping) {
      home.maps = true;
    } else if (fix.code == FixCode::kLeaveHardNat) {
      home.behavior = kHomeRouter;
    } else {
      return false;  // kUseIpv6: no NAT is left
    }
    return true;
  };
  bool is_followed = true;
  if (fix.side != FixSide::kTheirs) {
    is_followed = is_followed && apply(a);
  }
  if (fix.side != FixSide::kOurs) {
    is_followed = is_followed && apply(b);
  }
  return is_followed ? std::optional(std::pair(a, b)) : std::nullopt;
}

std::vector<NatBehavior> AllBehaviors() {
  using nat::Dependence;
  constexpr std::array kAll = {Dependence::kEndpointIndependent,
                               Dependence::kAddressDependent,
                               Dependence::kAddressAndPortDependent};
  std::vector<NatBehavior> out;
  for (const Dependence mapping : kAll) {
    for (const Dependence filtering : kAll) {
      out.push_back({mapping, filtering});
    }
  }
  return out;
}

class AdviceOfCell : public ::testing::TestWithParam<size_t> {};

INSTANTIATE_TEST_SUITE_P(All, AdviceOfCell,
                         ::testing::Range(size_t{0}, size_t{81}));

TEST_P(AdviceOfCell, IsRight) {
  const Home a{AllBehaviors()[GetParam() / 9]};
  const Home b{AllBehaviors()[GetParam() % 9]};
  SCOPED_TRACE(nat::BehaviorName(a.behavior) + " against " +
               nat::BehaviorName(b.behavior));
  const auto diagnosis = nat::DiagnosePath({.ours = SideOf(a, kOutsideA),
                                            .theirs = SideOf(b, kOutsideB),
                                            .is_active = true,
                                            .has_searched = true});
  ASSERT_EQ(diagnosis.cells.size(), 1U);
  const bool is_direct = diagnosis.cells[0].reach == nat::Reach::kDirect;
  EXPECT_EQ(BecomesDirect(a, b), is_direct);
  if (is_direct) {
    return;
  }
  size_t followed = 0;
  for (const Fix& fix : diagnosis.fixes) {
    if (const auto after = Follow(fix, a, b)) {
      ++followed;
      EXPECT_TRUE(BecomesDirect(after->first, after->second))
          << nat::FixCodeName(fix.code) << " " << nat::FixSideName(fix.side);
    }
  }
  EXPECT_GE(followed, 5U);  // two kinds of ports on each side, and the NATs
}

bool Advises(const nat::PathDiagnosis& diagnosis, FixCode code, FixSide side) {
  return std::ranges::any_of(diagnosis.fixes, [&](const Fix& fix) {
    return fix.code == code && fix.side == side;
  });
}

nat::PathDiagnosis ExplainA(MappedNodes& nodes) {
  return *nodes.a.node().Explain(nodes.world.now(), "b");
}

constexpr Home kEasy = {{nat::Dependence::kEndpointIndependent,
                         nat::Dependence::kAddressAndPortDependent}};

TEST(Advice, ToAllowUdpHelpsOnEachSideThatBlocksIt) {
  for (const bool both : {false, true}) {
    MappedNodes nodes(3);
    Place(nodes, nodes.a, kEasy, kOutsideA);
    Place(nodes, nodes.b, kEasy, kOutsideB);
    auto& network = nodes.world.network();
    network.SetUdpBlocked(nodes.a.id(), both);
    network.SetUdpBlocked(nodes.b.id(), true);
    nodes.Start();
    ASSERT_FALSE(nodes.RunUntilDirect(seconds(45)));
    const auto diagnosis = ExplainA(nodes);
    EXPECT_EQ(diagnosis.reason, nat::PathReason::kUdpBlocked);
    EXPECT_EQ(Advises(diagnosis, FixCode::kAllowUdp, FixSide::kOurs), both);
    EXPECT_TRUE(Advises(diagnosis, FixCode::kAllowUdp, FixSide::kTheirs));
    network.SetUdpBlocked(nodes.a.id(), false);
    network.SetUdpBlocked(nodes.b.id(), false);
    EXPECT_TRUE(nodes.RunUntilDirect(seconds(90)));
  }
}

TEST(Advice, ToLetTheNatHairpinHelps) {
  for (const bool hairpins : {false, true}) {
    MappedNodes nodes(3);
    auto& network = nodes.world.network();
    auto config = ConfigOf(kEasy);
    config.external = {kOutsideA};
    if (hairpins) {
      config.hairpinning = netsim::Hairpinning::kExternalSource;
    }
    const auto home = network.AddNat(0, config);
    nodes.a.AddBase(home, "192.168.1.2:4000");
    nodes.b.AddBase(home, "192.168.1.3:4000");
    network.Cut(*IpAddress::Parse("192.168.1.2"),
                *IpAddress::Parse("192.168.1.3"));
    nodes.Start();
    ASSERT_EQ(nodes.RunUntilDirect(kSearch), hairpins);
    if (hairpins) {
      continue;
    }
    const auto diagnosis = ExplainA(nodes);
    EXPECT_EQ(diagnosis.reason, nat::PathReason::kSameNat);
    EXPECT_TRUE(
        Advises(diagnosis, FixCode::kEnableHairpinning, FixSide::kEither));
    EXPECT_TRUE(Advises(diagnosis, FixCode::kUseSameLan, FixSide::kEither));
    network.Mend();  // one network without isolation
    EXPECT_TRUE(nodes.RunUntilDirect(seconds(60)));
  }
}

TEST(Advice, BehindASecondNatAForwardedPortHelpsOnceThatIsGone) {
  constexpr Home kHard = {{nat::Dependence::kAddressAndPortDependent,
                           nat::Dependence::kAddressAndPortDependent}};
  for (const bool has_second : {true, false}) {
    MappedNodes nodes(3);
    auto& network = nodes.world.network();
    auto home = ConfigOf({.behavior = kEasy.behavior, .maps = true});
    home.external = {has_second ? *IpAddress::Parse("100.64.0.9") : kOutsideA};
    auto carrier = ConfigOf(kEasy);
    carrier.external = {kOutsideA};
    const auto outer = has_second ? network.AddNat(0, carrier) : 0;
    const auto realm = network.AddNat(outer, home);
    nodes.a.AddBase(realm, kInside.ToString());
    nodes.a.UsePortMapping(sim::SimNetwork::RouterOf(realm));
    Place(nodes, nodes.b, kHard, kOutsideB);
    nodes.Start();
    ASSERT_EQ(nodes.RunUntilDirect(kSearch), !has_second);
    if (has_second) {
      const auto diagnosis = ExplainA(nodes);
      EXPECT_TRUE(
          Advises(diagnosis, FixCode::kRemoveSecondNat, FixSide::kOurs));
      EXPECT_FALSE(Advises(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
      EXPECT_TRUE(Advises(diagnosis, FixCode::kForwardPort, FixSide::kTheirs));
    }
  }
}

}  // namespace
}  // namespace natkit::mesh
