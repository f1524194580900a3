#include "natkit/mesh/coord/active_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/mesh/policy/decide.h"
#include "natkit/mesh/registry/memory_store.h"
#include "natkit/mesh/registry/registry.h"

namespace natkit::mesh {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}

IpPrefix Net(std::string_view text) {
  return *IpPrefix::Parse(text);
}

policy::CompiledPolicy Compile(const std::string& sections) {
  auto result = policy::ParsePolicy(
      R"({"groups": {"group:eng": ["ann@x.org", "bob@x.org"]},
"tagOwners": {"tag:web": ["ann@x.org"], "tag:gate": ["tag:web"]},
"postures": {"posture:ok": ["node:healthy == true"]},
)" + sections +
      "}");
  for (const auto& diagnostic : result.diagnostics) {
    EXPECT_NE(diagnostic.severity, policy::Severity::kError)
        << policy::ToString(diagnostic) << sections;
  }
  return policy::CompiledPolicy(
      std::move(result.policy),
      {.mesh_prefixes = {Net("100.64.0.0/10"), Net("fd7a:1::/48")}});
}

std::optional<ZoneRules> OnlyUtc(std::string_view name) {
  return name == "UTC" ? std::optional(FixedZone(0)) : std::nullopt;
}

/// Nodes, users and a policy, with the view index that follows from them.
class World {
 public:
  World() {
    for (const char* name : {"ann@x.org", "bob@x.org", "kim@x.org"}) {
      users[name] = {.name = name};
    }
    users["kim@x.org"].roles = {"admin"};
  }

  NodeRecord& Add(const std::string& user_or_tag) {
    const NodeId id = nodes.size() + 1;
    NodeRecord& node = nodes[id];
    node.id = id;
    node.name = "n" + std::to_string(id);
    if (user_or_tag.starts_with("tag:")) {
      node.owner.tags = {user_or_tag};
    } else {
      node.owner.user = user_or_tag;
    }
    node.addresses = {Ip("100.64.0." + std::to_string(id)),
                      Ip("fd7a:1::" + std::to_string(id))};
    return node;
  }

  void AddRoute(NodeRecord& node, std::string_view prefix) {
    node.advertised.push_back(Net(prefix));
    node.approved.push_back(Net(prefix));
  }

  const UserRecord* UserOf(const NodeRecord& node) const {
    const auto found = users.find(node.owner.user);
    return node.owner.is_tagged() || found == users.end() ? nullptr
                                                          : &found->second;
  }

  ActivePolicy Active(const std::string& sections) const {
    PolicyContext context;
    for (const auto& [name, user] : users) {
      context.users[name] = user.roles;
    }
    for (const auto& [id, node] : nodes) {
      context.routes.insert(node.approved.begin(), node.approved.end());
    }
    return {Compile(sections), std::move(context), &OnlyUtc};
  }

  policy::PolicyWorld PolicyWorld() const {
    policy::PolicyWorld world;
    for (const auto& [id, node] : nodes) {
      world.nodes.push_back(MakePolicyNode(node, UserOf(node)));
    }
    return world;
  }

  std::map<NodeId, NodeRecord> nodes;
  std::map<std::string, UserRecord> users;
};

/// The index of a world under a policy, and what filters made from it do.
class Filters {
 public:
  Filters(const World& world, const ActivePolicy& active) : world_(world) {
    for (ViewRule& rule : active.Rules()) {
      rules_[rule.id] = rule;
    }
    index_.SetPolicy(active.Rules(),
                     [](NodeId) { return std::vector<ViewRole>(); });
    for (const auto& [id, node] : world.nodes) {
      roles_[id] = active.RolesOf(node, world.UserOf(node));
      index_.SetNode({.id = id,
                      .roles = roles_[id],
                      .routes = node.approved,
                      .is_online = true});
    }
  }

  const ViewIndex& index() const { return index_; }

