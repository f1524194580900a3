#include "natkit/mesh/policy/diff.h"

#include <algorithm>
#include <set>
#include <utility>

#include "policy/diff_points.h"
#include "policy/flow_diff.h"
#include "policy/ports.h"

namespace natkit::mesh::policy {

namespace {

/// The rules that decide which routes a node has, where addresses have several.
struct RouteRules {
  Entries lead_there;
  Entries come_from_there;

  void Add(const DestinationLevels& levels) {
    for (const DestinationLevel& level : levels) {
      Append(level.leads_there, lead_there);
      Append(level.comes_from_there, come_from_there);
    }
  }

  /// Leaves of what is known of a source's node what matters.
  void Narrow(SourcePart& part) const {
    Keep(lead_there, part.viewer_as_source);
    Keep(come_from_there, part.viewer_as_destination);
  }

 private:
  static void Append(const Entries& from, Entries& to) {
    to.insert(to.end(), from.begin(), from.end());
    std::ranges::sort(to);
    const auto rest = std::ranges::unique(to);
    to.erase(rest.begin(), rest.end());
  }

  static void Keep(const Entries& wanted, Entries& entries) {
    std::erase_if(entries, [&wanted](const RuleEntry& entry) {
      return !std::ranges::binary_search(wanted, entry);
    });
  }
};

SourcePart SourceOf(RoleIndex& index, const RouteRules& routes,
                    const IpAddress& address) {
  bool is_served = false;
  SourcePart part = SourcePartOf(index, address, is_served);
  std::erase_if(part.entries,
                [](const RuleEntry& entry) { return !entry.meets_posture; });
  routes.Narrow(part);
  return part;
}

/// What passes from one to the other; `flows` has it for each rule.
FlowSet FlowsBetween(const std::vector<uint32_t>& flows,
                     const SourcePart& source,
                     const DestinationLevels& destination) {
  FlowSet set;
  for (const RuleEntry& entry : JoinEntries(source, destination)) {
    if (flows[entry.rule] != kNoFlow) {
      set.push_back(flows[entry.rule]);
    }
  }
  std::ranges::sort(set);
  const auto rest = std::ranges::unique(set);
  set.erase(rest.begin(), rest.end());
  return set;
}

/// By the numbers of rules: a rule of both policies says the same in both.
std::vector<uint32_t> FlowsOf(const CompiledPolicy& before,
                              const CompiledPolicy& after,
                              const SharedNumbers& numbers, FlowDiff& diff) {
  std::vector<uint32_t> flows(numbers.rules.size(), kNoFlow);
  for (const CompiledPolicy* policy : {&before, &after}) {
    for (const CompiledRule& rule : policy->rules()) {
      flows[numbers.rules.at(rule.id)] = diff.NumberOf(rule);
    }
  }
  return flows;
}

using OwnerPair = std::pair<std::string, std::string>;
using AddressPairs = std::vector<std::pair<const DiffPoint*, const DiffPoint*>>;

/// Gathers what changes, and says it by names where all addresses agree.
class ChangeList {
 public:
  explicit ChangeList(const std::vector<DiffPoint>& points) {
    for (const DiffPoint& point : points) {
      auto& [v4, v6] = counts_[point.owner];
      ++(point.sample.is_v4() ? v4 : v6);
    }
  }

  void Add(const DiffPoint& source, const DiffPoint& destination,
           const FlowChanges& changes) {
    changes_[{source.owner, destination.owner}][changes].emplace_back(
        &source, &destination);
  }

  [[nodiscard]] std::vector<PolicyChange> Take() {
    std::vector<PolicyChange> out;
    for (const auto& [owners, groups] : changes_) {
      for (const auto& [changes, pairs] : WithoutFamilies(groups)) {
        AppendGroup(owners, changes, pairs, out);
      }
    }
    return out;
  }

 private:
  using Groups = std::map<FlowChanges, AddressPairs>;

  /// Pings of both families count as one change, so that IPv4 and IPv6 pairs
  /// can fall into one group.
  static Groups WithoutFamilies(const Groups& groups) {
    Groups merged;
    for (const auto& [changes, pairs] : groups) {
      FlowChanges same = changes;
      for (FlowChange& change : same) {
        std::ranges::replace(change.protocols, kProtocolIcmp6, kProtocolIcmp);
        std::ranges::sort(change.protocols);
      }
      auto& all = merged[same];
      all.insert(all.end(), pairs.begin(), pairs.end());
    }
    return merged;
  }

  [[nodiscard]] bool IsComplete(const OwnerPair& owners, size_t pairs) const {
    const auto& [a4, a6] = counts_.at(owners.first);
    const auto& [b4, b6] = counts_.at(owners.second);
    return pairs == a4 * b4 + a6 * b6;
  }

  void AppendGroup(const OwnerPair& owners, const FlowChanges& changes,
                   const AddressPairs& pairs,
                   std::vector<PolicyChange>& out) const {
    if (IsComplete(owners, pairs.size())) {
      AppendChanges(owners.first, owners.second, changes, out);
      return;
    }
    for (const auto& [source, destination] : pairs) {
      AppendChanges(NameOf(*source), NameOf(*destination), changes, out);
    }
  }

