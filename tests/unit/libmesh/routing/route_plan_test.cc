#include "natkit/mesh/routing/route_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "natkit/mesh/routing/prefixes.h"

namespace natkit::routing {
namespace {

IpAddress Ip(std::string_view text) {
  return IpAddress::Parse(text).value();
}

IpPrefix Net(std::string_view text) {
  return IpPrefix::Parse(text).value();
}

/// Where a packet goes.
enum class Way { kTunnel, kLan, kOutside, kBlocked };

struct Packet {
  IpAddress to;
  bool is_marked = false;
  bool is_dns = false;
};

/// The kernel's way to decide, over a plan and the rest of the system.
class System {
 public:
  System(const SystemPlan& plan, const std::vector<LocalNetwork>& networks)
      : plan_(plan), networks_(networks) {}

  [[nodiscard]] Way Decide(const Packet& packet) const {
    for (const PlannedRule& rule : plan_.rules) {
      if (rule.family != packet.to.family()) {
        continue;
      }
      if (const auto way = Ask(rule.kind, packet)) {
        return *way;
      }
    }
    return IsLan(packet.to) ? Way::kLan : Way::kOutside;
  }

 private:
  [[nodiscard]] std::optional<Way> Ask(RuleKind kind,
                                       const Packet& packet) const {
    switch (kind) {
      case RuleKind::kMesh:
        return packet.is_marked ? std::nullopt
                                : Look(RouteTable::kMesh, packet);
      case RuleKind::kDns:
        return packet.is_marked || !packet.is_dns
                   ? std::nullopt
                   : Look(RouteTable::kExit, packet);
      case RuleKind::kLan:
        return IsLan(packet.to) ? std::optional(Way::kLan) : std::nullopt;
      case RuleKind::kDhcp:
        return std::nullopt;
      case RuleKind::kLinkLocal:
        return packet.to.is_link_local() ? std::optional(Way::kLan)
                                         : std::nullopt;
      case RuleKind::kExit:
        return packet.is_marked ? std::nullopt
                                : Look(RouteTable::kExit, packet);
      case RuleKind::kGone:
        return packet.is_marked ? std::nullopt
                                : Look(RouteTable::kGone, packet);
    }
    return std::nullopt;
  }

  [[nodiscard]] std::optional<Way> Look(RouteTable table,
                                        const Packet& packet) const {
    const PlannedRoute* best = nullptr;
    for (const PlannedRoute& route : plan_.routes) {
      const bool fits = route.table == table && route.to.Contains(packet.to);
      if (fits && (best == nullptr || IsBetter(route, *best))) {
        best = &route;
      }
    }
    if (best == nullptr || best->kind == RouteKind::kThrow) {
      return std::nullopt;
    }
    return best->kind == RouteKind::kTunnel ? Way::kTunnel : Way::kBlocked;
  }

  static bool IsBetter(const PlannedRoute& a, const PlannedRoute& b) {
    return a.to.length() != b.to.length() ? a.to.length() > b.to.length()
                                          : a.kind != RouteKind::kUnreachable;
  }

  [[nodiscard]] bool IsLan(const IpAddress& address) const {
    return std::ranges::any_of(networks_, [&](const LocalNetwork& network) {
      return network.prefix.Contains(address);
    });
  }

