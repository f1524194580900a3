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
#include "natkit/netsim/profile.h"

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
  /// No NAT: a firewall before a public address, as IPv6 has it.
  bool is_public = false;
  /// Instead of `behavior`.
  const netsim::ProfileInfo* profile = nullptr;
};

netsim::NatConfig BoxOf(const Home& home) {
  if (home.profile != nullptr) {
    return home.profile->make();
  }
  netsim::NatConfig config;
  config.mapping = static_cast<netsim::Dependence>(home.behavior.mapping);
  config.filtering = static_cast<netsim::Dependence>(home.behavior.filtering);
  config.port_assignment = netsim::PortAssignment::kRandom;
  return config;
}

netsim::NatConfig ConfigOf(const Home& home) {
  netsim::NatConfig config = BoxOf(home);
  if (home.forwards) {
    config.forwards = {{.external_port = kInside.port, .inside = kInside}};
  }
  config.services.pcp = home.maps;
  return config;
}

void Place(MappedNodes& nodes, MeshHost& host, const Home& home,
           const IpAddress& outside) {
  auto& network = nodes.world.network();
  if (home.is_public) {
    const IpPrefix prefix = *IpPrefix::Make(outside, 32);
    const auto realm =
        network.AddNat(0, IpAddress::V4(203, 0, 114, outside.bytes()[3]),
                       {.filtering = sim::Dependence::kAddressAndPortDependent,
                        .translates = false},
                       prefix);
    host.AddBase(realm, Endpoint{outside, kInside.port}.ToString());
    return;
  }
  auto config = ConfigOf(home);
  config.external = {outside};
  const auto realm = network.AddNat(0, config);
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
    } else if (fix.code == FixCode::kLeaveHardNat ||
               fix.code == FixCode::kAllowUdp) {
      home.behavior = kHomeRouter;
      home.profile = nullptr;
    } else if (fix.code == FixCode::kUseIpv6) {
      home.is_public = true;
    } else {
      return false;
    }
    return true;
  };
  if (fix.side == FixSide::kEither) {
    return std::nullopt;  // about what stands between them
  }
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
  EXPECT_GE(followed, 6U);  // two kinds of ports on each side, NATs, IPv6
}

std::vector<const netsim::ProfileInfo*> ProfilesThatCanStandAlone() {
  std::vector<const netsim::ProfileInfo*> out;
  for (const netsim::ProfileInfo& profile : netsim::Profiles()) {
    const netsim::NatConfig config = profile.make();
    const bool is_v4_box = config.translation == netsim::Translation::kNapt;
    if (is_v4_box && profile.carrier.empty()) {
      out.push_back(&profile);
    }
  }
  return out;
}

/// What a node itself finds out and says, after a search in vain; nullopt: the
/// pair is direct.
std::optional<nat::PathDiagnosis> DiagnosisOf(const Home& a, const Home& b) {
  MappedNodes nodes(7);
  Place(nodes, nodes.a, a, kOutsideA);
  Place(nodes, nodes.b, b, kOutsideB);
  nodes.Start();
  const bool is_blocked = ConfigOf(a).policy != netsim::NatPolicy{} ||
                          ConfigOf(b).policy != netsim::NatPolicy{};
  if (nodes.RunUntilDirect(is_blocked ? seconds(60) : seconds(15))) {
    return std::nullopt;
  }
  return *nodes.a.node().Explain(nodes.world.now(), "b");
}

class AdviceOfProfiles : public ::testing::TestWithParam<size_t> {};

INSTANTIATE_TEST_SUITE_P(All, AdviceOfProfiles,
                         ::testing::Range(size_t{0},
                                          ProfilesThatCanStandAlone().size()));

