#include "natkit/mesh/policy/diff.h"

#include <algorithm>
#include <set>
#include <utility>

#include "policy/availability.h"
#include "policy/diff_points.h"
#include "policy/ports.h"

namespace natkit::mesh::policy {

namespace {

/// What changes for one protocol, or for several that change alike.
struct FlowChange {
  ChangeKind kind = ChangeKind::kOpened;
  Ports ports;
  std::vector<uint8_t> protocols;
  auto operator<=>(const FlowChange&) const = default;
};

using FlowChanges = std::vector<FlowChange>;

/// Whether some address has more than one route to it.
enum class Routes : uint8_t { kApart, kOverlap };

/// A policy, its nodes' roles, and the rules that join the pair in question.
struct DiffSide {
  const CompiledPolicy& policy;
  std::vector<NodeWithRoles> nodes;
  const WindowJudge& is_open;
  std::optional<int64_t> at;

  /// `routes` tell whether it matters which routes the source's node has.
  [[nodiscard]] SourcePart SourceOf(const IpAddress& address,
                                    Routes routes) const {
    bool is_served = false;
    SourcePart part = SourcePartOf(policy, nodes, address, is_served);
    std::erase_if(part.entries,
                  [](const RuleEntry& entry) { return !entry.meets_posture; });
    if (routes == Routes::kApart) {
      part.viewer_as_source.clear();
      part.viewer_as_destination.clear();
    }
    return part;
  }

  [[nodiscard]] Availability TimesOf(const Entries& joined, uint8_t protocol,
                                     uint16_t port) const {
    Availability times;
    for (const RuleEntry& entry : joined) {
      const CompiledRule& rule = policy.rules()[entry.rule];
      if (MatchesFlow(rule, protocol, port)) {
        AddTimes(rule.windows, times);
      }
    }
    return times;
  }

  void AddTimes(const std::vector<TimeWindow>& windows,
                Availability& times) const {
    if (!at) {
      times.Add(windows);
    } else if (windows.empty() ||
               std::ranges::any_of(windows, [this](const TimeWindow& window) {
                 return is_open && is_open(window, *at);
               })) {
      times.Add({});
    }
  }

  void AddProtocols(const Entries& joined, std::set<uint8_t>& out) const {
    for (const RuleEntry& entry : joined) {
      const CompiledRule& rule = policy.rules()[entry.rule];
      out.insert(rule.protocols.begin(), rule.protocols.end());
    }
  }

  /// The first port of each stretch in which no rule's answer can change.
  void AddCuts(const Entries& joined, std::set<uint32_t>& out) const {
    for (const RuleEntry& entry : joined) {
      for (const PortRange& range : policy.rules()[entry.rule].ports) {
        out.insert(range.first);
        out.insert(uint32_t{range.last} + 1);
      }
    }
  }
};

constexpr uint32_t kPortBegin = 1;
constexpr uint32_t kPortEnd = 65536;

std::optional<ChangeKind> Compare(const Availability& before,
                                  const Availability& after) {
  if (before == after) {
    return std::nullopt;
  }
  if (before.is_never()) {
    return ChangeKind::kOpened;
  }
  return after.is_never() ? ChangeKind::kClosed : ChangeKind::kOtherHours;
}

/// Compares what two lists of rules let pass between one pair.
class PairDiff {
 public:
  PairDiff(const DiffSide& before, const DiffSide& after, Entries joined_before,
           Entries joined_after)
      : before_(before),
        after_(after),
        joined_before_(std::move(joined_before)),
        joined_after_(std::move(joined_after)) {}

  [[nodiscard]] FlowChanges Changes(AddressFamily family) const {
    std::map<std::pair<ChangeKind, Ports>, std::vector<uint8_t>> by_ports;
    for (const uint8_t protocol : Protocols(family)) {
      for (auto& [kind, ports] : ChangesOf(protocol)) {
        by_ports[{kind, ports}].push_back(protocol);
      }
    }
    FlowChanges changes;
    for (auto& [key, protocols] : by_ports) {
      changes.push_back({key.first, key.second, std::move(protocols)});
    }
    return changes;
  }