  const SystemPlan& plan_;
  const std::vector<LocalNetwork>& networks_;
};

PlanInput Usual() {
  PlanInput input;
  input.tun = "natkit0";
  input.mtu = 1280;
  input.addresses = {Ip("100.64.0.1"), Ip("fd7a::1")};
  input.peers = {
      {"office", {Ip("100.64.0.2"), Ip("fd7a::2")}, {Net("10.9.0.0/16")}},
      {"exit",
       {Ip("100.64.0.3"), Ip("fd7a::3")},
       {Net("0.0.0.0/0"), Net("::/0")}}};
  input.local_networks = {{"eth0", Net("192.168.1.0/24")}};
  return input;
}

Way Decide(const PlanInput& input, std::string_view to) {
  const RoutePlan plan = MakePlan(input);
  return System(plan.system, input.local_networks).Decide({.to = Ip(to)});
}

bool Says(const RoutePlan& plan, FindingKind kind, const std::string& text) {
  return std::ranges::any_of(plan.findings, [&](const Finding& finding) {
    return finding.kind == kind && finding.text.find(text) != std::string::npos;
  });
}

TEST(Aggregate, JoinsHalvesAndDropsParts) {
  EXPECT_EQ(
      Aggregate({Net("10.0.0.0/25"), Net("10.0.0.128/25"), Net("10.0.1.0/24"),
                 Net("10.0.1.7/32"), Net("fd00::/9"), Net("fd80::/9")}),
      (std::vector{Net("10.0.0.0/23"), Net("fd00::/8")}));
}

TEST(Aggregate, CoversNothingMore) {
  const std::vector apart{Net("10.0.0.1/32"), Net("10.0.0.2/32")};
  EXPECT_EQ(apart, Aggregate(apart));
}

TEST(Aggregate, KeepsTheFamiliesApart) {
  EXPECT_EQ(Aggregate({Net("10.0.0.9/32"), Net("10.0.0.0/8"),
                       Net("fd00::1/128"), Net("fd00::/64")}),
            (std::vector{Net("10.0.0.0/8"), Net("fd00::/64")}));
}

TEST(RoutePlan, LeadsPeersAndTheirRoutesIntoTheTunnel) {
  const PlanInput input = Usual();
  EXPECT_EQ(Way::kTunnel, Decide(input, "100.64.0.2"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "10.9.3.4"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "fd7a::3"));
  EXPECT_EQ(Way::kLan, Decide(input, "192.168.1.9"));
  EXPECT_EQ(Way::kOutside, Decide(input, "8.8.8.8"));
  EXPECT_EQ(Way::kOutside, Decide(input, "100.64.0.9"));
}

TEST(RoutePlan, DefaultRoutesWaitForAChoice) {
  const RoutePlan plan = MakePlan(Usual());
  EXPECT_TRUE(Says(plan, FindingKind::kExitNotChosen, "exit is an exit node"));
  EXPECT_FALSE(plan.takes_all_dns);
  for (const PlannedRoute& route : plan.system.routes) {
    EXPECT_NE(0, route.to.length());
  }
}

TEST(RoutePlan, AnExitTakesEverythingButTheLanIfWanted) {
  PlanInput input = Usual();
  input.exit = "exit";
  EXPECT_EQ(Way::kTunnel, Decide(input, "8.8.8.8"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "2001:db8::1"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "192.168.1.9"));
  EXPECT_EQ(Way::kLan, Decide(input, "fe80::1"));
  input.lan_access = LanAccess::kOn;
  EXPECT_EQ(Way::kTunnel, Decide(input, "8.8.8.8"));
  EXPECT_EQ(Way::kLan, Decide(input, "192.168.1.9"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "10.9.3.4"));
}

TEST(RoutePlan, MarkedPacketsNeverEnterTheTunnel) {
  PlanInput input = Usual();
  input.exit = "exit";
  const RoutePlan plan = MakePlan(input);
  const System system(plan.system, input.local_networks);
  for (const auto* to : {"8.8.8.8", "10.9.3.4", "100.64.0.2", "2001:db8::1"}) {
    EXPECT_EQ(Way::kOutside, system.Decide({.to = Ip(to), .is_marked = true}));
  }
}

TEST(RoutePlan, DnsFollowsTheExitAlsoToTheLan) {
  PlanInput input = Usual();
  input.exit = "exit";
  input.lan_access = LanAccess::kOn;
  const Packet question{.to = Ip("192.168.1.1"), .is_dns = true};
  const RoutePlan follows = MakePlan(input);
  EXPECT_TRUE(follows.takes_all_dns);
  EXPECT_EQ(Way::kTunnel,
            System(follows.system, input.local_networks).Decide(question));
  input.exit_dns = ExitDns::kLocal;
  const RoutePlan local = MakePlan(input);
  EXPECT_FALSE(local.takes_all_dns);
  EXPECT_EQ(Way::kLan,
            System(local.system, input.local_networks).Decide(question));
}

TEST(RoutePlan, AnExitThatIsGoneBlocks) {
  PlanInput input = Usual();
  input.exit = "exit";
  input.peers.pop_back();
  EXPECT_EQ(Way::kBlocked, Decide(input, "8.8.8.8"));
  EXPECT_EQ(Way::kBlocked, Decide(input, "2001:db8::1"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "10.9.3.4"));
  EXPECT_TRUE(Says(MakePlan(input), FindingKind::kExitUnusable, "not there"));
  input.exit = "office";
  EXPECT_EQ(Way::kBlocked, Decide(input, "8.8.8.8"));
  EXPECT_TRUE(
      Says(MakePlan(input), FindingKind::kExitUnusable, "not an (approved)"));
}

TEST(RoutePlan, WhatTheExitDoesNotCarryIsBlocked) {
  PlanInput input = Usual();
  input.exit = "exit";
  input.peers.back().routes = {Net("0.0.0.0/0")};
  EXPECT_EQ(Way::kTunnel, Decide(input, "8.8.8.8"));
  EXPECT_EQ(Way::kBlocked, Decide(input, "2001:db8::1"));
  EXPECT_TRUE(Says(MakePlan(input), FindingKind::kExitWithoutFamily,
                   "IPv6 is blocked: exit does not carry it"));
  input.peers.back().routes = {Net("0.0.0.0/0"), Net("::/0")};
  input.addresses = {Ip("100.64.0.1")};
  EXPECT_EQ(Way::kBlocked, Decide(input, "2001:db8::1"));
  EXPECT_TRUE(Says(MakePlan(input), FindingKind::kExitWithoutFamily,
                   "IPv6 is blocked: this node has no address"));
}

TEST(RoutePlan, ALocalNetworkWinsOverARouteToItOrAPartOfIt) {
  for (const auto* route : {"192.168.1.0/24", "192.168.1.128/25"}) {
    PlanInput input = Usual();
    input.peers.front().routes = {Net(route)};
    EXPECT_EQ(Way::kLan, Decide(input, "192.168.1.200"));
    EXPECT_TRUE(Says(MakePlan(input), FindingKind::kLocalOverlap,
                     std::string(route) +
                         " of office is not used: it lies in the local "
                         "network 192.168.1.0/24 on eth0"));
  }
}

TEST(RoutePlan, AWiderRouteLeavesTheLocalNetworkAlone) {
  PlanInput input = Usual();
  input.peers.front().routes = {Net("192.168.0.0/16")};
  EXPECT_EQ(Way::kLan, Decide(input, "192.168.1.200"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "192.168.2.200"));
  EXPECT_TRUE(Says(MakePlan(input), FindingKind::kLocalOverlap,
                   "192.168.0.0/16 of office contains the local network"));
}

TEST(RoutePlan, APeersAddressWinsOverALocalNetwork) {
  PlanInput input = Usual();
  input.peers.front().routes = {Net("100.0.0.0/8")};
  input.local_networks = {{"wan0", Net("100.64.0.0/10")}};
  EXPECT_EQ(Way::kTunnel, Decide(input, "100.64.0.2"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "100.1.1.1"));
  EXPECT_EQ(Way::kLan, Decide(input, "100.64.0.9"));
  EXPECT_TRUE(Says(MakePlan(input), FindingKind::kLocalOverlap,
                   "the mesh address 100.64.0.2 of office lies in the local "
                   "network 100.64.0.0/10 on wan0"));
}

TEST(RoutePlan, WhatWasForAPeerThatIsGoneDoesNotLeaveInTheClear) {
  PlanInput input = Usual();
  input.mesh_prefixes = {Net("100.64.0.0/10"), Net("fd7a::/48")};
  EXPECT_EQ(Way::kTunnel, Decide(input, "100.64.0.2"));
  input.peers.erase(input.peers.begin());
  EXPECT_EQ(Way::kBlocked, Decide(input, "100.64.0.2"));
  EXPECT_EQ(Way::kBlocked, Decide(input, "fd7a::2"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "100.64.0.3"));
  EXPECT_EQ(Way::kOutside, Decide(input, "100.128.0.1"));
  const RoutePlan plan = MakePlan(input);
  EXPECT_EQ(Way::kOutside, System(plan.system, input.local_networks)
                               .Decide({Ip("100.64.0.2"), true}))
      << "paths of the node itself may lie there: carriers use the range";
}

TEST(RoutePlan, LocalNetworksInsideTheMeshsPrefixAreLeftAlone) {
  PlanInput input = Usual();
  input.mesh_prefixes = {Net("100.64.0.0/10")};
  input.local_networks = {{"wwan0", Net("100.70.0.0/16")}};
  EXPECT_EQ(Way::kLan, Decide(input, "100.70.0.1"));
  EXPECT_EQ(Way::kBlocked, Decide(input, "100.71.0.1"));
  input.local_networks = {{"wwan0", Net("100.64.0.0/10")}};
  EXPECT_EQ(Way::kLan, Decide(input, "100.71.0.1"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "100.64.0.2"));
}

TEST(RoutePlan, PeersAddressesOfAFamilyThatTheNodeLacksAreRefused) {
  PlanInput input = Usual();
  input.addresses = {Ip("100.64.0.1")};
  input.mesh_prefixes = {Net("fd7a::/48")};
  EXPECT_EQ(Way::kBlocked, Decide(input, "fd7a::2"));
}

TEST(RoutePlan, SkipsNetworksThatAreNone) {
  PlanInput input = Usual();
  input.local_networks = {{"natkit0", Net("10.9.0.0/16")},
                          {"lo", Net("127.0.0.0/8")},
                          {"eth0", Net("fe80::/64")}};
  const RoutePlan plan = MakePlan(input);
  EXPECT_FALSE(Says(plan, FindingKind::kLocalOverlap, ""));
  EXPECT_EQ(Way::kTunnel, Decide(input, "10.9.0.1"));
}

TEST(RoutePlan, NamesPeersWhoseRoutesOverlap) {
  PlanInput input = Usual();
  input.peers.push_back({"lab", {Ip("100.64.0.4")}, {Net("10.9.3.0/24")}});
  input.peers.push_back({"spare", {Ip("100.64.0.5")}, {Net("10.9.0.0/16")}});
  const RoutePlan plan = MakePlan(input);
  EXPECT_TRUE(Says(plan, FindingKind::kPeerOverlap,
                   "10.9.3.0/24 of lab wins, being more specific"));
  EXPECT_TRUE(Says(plan, FindingKind::kPeerOverlap,
                   "10.9.0.0/16 of office and 10.9.0.0/16 of spare overlap; "
                   "only one"));
}

TEST(RoutePlan, ARouterKeepsItsOwnRoutes) {
  PlanInput input = Usual();
  input.advertised = {Net("10.9.0.0/16")};
  EXPECT_EQ(Way::kOutside, Decide(input, "10.9.0.1"));
  const RoutePlan plan = MakePlan(input);
  EXPECT_TRUE(Says(plan, FindingKind::kOwnRoute, "10.9.0.0/16 of office"));
  EXPECT_TRUE(Says(plan, FindingKind::kAdvertisedNotLocal, "10.9.0.0/16"));
  EXPECT_EQ((Forwarding{.ipv4 = true}), plan.system.forwarding);
  EXPECT_TRUE(plan.system.firewall.masquerades);
  input.peers.front().routes = {Net("10.0.0.0/8")};
  EXPECT_EQ(Way::kOutside, Decide(input, "10.9.0.1"));
  EXPECT_EQ(Way::kTunnel, Decide(input, "10.8.0.1"));
}

TEST(RoutePlan, ForwardingAndSnatFollowWhatIsAdvertised) {
  PlanInput input = Usual();
  EXPECT_EQ(Firewall(), MakePlan(input).system.firewall);
  input.advertised = {Net("0.0.0.0/0"), Net("::/0")};
  input.snat = Snat::kOff;
  const SystemPlan plan = MakePlan(input).system;
  EXPECT_EQ((Forwarding{.ipv4 = true, .ipv6 = true}), plan.forwarding);
  EXPECT_TRUE(plan.firewall.forwards);
  EXPECT_FALSE(plan.firewall.masquerades);
  EXPECT_EQ(1280, plan.firewall.mtu);
}

TEST(RoutePlan, RoutesOfAFamilyWithoutAnAddressAreNotUsed) {
  PlanInput input = Usual();
  input.addresses = {Ip("fd7a::1")};
  EXPECT_EQ(Way::kOutside, Decide(input, "10.9.0.1"));
  EXPECT_TRUE(Says(MakePlan(input), FindingKind::kNoAddress, "10.9.0.0/16"));
}

/// Small numbers, so that prefixes meet often.
class Dice {
 public:
  explicit Dice(uint32_t seed) : engine_(seed) {}

