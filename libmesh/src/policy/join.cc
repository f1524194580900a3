#include "policy/join.h"

#include <algorithm>

#include "policy/ports.h"
#include "policy/prefix_set.h"
#include "policy/route_roles.h"

namespace natkit::mesh::policy {

namespace {

void SortUnique(Entries& entries) {
  std::ranges::sort(entries);
  const auto rest = std::ranges::unique(entries);
  entries.erase(rest.begin(), rest.end());
}

RuleEntry EntryOf(RoleIndex& index, const RuleRole& role, bool meets_posture) {
  return {index.RuleNumber(role), index.UserNumber(role), meets_posture};
}

bool IsSameInstance(const RuleEntry& a, const RuleEntry& b) {
  return a.rule == b.rule && a.user == b.user;
}

void AddSource(RoleIndex& index, size_t node, const IpAddress& address,
               SourcePart& part) {
  const NodeRoles& roles = index.RolesOf(node);
  for (const RuleRole& role : roles.as_source) {
    const bool meets_posture = index.MeetsPosture(role, node);
    if (Covers(role.prefixes, address)) {
      part.entries.push_back(EntryOf(index, role, meets_posture));
    }
    if (HasFamily(role, address.family()) && meets_posture) {
      part.viewer_as_source.push_back(EntryOf(index, role, true));
    }
  }
  for (const RuleRole& role : roles.as_destination) {
    if (HasFamily(role, address.family())) {
      part.viewer_as_destination.push_back(EntryOf(index, role, true));
    }
  }
}

void AddDestination(RoleIndex& index, size_t node, const IpAddress& address,
                    DestinationLevel& level) {
  for (const RuleRole& role : index.RolesOf(node).as_destination) {
    if (Covers(role.prefixes, address)) {
      level.entries.push_back(EntryOf(index, role, true));
    }
  }
}

void AddRouter(RoleIndex& index, size_t node, const IpPrefix& route,
               DestinationLevel& level) {
  const NodeRoles& roles = index.RolesOf(node);
  for (const RuleRole& role : roles.as_destination) {
    if (LeadsTo(index.policy(), role, route)) {
      level.leads_there.push_back(EntryOf(index, role, true));
    }
  }
  for (const RuleRole& role : roles.as_source) {
    if (ComesFrom(role, route) && index.MeetsPosture(role, node)) {
      level.comes_from_there.push_back(EntryOf(index, role, true));
    }
  }
}

/// Whether two sorted lists share an instance.
bool Share(const Entries& a, const Entries& b) {
  const Entries& few = a.size() < b.size() ? a : b;
  const Entries& many = a.size() < b.size() ? b : a;
  return std::ranges::any_of(few, [&many](const RuleEntry& entry) {
    return std::ranges::binary_search(many, entry);
  });
}

/// Those of `source` whose instance is in `level`; both are sorted.
Entries Join(const Entries& source, const Entries& level) {
  Entries joined;
  auto from = source.begin();
  for (const RuleEntry& to : level) {
    from = std::lower_bound(from, source.end(),
                            RuleEntry{to.rule, to.user, false});
    for (; from != source.end() && IsSameInstance(*from, to); ++from) {
      joined.push_back(*from);
    }
  }
  return joined;
}

}  // namespace

SourcePart SourcePartOf(RoleIndex& index, const IpAddress& address,
                        bool& is_served) {
  SourcePart part;
  const auto levels = index.ServersOf(address);
  is_served = !levels.empty() && !IsDefaultRoute(levels[0].route);
  if (!levels.empty()) {
    for (const size_t node : levels[0].nodes) {
      AddSource(index, node, address, part);
    }
  }
  SortUnique(part.entries);
  SortUnique(part.viewer_as_source);
  SortUnique(part.viewer_as_destination);
  is_served = is_served || !part.entries.empty();
  return part;
}

DestinationLevels LevelsOf(RoleIndex& index, const IpAddress& address) {
  DestinationLevels levels;
  const auto all = index.ServersOf(address);
  for (const Servers& servers : all) {
    DestinationLevel& level = levels.emplace_back();
    for (const size_t node : servers.nodes) {
      AddDestination(index, node, address, level);
      if (all.size() > 1) {
        AddRouter(index, node, servers.route, level);
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
    Entries joined = Join(source.entries, level.entries);
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