  /// Whether `node` lets the flow pass, as its source or its destination.
  bool Passes(NodeId node, RuleDirection direction,
              const policy::FlowQuestion& flow) const {
    const bool is_in = direction == RuleDirection::kInbound;
    const IpAddress& own = is_in ? flow.destination : flow.source;
    const IpAddress& other = is_in ? flow.source : flow.destination;
    return std::ranges::any_of(roles_.at(node), [&](const ViewRole& role) {
      const ViewRule& rule = rules_.at(role.rule);
      const auto& others = is_in ? rule.sources : rule.destinations;
      return role.direction == direction && !rule.windows &&
             Matches(rule, flow) &&
             ((role.by_identity && HasAddress(node, own)) ||
              Covers(role.own, own)) &&
             (Covers(others, other) ||
              std::ranges::any_of(
                  index_.Members(node, {role.rule, direction}),
                  [&](NodeId member) { return HasAddress(member, other); }));
    });
  }

 private:
  bool HasAddress(NodeId node, const IpAddress& address) const {
    return std::ranges::count(world_.nodes.at(node).addresses, address) > 0;
  }

  static bool Covers(const std::vector<IpPrefix>& set,
                     const IpAddress& address) {
    return std::ranges::any_of(set, [&address](const IpPrefix& prefix) {
      return prefix.Contains(address);
    });
  }

  /// Ports and protocols; a rule for one ICMP alone is of that one's family.
  static bool Matches(const ViewRule& rule, const policy::FlowQuestion& flow) {
    const auto has = [&rule](uint8_t protocol) {
      return std::ranges::count(rule.protocols, protocol) > 0;
    };
    if (flow.protocol == policy::kProtocolIcmp ||
        flow.protocol == policy::kProtocolIcmp6) {
      const bool is_of_other_family =
          rule.protocols.size() == 1 &&
          has(flow.protocol == policy::kProtocolIcmp ? policy::kProtocolIcmp6
                                                     : policy::kProtocolIcmp);
      return !is_of_other_family;
    }
    return has(flow.protocol) &&
           (rule.ports.empty() ||
            std::ranges::any_of(rule.ports, [&flow](const PortRange& range) {
              return range.first <= flow.port && flow.port <= range.last;
            }));
  }

  const World& world_;
  std::map<uint64_t, ViewRule> rules_;
  std::map<NodeId, std::vector<ViewRole>> roles_;
  ViewIndex index_{DigestKey{}};
};

constexpr auto kSources = std::to_array<std::string_view>(
    {"*", "ann@x.org", "kim@x.org", "group:eng", "tag:web", "tag:gate",
     "autogroup:member", "autogroup:tagged", "autogroup:admin", "100.64.0.2",
     "fd7a:1::3", "100.64.0.0/29", "10.1.0.0/16", "fd00:1::/64",
     "autogroup:danger-all"});
constexpr auto kDestinations = std::to_array<std::string_view>(
    {"*", "bob@x.org", "kim@x.org", "group:eng", "tag:web", "tag:gate",
     "autogroup:member", "autogroup:tagged", "100.64.0.4", "fd7a:1::5",
     "100.64.0.0/30", "10.1.0.0/16", "10.1.2.0/24", "fd00:1::/64",
     "autogroup:internet"});

std::string RandomAcls(SeededRng& rng) {
  std::string text;
  for (uint64_t i = 0; i < 1 + rng.Below(5); ++i) {
    std::string source(kSources[rng.Below(kSources.size())]);
    std::string target(kDestinations[rng.Below(kDestinations.size())]);
    if (rng.Below(6) == 0) {
      source = "autogroup:member";
      target = "autogroup:self";
    }
    constexpr auto kPorts =
        std::to_array<std::string_view>({"*", "22", "80,443", "8000-9000"});
    const bool is_icmp = rng.Below(6) == 0;
    text += R"({"action": "accept", "src": [")" + source + R"("], "dst": [")" +
            target + ":" +
            std::string(is_icmp ? "*" : kPorts[rng.Below(kPorts.size())]) +
            "\"]" +
            (is_icmp             ? R"(, "proto": "icmp")"
             : rng.Below(4) == 0 ? R"(, "proto": "tcp")"
                                 : "") +
            "},";
  }
  return R"("acls": [)" + text + "]";
}

World RandomWorld(SeededRng& rng) {
  constexpr auto kOwners = std::to_array<const char*>(
      {"ann@x.org", "bob@x.org", "kim@x.org", "tag:web", "tag:gate"});
  World world;
  for (int i = 0; i < 8; ++i) {
    world.Add(kOwners[rng.Below(kOwners.size())]);
  }
  world.AddRoute(world.nodes[1], "10.1.0.0/16");
  world.AddRoute(world.nodes[2], "fd00:1::/64");
  if (rng.Below(2) == 0) {
    world.nodes[3].offers_exit = true;
    world.nodes[3].is_exit_approved = true;
  }
  return world;
}

