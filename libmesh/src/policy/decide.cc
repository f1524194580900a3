#include "natkit/mesh/policy/decide.h"

#include <algorithm>

#include "policy/join.h"
#include "policy/ports.h"

namespace natkit::mesh::policy {

namespace {

std::string Describe(const FlowQuestion& question) {
  std::string text = ProtocolName(question.protocol);
  if (HasPorts(question.protocol)) {
    text += " port " + std::to_string(question.port);
  }
  return text;
}

bool IsOpenNow(const CompiledRule& rule, const PolicyWorld& world,
               int64_t unix_seconds) {
  return rule.windows.empty() ||
         (world.is_open &&
          std::ranges::any_of(rule.windows, [&](const TimeWindow& window) {
            return world.is_open(window, unix_seconds);
          }));
}

/// How near one rule comes to letting the packet pass; kNone: it does.
DenyReason Judge(const CompiledRule& rule, const RuleEntry& entry,
                 const PolicyWorld& world, const FlowQuestion& question) {
  if (!rule.is_network) {
    return DenyReason::kNoRule;
  }
  if (!MatchesFlow(rule, question.protocol, question.port)) {
    return DenyReason::kOtherPort;
  }
  if (!entry.meets_posture) {
    return DenyReason::kPosture;
  }
  return IsOpenNow(rule, world, question.unix_seconds) ? DenyReason::kNone
                                                       : DenyReason::kWindow;
}

std::string Explain(DenyReason reason, const std::string& rule,
                    const FlowQuestion& question) {
  switch (reason) {
    case DenyReason::kNone:
      return rule;
    case DenyReason::kNoSource:
      return "no node has or serves " + question.source.ToString();
    case DenyReason::kNoDestination:
      return "no node has or serves " + question.destination.ToString();
    case DenyReason::kNoRule:
      return "no rule joins " + question.source.ToString() + " and " +
             question.destination.ToString();
    case DenyReason::kOtherPort:
      return "no rule for " + Describe(question) + "; near: " + rule;
    case DenyReason::kPosture:
      return "the machine does not meet the posture of " + rule;
    case DenyReason::kWindow:
      return "not at this time: " + rule;
  }
  return "";
}

Decision Refuse(DenyReason reason, const FlowQuestion& question) {
  return {false, reason, std::nullopt, Explain(reason, "", question)};
}

Decision DecideAmong(const CompiledPolicy& policy, const PolicyWorld& world,
                     const Entries& joined, const FlowQuestion& question) {
  DenyReason nearest = DenyReason::kNoRule;
  std::optional<size_t> rule;
  for (const RuleEntry& entry : joined) {
    const DenyReason reason =
        Judge(policy.rules()[entry.rule], entry, world, question);
    if (reason == DenyReason::kNone) {
      return {true, reason, entry.rule, policy.rules()[entry.rule].origin.text};
    }
    if (reason > nearest) {
      nearest = reason;
      rule = entry.rule;
    }
  }
  const std::string text = rule ? policy.rules()[*rule].origin.text : "";
  return {false, nearest, rule, Explain(nearest, text, question)};
}

std::vector<IpAddress> AddressesOf(const PolicyWorld& world,
                                   std::string_view name) {
  const auto it = std::ranges::find(world.nodes, name, &PolicyNode::name);
  if (it != world.nodes.end()) {
    return it->ips;
  }
  const auto address = IpAddress::Parse(name);
  return address ? std::vector{*address} : std::vector<IpAddress>{};
}

}  // namespace

Decision DecideWith(RoleIndex& index, const FlowQuestion& question) {
  bool is_served = false;
  const SourcePart source = SourcePartOf(index, question.source, is_served);
  if (!is_served) {
    return Refuse(DenyReason::kNoSource, question);
  }
  const DestinationLevels destination = LevelsOf(index, question.destination);
  if (destination.empty()) {
    return Refuse(DenyReason::kNoDestination, question);
  }
  if (question.source.family() != question.destination.family()) {
    return Refuse(DenyReason::kNoRule, question);
  }
  return DecideAmong(index.policy(), index.world(),
                     JoinEntries(source, destination), question);
}

Decision Decide(const CompiledPolicy& policy, const PolicyWorld& world,
                const FlowQuestion& question) {
  RoleIndex index(policy, world);
  return DecideWith(index, question);
}

std::expected<std::vector<PairDecision>, std::string> DecideByName(
    const CompiledPolicy& policy, const PolicyWorld& world,
    std::string_view source, std::string_view destination,
    const FlowQuestion& question) {
  const auto from = AddressesOf(world, source);
  const auto to = AddressesOf(world, destination);
  for (const auto& [name, found] :
       {std::pair(source, from.empty()), std::pair(destination, to.empty())}) {
    if (found) {
      return std::unexpected("\"" + std::string(name) +
                             "\" is neither a node with addresses nor an "
                             "address");
    }
  }
  RoleIndex index(policy, world);
  std::vector<PairDecision> pairs;
  for (const IpAddress& a : from) {
    for (const IpAddress& b : to) {
      if (a.family() == b.family()) {
        FlowQuestion asked = question;
        asked.source = a;
        asked.destination = b;
        pairs.push_back({a, b, DecideWith(index, asked)});
      }
    }
  }
  if (pairs.empty()) {
    return std::unexpected("the two have no addresses of one family");
  }
  return pairs;
}

}  // namespace natkit::mesh::policy
