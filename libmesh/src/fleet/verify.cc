#include "natkit/mesh/fleet/verify.h"

#include <algorithm>

#include "fleet/verify_parts.h"

namespace natkit::mesh {

namespace {

/// The fleet's interface among those of a host: by name, else by key.
const WgDumpInterface* FindInterface(const FleetPlan& plan,
                                     const FleetNode& node,
                                     const NodeDump& dump) {
  const auto& all = dump.interfaces;
  auto found = std::ranges::find(all, plan.interface, &WgDumpInterface::name);
  if (found == all.end()) {
    found =
        std::ranges::find(all, node.public_key, &WgDumpInterface::public_key);
  }
  if (found != all.end()) {
    return &*found;
  }
  const bool is_only = all.size() == 1 && all.front().name.empty();
  return is_only ? &all.front() : nullptr;
}

const NodeDump* FindDump(const std::vector<NodeDump>& dumps,
                         std::string_view node) {
  const auto found = std::ranges::find(dumps, node, &NodeDump::node);
  return found != dumps.end() ? &*found : nullptr;
}

ObservedNode Observe(Verification& out, const FleetNode& node) {
  ObservedNode observed;
  observed.plan = &node;
  const NodeDump* dump = FindDump(out.observation.dumps, node.name);
  if (dump == nullptr) {
    out.AddNote(FindingKind::kNoDump, node.name, "", "there is no dump of it");
    return observed;
  }
  observed.taken_at = dump->taken_at;
  observed.interface = FindInterface(out.plan, node, *dump);
  if (observed.interface == nullptr) {
    out.AddFault(FindingKind::kNoInterface, node.name, "",
                 "it has no interface " + out.plan.interface);
  }
  if (const NodeDump* before = FindDump(out.observation.previous, node.name)) {
    observed.previous = FindInterface(out.plan, node, *before);
    observed.previous_taken_at = before->taken_at;
  }
  return observed;
}

void CheckNames(Verification& out) {
  for (const NodeDump& dump : out.observation.dumps) {
    if (out.plan.FindNode(dump.node) == nullptr) {
      out.AddFault(FindingKind::kUnknownNode, dump.node, "",
                   "there is a dump of it, but the mesh file has no such node");
    }
  }
}

}  // namespace

std::string_view FindingName(FindingKind kind) {
  switch (kind) {
    case FindingKind::kNoDump:
      return "no-dump";
    case FindingKind::kUnknownNode:
      return "unknown-node";
    case FindingKind::kNoInterface:
      return "no-interface";
    case FindingKind::kWrongKey:
      return "wrong-key";
    case FindingKind::kWrongPort:
      return "wrong-port";
    case FindingKind::kUnknownPeer:
      return "unknown-peer";
    case FindingKind::kMissingPeer:
      return "missing-peer";
    case FindingKind::kMissingPrefix:
      return "missing-prefix";
    case FindingKind::kExtraPrefix:
      return "extra-prefix";
    case FindingKind::kPrefixOfOther:
      return "prefix-of-other";
    case FindingKind::kWrongEndpoint:
      return "wrong-endpoint";
    case FindingKind::kMissingKeepalive:
      return "missing-keepalive";
    case FindingKind::kOtherKeepalive:
      return "other-keepalive";
    case FindingKind::kPresharedKeyOneSided:
      return "psk-one-sided";
    case FindingKind::kPresharedKeyMissing:
      return "psk-missing";
    case FindingKind::kDown:
      return "down";
    case FindingKind::kOneSidedHandshake:
      return "one-sided-handshake";
    case FindingKind::kClockSkew:
      return "clock-skew";
  }
  return "";
}

std::string_view LinkStateName(LinkState state) {
  switch (state) {
    case LinkState::kUp:
      return "up";
    case LinkState::kIdle:
      return "idle";
    case LinkState::kDown:
      return "down";
    case LinkState::kUnknown:
      return "unknown";
  }
  return "";
}

bool FleetReport::is_fine() const {
  return std::ranges::none_of(findings, &Finding::is_fault);
}

const ObservedNode* Verification::FindObserved(std::string_view name) const {
  const auto found = nodes.find(name);
  return found != nodes.end() && found->second.interface != nullptr
             ? &found->second
             : nullptr;
}

const WgDumpPeer* FindPeer(const WgDumpInterface* interface,
                           const PublicKey& key) {
  if (interface == nullptr) {
    return nullptr;
  }
  const auto found =
      std::ranges::find(interface->peers, key, &WgDumpPeer::public_key);
  return found != interface->peers.end() ? &*found : nullptr;
}

const FleetNode* FindOwner(const FleetPlan& plan, const PublicKey& key) {
  const auto& rotation = plan.rotation;
  if (rotation && (key == rotation->from || key == rotation->to)) {
    return plan.FindNode(rotation->node);
  }
  const auto found = std::ranges::find(plan.nodes, key, &FleetNode::public_key);
  return found != plan.nodes.end() ? &*found : nullptr;
}

FleetReport VerifyFleet(const FleetPlan& plan,
                        const FleetObservation& observation) {
  Verification out{plan, observation, {}, {}};
  CheckNames(out);
  for (const FleetNode& node : plan.nodes) {
    out.nodes.emplace(node.name, Observe(out, node));
  }
  for (const FleetNode& node : plan.nodes) {
    if (const ObservedNode* observed = out.FindObserved(node.name)) {
      VerifyInterface(out, *observed);
      VerifyPrefixes(out, *observed);
      VerifyLinks(out, *observed);
    }
  }
  return std::move(out.report);
}

}  // namespace natkit::mesh