/// An address that a node has or serves.
struct Place {
  NodeId node = 0;
  IpAddress address;
};

std::vector<Place> PlacesOf(const World& world) {
  std::vector<Place> places = {{1, Ip("10.1.2.3")}, {2, Ip("fd00:1::9")}};
  for (const auto& [id, node] : world.nodes) {
    for (const IpAddress& address : node.addresses) {
      places.push_back({id, address});
    }
  }
  if (world.nodes.at(3).is_exit_approved) {
    places.push_back({3, Ip("8.8.8.8")});
    places.push_back({3, Ip("2600::1")});
  }
  return places;
}

constexpr auto kFlows =
    std::to_array<std::pair<uint8_t, uint16_t>>({{policy::kProtocolTcp, 22},
                                                 {policy::kProtocolTcp, 443},
                                                 {policy::kProtocolUdp, 8080},
                                                 {policy::kProtocolIcmp, 0}});

TEST(ActivePolicy, FiltersDecideAsThePolicyDoes) {
  constexpr int kRounds = 300;
  size_t accepted = 0;
  for (uint64_t seed = 1; seed <= kRounds; ++seed) {
    SeededRng rng(seed);
    const World world = RandomWorld(rng);
    const std::string acls = RandomAcls(rng);
    const ActivePolicy active = world.Active(acls);
    const Filters filters(world, active);
    const auto asked = world.PolicyWorld();
    const auto places = PlacesOf(world);
    for (int i = 0; i < 200; ++i) {
      const Place& from = places[rng.Below(places.size())];
      const Place& to = places[rng.Below(places.size())];
      auto [protocol, port] = kFlows[rng.Below(kFlows.size())];
      if (protocol == policy::kProtocolIcmp && to.address.is_v6()) {
        protocol = policy::kProtocolIcmp6;
      }
      if (from.node == to.node ||
          from.address.family() != to.address.family()) {
        continue;
      }
      const policy::FlowQuestion flow{.source = from.address,
                                      .destination = to.address,
                                      .protocol = protocol,
                                      .port = port};
      const bool expected =
          policy::Decide(active.compiled(), asked, flow).is_accepted;
      accepted += expected ? 1 : 0;
      const std::string context = "seed " + std::to_string(seed) + " " + acls +
                                  " " + from.address.ToString() + " > " +
                                  to.address.ToString() + " " +
                                  std::to_string(protocol);
      EXPECT_EQ(filters.Passes(to.node, RuleDirection::kInbound, flow),
                expected)
          << context;
      EXPECT_EQ(filters.Passes(from.node, RuleDirection::kOutbound, flow),
                expected)
          << context;
      if (expected) {
        EXPECT_TRUE(filters.index().Sees(from.node, to.node)) << context;
      }
    }
  }
  EXPECT_GT(accepted, 1000U);
}

TEST(ActivePolicy, NodesSeeEachOtherAsThePolicySays) {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRng rng(seed);
    const World world = RandomWorld(rng);
    const ActivePolicy active = world.Active(RandomAcls(rng));
    const Filters filters(world, active);
    for (const auto& [a, one] : world.nodes) {
      for (const auto& [b, other] : world.nodes) {
        if (a == b) {
          continue;
        }
        const auto& compiled = active.compiled();
        EXPECT_EQ(
            filters.index().Sees(a, b),
            policy::SharesEdge(
                compiled.RolesOf(MakePolicyNode(one, world.UserOf(one))),
                compiled.RolesOf(MakePolicyNode(other, world.UserOf(other)))))
            << "seed " << seed << " " << one.name << " " << other.name;
      }
    }
  }
}

TEST(ActivePolicy, SplitsARuleBetweenAddressesByFamily) {
  World world;
  const NodeRecord four = world.Add("ann@x.org");
  const NodeRecord six = world.Add("bob@x.org");
  const ActivePolicy active = world.Active(
      R"("acls": [{"action": "accept", "src": ["100.64.0.1"],
                   "dst": ["fd7a:1::2:*"]}])");
  EXPECT_THAT(active.Rules(), SizeIs(2));
  const Filters filters(world, active);
  EXPECT_FALSE(filters.index().Sees(1, 2));
  EXPECT_THAT(active.RolesOf(four, nullptr), SizeIs(1));
  EXPECT_THAT(active.RolesOf(six, nullptr), SizeIs(1));
}