  uint32_t Below(uint32_t limit) {
    return std::uniform_int_distribution<uint32_t>(0, limit - 1)(engine_);
  }

  IpAddress Address() {
    const auto low = static_cast<uint8_t>(Below(16) << 4U);
    const auto high = static_cast<uint8_t>(Below(2));
    if (Below(2) == 0) {
      return IpAddress::V4(10, high, low, 0);
    }
    return IpAddress::V6({0xfd, high, low});
  }

  IpPrefix Prefix() {
    const IpAddress address = Address();
    const int least = Below(8) == 0 ? 0 : 14;
    const int span = static_cast<int>(Below(9));
    return *IpPrefix::Make(address, least == 0 ? 0 : least + span);
  }

  PlanInput Input() {
    PlanInput input{.tun = "natkit0", .mtu = 1280};
    for (uint32_t i = Below(3); i > 0; --i) {
      input.addresses.push_back(Address());
    }
    for (const char* name : {"a", "b", "c"}) {
      MeshPeer peer{.name = name};
      for (uint32_t i = Below(4); i > 0; --i) {
        peer.routes.push_back(Prefix());
      }
      peer.addresses.push_back(Address());
      input.peers.push_back(peer);
    }
    for (uint32_t i = Below(3); i > 0; --i) {
      input.local_networks.push_back({"eth0", Prefix()});
    }
    for (uint32_t i = Below(2); i > 0; --i) {
      input.advertised.push_back(Prefix());
    }
    if (Below(2) == 0) {
      input.exit = std::string(1, static_cast<char>('a' + Below(4)));
    }
    input.lan_access = Below(2) == 0 ? LanAccess::kOn : LanAccess::kOff;
    input.exit_dns = Below(2) == 0 ? ExitDns::kLocal : ExitDns::kFollowsExit;
    return input;
  }