/// Nothing here knows what the boxes do but the nodes, by measuring.
TEST_P(AdviceOfProfiles, IsRightForEachPair) {
  const auto profiles = ProfilesThatCanStandAlone();
  for (size_t other = GetParam(); other < profiles.size(); ++other) {
    const Home a{.profile = profiles[GetParam()]};
    const Home b{.profile = profiles[other]};
    const auto diagnosis = DiagnosisOf(a, b);
    if (!diagnosis) {
      continue;
    }
    SCOPED_TRACE(std::string(a.profile->name) + " against " +
                 std::string(b.profile->name) + ": " + diagnosis->summary);
    EXPECT_NE(diagnosis->reason, nat::PathReason::kSearching);
    EXPECT_NE(diagnosis->reason, nat::PathReason::kUnknownBehavior);
    size_t followed = 0;
    Home both_a = a;
    Home both_b = b;
    for (const Fix& fix : diagnosis->fixes) {
      if (fix.code == FixCode::kAllowUdp) {  // on each side that is named
        const auto after = Follow(fix, both_a, both_b);
        both_a = after->first;
        both_b = after->second;
        ++followed;
      } else if (const auto after = Follow(fix, both_a, both_b)) {
        ++followed;
        EXPECT_TRUE(BecomesDirect(after->first, after->second))
            << nat::FixCodeName(fix.code) << " " << nat::FixSideName(fix.side);
      }
    }
    EXPECT_GE(followed, 1U);
    if (diagnosis->reason == nat::PathReason::kUdpBlocked) {
      // What the NATs do is seen only then.
      const auto after = DiagnosisOf(both_a, both_b);
      EXPECT_TRUE(!after || after->reason == nat::PathReason::kNatPair)
          << after->summary;
    }
  }
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

/// Nobody listens there.
std::vector<Endpoint> DeadServers() {
  return {*Endpoint::Parse("198.51.100.8:3478"),
          *Endpoint::Parse("198.51.100.9:3478")};
}

TEST(Advice, DeadStunServersAreNoBlockedUdpOnADirectPath) {
  MappedNodes nodes(3);
  nodes.a.AddBase(0, Endpoint{kOutsideA, kInside.port}.ToString());
  Place(nodes, nodes.b, kEasy, kOutsideB);
  nodes.Start(DeadServers());
  ASSERT_TRUE(nodes.RunUntilDirect(kSearch));
  nodes.world.Run(seconds(60));
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kDirect);
  EXPECT_EQ(diagnosis.ours.find("UDP"), std::string::npos) << diagnosis.ours;
  EXPECT_EQ(diagnosis.theirs.find("UDP"), std::string::npos)
      << diagnosis.theirs;
}

TEST(Advice, DeadStunServersAreOneExplanationOfSilence) {
  MappedNodes nodes(3);
  Place(nodes, nodes.a, kEasy, kOutsideA);
  Place(nodes, nodes.b, kEasy, kOutsideB);
  nodes.Start(DeadServers());
  ASSERT_FALSE(nodes.RunUntilDirect(seconds(45)));
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kUdpBlocked);
  EXPECT_NE(diagnosis.summary.find("no STUN server answers"),
            std::string::npos);
  EXPECT_TRUE(Advises(diagnosis, FixCode::kEnablePortMapping, FixSide::kOurs));
}

TEST(Advice, WithoutARelayIsToHaveOne) {
  MappedNodes nodes(3);
  Place(nodes, nodes.a, kEasy, kOutsideA);
  Place(nodes, nodes.b, kEasy, kOutsideB);
  nodes.relay.SetUp(nodes.world.now(), false);
  nodes.Start();
  EXPECT_FALSE(nodes.RunUntilDirect(kSearch));
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kNoRelay);
  EXPECT_TRUE(Advises(diagnosis, FixCode::kReachRelay, FixSide::kOurs));
  // Told once, whatever the number of tries.
  EXPECT_EQ(nodes.a.CountEvents<RelayChanged>(), 1U);
  nodes.relay.SetUp(nodes.world.now(), true);
  EXPECT_TRUE(nodes.RunUntilDirect(seconds(30)));
  EXPECT_EQ(nodes.a.CountEvents<RelayChanged>(), 2U);
}

/// A firewall before a public address, as a server's or IPv6's, against a
/// symmetric NAT.
TEST(Advice, ToLetOthersInIsForAHostWithoutNat) {
  constexpr Home kHard = {{nat::Dependence::kAddressAndPortDependent,
                           nat::Dependence::kAddressAndPortDependent}};
  MappedNodes nodes(3);
  Place(nodes, nodes.a, {.is_public = true}, kOutsideA);
  Place(nodes, nodes.b, kHard, kOutsideB);
  nodes.Start();
  ASSERT_FALSE(nodes.RunUntilDirect(seconds(15)));
  const auto diagnosis = ExplainA(nodes);
  EXPECT_EQ(diagnosis.reason, nat::PathReason::kNatPair) << diagnosis.summary;
  EXPECT_NE(diagnosis.ours.find("no NAT, but a firewall"), std::string::npos)
      << diagnosis.ours;
  EXPECT_TRUE(Advises(diagnosis, FixCode::kAllowInbound, FixSide::kOurs));
  EXPECT_FALSE(Advises(diagnosis, FixCode::kForwardPort, FixSide::kOurs));
  // As advised: nothing keeps strangers out.
  MappedNodes after(3);
  after.a.AddBase(0, Endpoint{kOutsideA, kInside.port}.ToString());
  Place(after, after.b, kHard, kOutsideB);
  after.Start();
  EXPECT_TRUE(after.RunUntilDirect(kSearch));
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