TEST(ActivePolicy, MakesAnInstanceOfASelfRuleForEachUser) {
  World world;
  world.Add("ann@x.org");
  world.Add("ann@x.org");
  world.Add("bob@x.org");
  NodeRecord& stranger = world.Add("new@x.org");
  const ActivePolicy active = world.Active(
      R"("acls": [{"action": "accept", "src": ["autogroup:member"],
                   "dst": ["autogroup:self:*"]}])");
  EXPECT_THAT(active.Rules(), SizeIs(3));
  EXPECT_THAT(active.RolesOf(stranger, nullptr), IsEmpty());
  const Filters filters(world, active);
  EXPECT_TRUE(filters.index().Sees(1, 2));
  EXPECT_FALSE(filters.index().Sees(1, 3));
}

TEST(ActivePolicy, ClosesWindowsOfUnknownZones) {
  World world;
  const ActivePolicy active = world.Active(R"("acls": [
    {"action": "accept", "src": ["*"], "dst": ["tag:web:1"],
     "when": {"days": "mon", "from": "09:00", "to": "10:00", "zone": "UTC"}},
    {"action": "accept", "src": ["*"], "dst": ["tag:web:2"],
     "when": {"days": "mon", "from": "09:00", "to": "10:00", "zone": "No/Ne"}},
    {"action": "accept", "src": ["*"], "dst": ["tag:web:3"]}])");
  const auto rules = active.Rules();
  ASSERT_THAT(rules, SizeIs(3));
  ASSERT_TRUE(rules[0].windows.has_value());
  EXPECT_THAT(*rules[0].windows, SizeIs(1));
  ASSERT_TRUE(rules[1].windows.has_value());
  EXPECT_THAT(*rules[1].windows, IsEmpty());
  EXPECT_FALSE(rules[2].windows.has_value());
}

TEST(ActivePolicy, CapabilitiesLetNodesSeeEachOtherAndNoMore) {
  World world;
  world.Add("ann@x.org");
  world.Add("tag:web");
  const ActivePolicy active = world.Active(
      R"("grants": [{"src": ["ann@x.org"], "dst": ["tag:web"],
                     "app": {"x.org/cap": [{}]}}])");
  ASSERT_THAT(active.Rules(), SizeIs(1));
  EXPECT_EQ(active.Rules()[0].windows, std::vector<WindowInfo>());
  EXPECT_TRUE(Filters(world, active).index().Sees(1, 2));
}

TEST(ActivePolicy, LeavesOutSourcesThatMissAPosture) {
  World world;
  NodeRecord& node = world.Add("ann@x.org");
  const ActivePolicy active = world.Active(
      R"("acls": [{"action": "accept", "src": ["ann@x.org"],
                   "dst": ["tag:web:*"], "srcPosture": ["posture:ok"]}])");
  EXPECT_THAT(active.RolesOf(node, nullptr), IsEmpty());
  node.attributes["node:healthy"] = true;
  EXPECT_THAT(active.RolesOf(node, nullptr), SizeIs(1));
}

TEST(ActivePolicy, RoutesAreSourcesOfTheWildcard) {
  World world;
  world.AddRoute(world.Add("tag:gate"), "10.1.0.0/16");
  const ActivePolicy active = world.Active(
      R"("acls": [{"action": "accept", "src": ["*"], "dst": ["tag:web:*"]}])");
  EXPECT_THAT(active.Rules()[0].sources, testing::Contains(Net("10.1.0.0/16")));
}

TEST(ActivePolicy, AnswersWhatTheRegistryAsks) {
  World world;
  const ActivePolicy active = world.Active(
      R"("autoApprovers": {"routes": {"10.0.0.0/8": ["group:eng"]},
                           "exitNode": ["tag:gate"]})");
  EXPECT_TRUE(active.AutoApproves({.user = "bob@x.org"}, Net("10.2.0.0/16")));
  EXPECT_FALSE(active.AutoApproves({.user = "kim@x.org"}, Net("10.2.0.0/16")));
  EXPECT_FALSE(active.AutoApproves({.user = "bob@x.org"}, Net("11.0.0.0/8")));
  EXPECT_TRUE(active.AutoApprovesExit({.tags = {"tag:gate"}}));
  EXPECT_FALSE(active.AutoApprovesExit({.user = "bob@x.org"}));
  EXPECT_TRUE(active.MayAssignTag({.user = "ann@x.org"}, "tag:web"));
  EXPECT_FALSE(active.MayAssignTag({.user = "bob@x.org"}, "tag:web"));
  EXPECT_TRUE(active.MayAssignTag({.tags = {"tag:web"}}, "tag:gate"));
}

