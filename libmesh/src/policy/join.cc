#include "policy/join.h"

#include <algorithm>
#include <map>

#include "policy/ports.h"
#include "policy/prefix_set.h"

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

std::vector<std::vector<size_t>> ServersOf(
    const CompiledPolicy& policy, const std::vector<NodeWithRoles>& nodes,
    const IpAddress& address) {
  const bool is_of_mesh = Covers(policy.mesh_prefixes(), address);
  std::vector<size_t> owners;
  std::map<int, std::vector<size_t>, std::greater<>> by_length;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (HasOwn(*nodes[i].node, address)) {
      owners.push_back(i);
    }
    for (const IpPrefix& route : nodes[i].routes) {
      if (route.Contains(address) && !(is_of_mesh && IsDefaultRoute(route))) {
        by_length[route.length()].push_back(i);
      }
    }
  }
  if (!owners.empty()) {
    return {owners};
  }
  std::vector<std::vector<size_t>> levels;
  for (auto& [length, servers] : by_length) {
    levels.push_back(std::move(servers));
  }
  return levels;
}

Entries SourceEntries(const CompiledPolicy& policy,
                      const std::vector<NodeWithRoles>& nodes,
                      const IpAddress& address, bool& is_served) {
  Entries entries;
  const auto levels = ServersOf(policy, nodes, address);
  const auto servers = levels.empty() ? std::vector<size_t>{} : levels[0];
  is_served = std::ranges::any_of(servers, [&](size_t i) {
    return HasOwn(*nodes[i].node, address) ||
           std::ranges::any_of(nodes[i].routes, [&](const IpPrefix& route) {
             return !IsDefaultRoute(route) && route.Contains(address);
           });
  });
  for (const size_t i : servers) {
    for (const RuleRole& role : nodes[i].roles.as_source) {
      if (Covers(role.prefixes, address)) {
        entries.push_back(
            {role.rule, role.user,
             policy.MeetsPosture(policy.rules()[role.rule], *nodes[i].node)});
      }
    }
  }
  SortUnique(entries);
  is_served = is_served || !entries.empty();
  return entries;
}

EntryLevels DestinationLevels(const CompiledPolicy& policy,
                              const std::vector<NodeWithRoles>& nodes,
                              const IpAddress& address) {
  EntryLevels levels;
  for (const auto& servers : ServersOf(policy, nodes, address)) {
    Entries& entries = levels.emplace_back();
    for (const size_t i : servers) {
      for (const RuleRole& role : nodes[i].roles.as_destination) {
        if (Covers(role.prefixes, address)) {
          entries.push_back({role.rule, role.user, true});
        }
      }
    }
    SortUnique(entries);
  }
  return levels;
}

Entries JoinEntries(const Entries& source, const EntryLevels& destination) {
  Entries without_posture;
  for (const Entries& level : destination) {
    Entries joined;
    for (const RuleEntry& entry : source) {
      if (std::ranges::binary_search(level,
                                     RuleEntry{entry.rule, entry.user, true})) {
        joined.push_back(entry);
      }
    }
    if (std::ranges::any_of(joined, &RuleEntry::meets_posture)) {
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