 private:
  std::mt19937 engine_;
};

std::vector<Packet> Packets(Dice& dice) {
  std::vector<Packet> packets;
  for (const bool is_dns : {false, true}) {
    packets.push_back({.to = Ip("198.51.100.1"), .is_dns = is_dns});
    packets.push_back({.to = Ip("2001:db8::1"), .is_dns = is_dns});
    for (int i = 0; i < 12; ++i) {
      packets.push_back({.to = dice.Address(), .is_dns = is_dns});
    }
  }
  return packets;
}

class Change {
 public:
  Change(const PlanInput& from, const PlanInput& to)
      : from_(MakePlan(from).system),
        to_(MakePlan(to).system),
        networks_(to.local_networks) {}

  /// Empty if each state between keeps what both ends say.
  std::string Check(const std::vector<Packet>& packets) const {
    SystemPlan state = from_;
    for (const Step& step : Diff(from_, to_)) {
      Apply(step, state);
      for (const Packet& packet : packets) {
        if (!IsKept(state, packet)) {
          return packet.to.ToString() + " goes astray after: " + Describe(step);
        }
      }
    }
    return state == to_ ? "" : "the end is another";
  }

 private:
  [[nodiscard]] bool IsKept(const SystemPlan& state,
                            const Packet& packet) const {
    const Way before = System(from_, networks_).Decide(packet);
    const Way after = System(to_, networks_).Decide(packet);
    const Way now = System(state, networks_).Decide(packet);
    const bool may_leave = before == Way::kOutside || after == Way::kOutside;
    return (before != after || now == before) &&
           (may_leave || now != Way::kOutside);
  }