  static std::string NameOf(const DiffPoint& point) {
    return point.label.empty() ? point.owner
                               : point.owner + " (" + point.label + ")";
  }

  static void AppendChanges(const std::string& source,
                            const std::string& destination,
                            const FlowChanges& changes,
                            std::vector<PolicyChange>& out) {
    for (const FlowChange& change : changes) {
      out.push_back(
          {source, destination, change.kind, change.protocols, change.ports});
    }
  }

  std::map<std::string, std::pair<size_t, size_t>> counts_;
  std::map<OwnerPair, Groups> changes_;
};

/// Points of the address space that fare alike under both policies.
struct Classes {
  SourceClasses sources;
  DestinationClasses destinations;
};

void AddDestination(const DiffPoint& point, RoleIndex& before, RoleIndex& after,
                    DestinationClasses& classes) {
  auto key =
      std::pair(LevelsOf(before, point.sample), LevelsOf(after, point.sample));
  classes[{point.sample.family(), std::move(key)}].push_back(&point);
}

Classes Classify(const std::vector<DiffPoint>& points, RoleIndex& before,
                 RoleIndex& after) {
  Classes classes;
  // Networks come first: they alone can have several routes.
  for (const DiffPoint& point : points) {
    if (!point.is_of_node) {
      AddDestination(point, before, after, classes.destinations);
    }
  }
  RouteRules routes_before;
  RouteRules routes_after;
  for (const auto& [destination, unused] : classes.destinations) {
    routes_before.Add(destination.second.first);
    routes_after.Add(destination.second.second);
  }
  for (const DiffPoint& point : points) {
    auto key = std::pair(SourceOf(before, routes_before, point.sample),
                         SourceOf(after, routes_after, point.sample));
    classes.sources[{point.sample.family(), std::move(key)}].push_back(&point);
    if (point.is_of_node) {
      AddDestination(point, before, after, classes.destinations);
    }
  }
  return classes;
}

void AddPairs(const std::vector<const DiffPoint*>& sources,
              const std::vector<const DiffPoint*>& destinations,
              const FlowChanges& changes, ChangeList& out) {
  for (const DiffPoint* source : sources) {
    for (const DiffPoint* destination : destinations) {
      if (source->owner != destination->owner) {
        out.Add(*source, *destination, changes);
      }
    }
  }
}

}  // namespace

std::vector<PolicyChange> DiffPolicies(const CompiledPolicy& before,
                                       const CompiledPolicy& after,
                                       const PolicyWorld& world,
                                       std::optional<int64_t> at) {
  SharedNumbers numbers;
  RoleIndex old_index(before, world, numbers);
  RoleIndex new_index(after, world, numbers);
  FlowDiff diff(world.is_open, at);
  const auto flows = FlowsOf(before, after, numbers, diff);
  const auto points = CutAddresses(before, after, world);
  const auto [sources, destinations] = Classify(points, old_index, new_index);
  ChangeList list(points);
  for (const auto& [source, source_points] : sources) {
    const auto& [source_before, source_after] = source.second;
    for (const auto& [destination, destination_points] : destinations) {
      const auto& [levels_before, levels_after] = destination.second;
      if (source.first != destination.first ||
          (source_before == source_after && levels_before == levels_after)) {
        continue;
      }
      const FlowChanges& changes = diff.Changes(
          source.first, FlowsBetween(flows, source_before, levels_before),
          FlowsBetween(flows, source_after, levels_after));
      if (!changes.empty()) {
        AddPairs(source_points, destination_points, changes, list);
      }
    }
  }
  return list.Take();
}

namespace {

/// "icmp,tcp,udp", or for many "protocols 0,2-5".
std::string NamesOf(const std::vector<uint8_t>& protocols) {
  constexpr size_t kMany = 8;
  std::string text;
  if (protocols.size() <= kMany) {
    for (const uint8_t protocol : protocols) {
      text += (text.empty() ? "" : ",") + ProtocolName(protocol);
    }
    return text;
  }
  Ports numbers;
  for (const uint8_t protocol : protocols) {
    numbers.push_back({protocol, protocol});
  }
  Normalize(numbers);
  return "protocols " + ToString(numbers);
}

}  // namespace

std::string ToString(const PolicyChange& change) {
  std::string text;
  switch (change.kind) {
    case ChangeKind::kOpened:
      text = "+ ";
      break;
    case ChangeKind::kClosed:
      text = "- ";
      break;
    case ChangeKind::kOtherHours:
      text = "~ ";
      break;
  }
  text += change.source + " -> " + change.destination + " " +
          NamesOf(change.protocols);
  const bool has_ports = std::ranges::any_of(change.protocols, HasPorts);
  return has_ports ? text + " " + ToString(change.ports) : text;
}

}  // namespace natkit::mesh::policy
