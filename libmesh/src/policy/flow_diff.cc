#include "policy/flow_diff.h"

#include <algorithm>
#include <set>
#include <utility>

#include "policy/availability.h"
#include "policy/join.h"
#include "policy/ports.h"

namespace natkit::mesh::policy {

namespace {

constexpr uint32_t kPortBegin = 1;
constexpr uint32_t kPortEnd = 65536;

/// Answers that are kept.
constexpr size_t kMostKnown = 100'000;

std::optional<ChangeKind> KindOf(const Availability& before,
                                 const Availability& after) {
  if (before == after) {
    return std::nullopt;
  }
  if (before.is_never()) {
    return ChangeKind::kOpened;
  }
  return after.is_never() ? ChangeKind::kClosed : ChangeKind::kOtherHours;
}

std::string ContentOf(const CompiledRule& rule,
                      const std::vector<TimeWindow>& windows) {
  std::string text = ToString(rule.ports);
  for (const uint8_t protocol : rule.protocols) {
    text += " " + std::to_string(protocol);
  }
  for (const TimeWindow& window : windows) {
    text += "\n" + std::to_string(window.days) + " " +
            std::to_string(window.from_minute) + " " +
            std::to_string(window.to_minute) + " " + window.zone;
  }
  return text;
}

}  // namespace

uint32_t FlowDiff::NumberOf(const CompiledRule& rule) {
  if (!rule.is_network) {
    return kNoFlow;
  }
  std::vector<TimeWindow> windows = rule.windows;
  if (at_ && !windows.empty()) {
    const bool is_open =
        is_open_ &&
        std::ranges::any_of(windows, [this](const TimeWindow& window) {
          return is_open_(window, *at_);
        });
    if (!is_open) {
      return kNoFlow;
    }
    windows.clear();
  }
  const auto [it, is_new] = numbers_.try_emplace(
      ContentOf(rule, windows), static_cast<uint32_t>(flows_.size()));
  if (is_new) {
    flows_.push_back({&rule, std::move(windows)});
  }
  return it->second;
}

const FlowChanges& FlowDiff::Changes(AddressFamily family,
                                     const FlowSet& before,
                                     const FlowSet& after) {
  static const FlowChanges kNothing;
  if (before == after) {
    return kNothing;
  }
  if (known_.size() >= kMostKnown) {
    known_.clear();
  }
  const auto [it, is_new] = known_.try_emplace(Question{family, before, after});
  if (is_new) {
    it->second = Compare(it->first);
  }
  return it->second;
}

FlowChanges FlowDiff::Compare(const Question& question) const {
  std::set<uint8_t> protocols;
  for (const FlowSet* set : {&question.before, &question.after}) {
    for (const uint32_t flow : *set) {
      const CompiledRule& rule = *flows_[flow].rule;
      protocols.insert(rule.protocols.begin(), rule.protocols.end());
    }
  }
  // The family's ping.
  protocols.erase(kProtocolIcmp);
  protocols.erase(kProtocolIcmp6);
  protocols.insert(question.family == AddressFamily::kIpv4 ? kProtocolIcmp
                                                           : kProtocolIcmp6);
  std::map<std::pair<ChangeKind, Ports>, std::vector<uint8_t>> by_ports;
  for (const uint8_t protocol : protocols) {
    for (auto& [kind, ports] : ChangesOf(question, protocol)) {
      by_ports[{kind, ports}].push_back(protocol);
    }
  }
  FlowChanges changes;
  for (auto& [key, list] : by_ports) {
    changes.push_back({key.first, key.second, std::move(list)});
  }
  return changes;
}

std::optional<ChangeKind> FlowDiff::ChangeAt(const Question& question,
                                             uint8_t protocol,
                                             uint16_t port) const {
  const auto times_of = [&](const FlowSet& set) {
    Availability times;
    for (const uint32_t flow : set) {
      if (MatchesFlow(*flows_[flow].rule, protocol, port)) {
        times.Add(flows_[flow].windows);
      }
    }
    return times;
  };
  return KindOf(times_of(question.before), times_of(question.after));
}

std::map<ChangeKind, Ports> FlowDiff::ChangesOf(const Question& question,
                                                uint8_t protocol) const {
  std::map<ChangeKind, Ports> changes;
  if (!HasPorts(protocol)) {
    if (const auto kind = ChangeAt(question, protocol, 0)) {
      changes[*kind] = {};
    }
    return changes;
  }
  // The first port of each stretch in which no rule's answer can change.
  std::set<uint32_t> cuts = {kPortBegin, kPortEnd};
  for (const FlowSet* set : {&question.before, &question.after}) {
    for (const uint32_t flow : *set) {
      for (const PortRange& range : flows_[flow].rule->ports) {
        cuts.insert({range.first, uint32_t{range.last} + 1});
      }
    }
  }
  for (auto it = cuts.find(kPortBegin); *it != kPortEnd; ++it) {
    const auto first = static_cast<uint16_t>(*it);
    const auto last = static_cast<uint16_t>(*std::next(it) - 1);
    if (const auto kind = ChangeAt(question, protocol, first)) {
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

}  // namespace natkit::mesh::policy