  SystemPlan from_;
  SystemPlan to_;
  const std::vector<LocalNetwork>& networks_;
};

TEST(RouteDiff, LeadsFromAnyPlanToAnyOtherWithoutALeakBetween) {
  for (uint32_t seed = 0; seed < 10000; ++seed) {
    Dice dice(seed);
    PlanInput from = dice.Input();
    PlanInput to = dice.Input();
    if (seed % 3 != 0) {  // a mesh keeps its prefixes
      from.mesh_prefixes = {Net("10.1.0.0/16"), Net("fd01::/17")};
      to.mesh_prefixes = from.mesh_prefixes;
    }
    if (seed % 2 == 0) {  // one thing changes, as mostly
      const PlanInput other = to;
      to = from;
      to.peers[seed % 3] = other.peers[seed % 3];
      to.local_networks = other.local_networks;
    }
    EXPECT_EQ("", Change(from, to).Check(Packets(dice))) << "seed " << seed;
  }
}

TEST(RouteDiff, OfEqualPlansIsEmptyAndOfASmallChangeSmall) {
  PlanInput input = Usual();
  input.exit = "exit";
  const SystemPlan before = MakePlan(input).system;
  EXPECT_TRUE(Diff(before, before).empty());
  input.peers.front().routes.push_back(Net("10.77.0.0/16"));
  const std::vector<Step> steps = Diff(before, MakePlan(input).system);
  ASSERT_EQ(1U, steps.size());
  EXPECT_EQ("set the route to 10.77.0.0/16 into the tunnel",
            Describe(steps.front()));
}

TEST(RouteDiff, AnExitThatLosesAFamilyIsNeverPassedBy) {
  PlanInput input = Usual();
  input.exit = "exit";
  const SystemPlan before = MakePlan(input).system;
  input.peers.back().routes.pop_back();
  const std::vector<Step> steps = Diff(before, MakePlan(input).system);
  ASSERT_EQ(1U, steps.size());
  EXPECT_EQ("remove the route to ::/0 into the tunnel",
            Describe(steps.front()));
}

TEST(RouteDiff, TheMarkGuardStaysUntilTheExitIsLeft) {
  PlanInput input = Usual();
  const SystemPlan without = MakePlan(input).system;
  input.exit = "exit";
  const SystemPlan with = MakePlan(input).system;
  EXPECT_EQ("set the packet filter rules",
            Describe(Diff(without, with).front()));
  EXPECT_EQ("set the packet filter rules",
            Describe(Diff(with, without).back()));
}

}  // namespace
}  // namespace natkit::routing