 private:
  /// All that a rule names, and the family's ping.
  [[nodiscard]] std::set<uint8_t> Protocols(AddressFamily family) const {
    std::set<uint8_t> protocols;
    before_.AddProtocols(joined_before_, protocols);
    after_.AddProtocols(joined_after_, protocols);
    protocols.erase(kProtocolIcmp);
    protocols.erase(kProtocolIcmp6);
    protocols.insert(family == AddressFamily::kIpv4 ? kProtocolIcmp
                                                    : kProtocolIcmp6);
    return protocols;
  }

  [[nodiscard]] std::optional<ChangeKind> ChangeAt(uint8_t protocol,
                                                   uint16_t port) const {
    return Compare(before_.TimesOf(joined_before_, protocol, port),
                   after_.TimesOf(joined_after_, protocol, port));
  }

  [[nodiscard]] std::map<ChangeKind, Ports> ChangesOf(uint8_t protocol) const {
    std::map<ChangeKind, Ports> changes;
    if (!HasPorts(protocol)) {
      if (const auto kind = ChangeAt(protocol, 0)) {
        changes[*kind] = {};
      }
      return changes;
    }
    std::set<uint32_t> cuts = {kPortBegin, kPortEnd};
    before_.AddCuts(joined_before_, cuts);
    after_.AddCuts(joined_after_, cuts);
    for (auto it = cuts.find(kPortBegin); *it != kPortEnd; ++it) {
      const auto first = static_cast<uint16_t>(*it);
      const auto last = static_cast<uint16_t>(*std::next(it) - 1);
      if (const auto kind = ChangeAt(protocol, first)) {
        changes[*kind].push_back({first, last});
      }
    }
    for (auto& [kind, ports] : changes) {
      Normalize(ports);
      if (ports == Ports{{kPortBegin, kPortEnd - 1}}) {
        ports.clear();
      }
    }
    return changes;
  }

  const DiffSide& before_;
  const DiffSide& after_;
  Entries joined_before_;
  Entries joined_after_;
};

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

SourceClasses ClassifySources(const std::vector<DiffPoint>& points,
                              const DiffSide& before, const DiffSide& after,
                              Routes routes) {
  SourceClasses classes;
  for (const DiffPoint& point : points) {
    auto key = std::pair(before.SourceOf(point.sample, routes),
                         after.SourceOf(point.sample, routes));
    classes[{point.sample.family(), std::move(key)}].push_back(&point);
  }
  return classes;
}

DestinationClasses ClassifyDestinations(const std::vector<DiffPoint>& points,
                                        const DiffSide& before,
                                        const DiffSide& after) {
  DestinationClasses classes;
  for (const DiffPoint& point : points) {
    auto key = std::pair(LevelsOf(before.policy, before.nodes, point.sample),
                         LevelsOf(after.policy, after.nodes, point.sample));
    classes[{point.sample.family(), std::move(key)}].push_back(&point);
  }
  return classes;
}

Routes RoutesOf(const DestinationClasses& destinations) {
  const bool overlap =
      std::ranges::any_of(destinations, [](const auto& destination) {
        const auto& [before, after] = destination.first.second;
        return before.size() > 1 || after.size() > 1;
      });
  return overlap ? Routes::kOverlap : Routes::kApart;
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
  const DiffSide old_side{before, WithRoles(before, world), world.is_open, at};
  const DiffSide new_side{after, WithRoles(after, world), world.is_open, at};
  const auto points = CutAddresses(before, after, world);
  const auto destinations = ClassifyDestinations(points, old_side, new_side);
  const auto sources =
      ClassifySources(points, old_side, new_side, RoutesOf(destinations));
  ChangeList list(points);
  for (const auto& [source, source_points] : sources) {
    for (const auto& [destination, destination_points] : destinations) {
      if (source.first != destination.first) {
        continue;
      }
      const PairDiff diff(
          old_side, new_side,
          JoinEntries(source.second.first, destination.second.first),
          JoinEntries(source.second.second, destination.second.second));
      if (const auto changes = diff.Changes(source.first); !changes.empty()) {
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
