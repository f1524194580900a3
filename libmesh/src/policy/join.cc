#include "policy/join.h"

#include <algorithm>
#include <map>

#include "policy/ports.h"
#include "policy/prefix_set.h"
#include "policy/route_roles.h"

namespace natkit::mesh::policy {

namespace {

bool HasOwn(const PolicyNode& node, const IpAddress& address) {
  return std::ranges::find(node.ips, address) != node.ips.end();
}

void SortUnique(Entries& entries) {
  std::ranges::sort(entries);
  const auto rest = std::ranges::unique(entries);
  entries.erase(rest.begin(), rest.end());
}

/// Nodes that have an address, or serve one route to it.
struct Servers {
  IpPrefix route;  // of one address: it is their own
  std::vector<size_t> nodes;
};

/// Indices into `nodes`, level by level.
std::vector<Servers> ServersOf(const CompiledPolicy& policy,
                               const std::vector<NodeWithRoles>& nodes,
                               const IpAddress& address) {
  const bool is_of_mesh = Covers(policy.mesh_prefixes(), address);
  std::vector<size_t> owners;
  std::map<int, Servers, std::greater<>> by_length;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (HasOwn(*nodes[i].node, address)) {
      owners.push_back(i);
    }
    for (const IpPrefix& route : nodes[i].routes) {
      if (route.Contains(address) && !(is_of_mesh && IsDefaultRoute(route))) {
        Servers& level = by_length[route.length()];
        level.route = route;
        level.nodes.push_back(i);
      }
    }
  }
  if (!owners.empty()) {
    return {{HostPrefix(address), owners}};
  }
  std::vector<Servers> levels;
  for (auto& [length, servers] : by_length) {
    levels.push_back(std::move(servers));
  }
  return levels;
}

RuleEntry EntryOf(const RuleRole& role) {
  return {role.rule, role.user, true};
}

bool MeetsPosture(const CompiledPolicy& policy, const RuleRole& role,
                  const NodeWithRoles& node) {
  return policy.MeetsPosture(policy.rules()[role.rule], *node.node);
}

void AddViewer(const CompiledPolicy& policy, const NodeWithRoles& node,
               AddressFamily family, SourcePart& part) {
  for (const RuleRole& role : node.roles.as_source) {
    if (HasFamily(role, family) && MeetsPosture(policy, role, node)) {
      part.viewer_as_source.push_back(EntryOf(role));
    }
  }
  for (const RuleRole& role : node.roles.as_destination) {
    if (HasFamily(role, family)) {
      part.viewer_as_destination.push_back(EntryOf(role));
    }
  }
}

void AddRouter(const CompiledPolicy& policy, const NodeWithRoles& node,
               const IpPrefix& route, DestinationLevel& level) {
  for (const RuleRole& role : node.roles.as_destination) {
    if (LeadsTo(policy, role, route)) {
      level.leads_there.push_back(EntryOf(role));
    }
  }
  for (const RuleRole& role : node.roles.as_source) {
    if (ComesFrom(role, route) && MeetsPosture(policy, role, node)) {
      level.comes_from_there.push_back(EntryOf(role));
    }
  }
}

/// Whether two sorted lists share an instance.
bool Share(const Entries& a, const Entries& b) {
  return std::ranges::any_of(a, [&b](const RuleEntry& entry) {
    return std::ranges::binary_search(b, entry);
  });
}

}  // namespace

std::vector<NodeWithRoles> WithRoles(const CompiledPolicy& policy,
                                     const PolicyWorld& world) {
  std::vector<NodeWithRoles> out;
  for (const PolicyNode& node : world.nodes) {
    out.push_back(
        {&node, ServedRoutes(node), policy.RolesWhateverPosture(node)});
  }
  return out;
}

std::vector<NodeWithRoles> WithRolesServing(const CompiledPolicy& policy,
                                            const PolicyWorld& world,
                                            const IpAddress& a,
                                            const IpAddress& b) {
  std::vector<NodeWithRoles> out;
  for (const PolicyNode& node : world.nodes) {
    auto routes = ServedRoutes(node);
    if (HasOwn(node, a) || HasOwn(node, b) || Covers(routes, a) ||
        Covers(routes, b)) {
      out.push_back(
          {&node, std::move(routes), policy.RolesWhateverPosture(node)});
    }
  }
  return out;
}

SourcePart SourcePartOf(const CompiledPolicy& policy,
                        const std::vector<NodeWithRoles>& nodes,
                        const IpAddress& address, bool& is_served) {
  SourcePart part;
  const auto levels = ServersOf(policy, nodes, address);
  is_served = !levels.empty() && !IsDefaultRoute(levels[0].route);
  for (const size_t i :
       levels.empty() ? std::vector<size_t>{} : levels[0].nodes) {
    for (const RuleRole& role : nodes[i].roles.as_source) {
      if (Covers(role.prefixes, address)) {
        part.entries.push_back(
            {role.rule, role.user, MeetsPosture(policy, role, nodes[i])});
      }
    }
    AddViewer(policy, nodes[i], address.family(), part);
  }
  SortUnique(part.entries);
  SortUnique(part.viewer_as_source);
  SortUnique(part.viewer_as_destination);
  is_served = is_served || !part.entries.empty();
  return part;
}

DestinationLevels LevelsOf(const CompiledPolicy& policy,
                           const std::vector<NodeWithRoles>& nodes,
                           const IpAddress& address) {
  DestinationLevels levels;
  const auto all = ServersOf(policy, nodes, address);
  for (const Servers& servers : all) {
    DestinationLevel& level = levels.emplace_back();
    for (const size_t i : servers.nodes) {
      for (const RuleRole& role : nodes[i].roles.as_destination) {
        if (Covers(role.prefixes, address)) {
          level.entries.push_back(EntryOf(role));
        }
      }
      if (all.size() > 1) {
        AddRouter(policy, nodes[i], servers.route, level);
      }
    }
    SortUnique(level.entries);
    SortUnique(level.leads_there);
    SortUnique(level.comes_from_there);
  }
  return levels;
}

Entries JoinEntries(const SourcePart& source,
                    const DestinationLevels& destination) {
  Entries without_posture;
  for (const DestinationLevel& level : destination) {
    Entries joined;
    for (const RuleEntry& entry : source.entries) {
      if (std::ranges::binary_search(level.entries,
                                     RuleEntry{entry.rule, entry.user, true})) {
        joined.push_back(entry);
      }
    }
    if (std::ranges::any_of(joined, &RuleEntry::meets_posture) ||
        Share(source.viewer_as_source, level.leads_there) ||
        Share(source.viewer_as_destination, level.comes_from_there)) {
      return joined;
    }
    without_posture.insert(without_posture.end(), joined.begin(), joined.end());
  }
  SortUnique(without_posture);
  return without_posture;
}

bool MatchesFlow(const CompiledRule& rule, uint8_t protocol, uint16_t port) {
  if (!rule.is_network) {
    return false;
  }
  if (protocol == kProtocolIcmp || protocol == kProtocolIcmp6) {
    return true;  // an echo request: any rule for the pair
  }
  return std::ranges::find(rule.protocols, protocol) != rule.protocols.end() &&
         (HasPorts(protocol) ? Covers(rule.ports, port) : rule.ports.empty());
}

}  // namespace natkit::mesh::policy