TEST(ActivePolicy, KeepsIdsOfRulesThatOthersLeaveAlone) {
  World world;
  const std::string rule =
      R"({"action": "accept", "src": ["ann@x.org"], "dst": ["tag:web:22"]})";
  const auto alone = world.Active(R"("acls": [)" + rule + "]").Rules();
  const auto second =
      world
          .Active(
              R"("acls": [{"action": "accept", "src": ["*"], "dst": ["*:1"]},)" +
              rule + "]")
          .Rules();
  ASSERT_THAT(second, SizeIs(2));
  EXPECT_EQ(alone[0], second[1]);
}

TEST(PolicyInputs, AreAsTheContextIsAndMoveWithItOnly) {
  SeededRng rng(9);
  MemoryStore store;
  const WallTime now{std::chrono::milliseconds(1'800'000'000'000)};
  const auto registry = *Registry::Load(
      {.ipv4 = Net("100.64.0.0/10"), .ipv6 = Net("fd7a:1::/48")}, store, rng,
      now);
  const std::string key =
      registry
          ->MakeAuthKey(now, "t",
                        {.owner = {.tags = {"tag:x"}}, .is_reusable = true})
          ->secret;
  const auto any_key = [&rng] {
    return DerivePublicKey(GeneratePrivateKey(rng));
  };
  std::vector<NodeId> ids;
  const auto any_node = [&] { return ids[rng.Below(ids.size())]; };
  const std::vector<std::function<void()>> quiet = {
      [&] {
        ids.push_back(*registry->Join(
            now, {.keys = {.machine_key = MachineIdentity::Generate(rng).key(),
                           .node_key = any_key(),
                           .signalling_key = any_key()},
                  .auth_key = key}));
      },
      [&] { registry->SetOnline(now, any_node(), rng.Below(2) == 0); },
      [&] {
        registry->Report(now, any_node(),
                         {.host_name = "h" + std::to_string(rng.Below(9))});
      },
      [&] { (void)registry->AnnounceKey(now, any_node(), any_key()); },
  };
  const auto any_routes = [&rng] {
    std::vector<IpPrefix> routes;
    for (const char* route : {"10.1.0.0/16", "10.2.0.0/16", "fd00:3::/64"}) {
      if (rng.Below(2) == 0) {
        routes.push_back(Net(route));
      }
    }
    return routes;
  };
  const std::vector<std::function<void()>> loud = {
      [&] { registry->Report(now, any_node(), {.routes = any_routes()}); },
      [&] {
        (void)registry->ApproveRoutes(now, "t", any_node(), any_routes(),
                                      rng.Below(2) == 0);
      },
      [&] {
        const std::string user = "u" + std::to_string(rng.Below(4)) + "@x.org";
        if (rng.Below(2) == 0) {
          (void)registry->AddUser(now, "t", user, {"admin"});
        } else if (rng.Below(2) == 0) {
          (void)registry->SetUserRoles(now, "t", user, {});
        } else {
          (void)registry->DeleteUser(now, "t", user);
        }
      },
      [&] {
        const NodeId gone = any_node();
        ASSERT_TRUE(registry->Delete(now, "t", gone));
        std::erase(ids, gone);
        quiet[0]();
      },
  };
  quiet[0]();
  PolicyContext context = MakePolicyContext(*registry);
  uint64_t inputs = registry->policy_inputs();
  for (int step = 0; step < 2000; ++step) {
    const bool is_quiet = rng.Below(2) == 0;
    is_quiet ? quiet[rng.Below(quiet.size())]()
             : loud[rng.Below(loud.size())]();
    const PolicyContext after = MakePolicyContext(*registry);
    if (is_quiet || after != context) {
      EXPECT_EQ(registry->policy_inputs() == inputs, after == context) << step;
    }
    context = after;
    inputs = registry->policy_inputs();
  }
}

}  // namespace
}  // namespace natkit::mesh
