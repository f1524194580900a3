#include "natkit/mesh/fleet/rotation.h"

#include <algorithm>
#include <set>

namespace natkit::mesh {

namespace {

using Names = std::set<std::string, std::less<>>;

/// The node that changes its key, and its peers.
Names Concerned(const FleetPlan& plan) {
  const std::string& node = plan.rotation->node;
  Names out{node};
  for (const FleetPeer& peer : plan.FindNode(node)->peers) {
    out.insert(peer.name);
  }
  return out;
}

bool IsBlocker(const Finding& finding, const std::string& node,
               const Names& concerned) {
  if (finding.kind == FindingKind::kNoDump) {
    return concerned.contains(finding.node);
  }
  return finding.is_fault && (finding.node == node || finding.peer == node);
}

}  // namespace

std::optional<FleetRotationStep> NextRotationStep(FleetRotationStep step) {
  switch (step) {
    case FleetRotationStep::kAnnounce:
      return FleetRotationStep::kSwitch;
    case FleetRotationStep::kSwitch:
      return FleetRotationStep::kMove;
    case FleetRotationStep::kMove:
      return FleetRotationStep::kRetire;
    case FleetRotationStep::kRetire:
      return std::nullopt;
  }
  return std::nullopt;
}

std::expected<RotationState, std::string> BeginRotation(const MeshFile& file,
                                                        std::string_view node) {
  const NodeEntry* entry = file.FindNode(node);
  if (entry == nullptr) {
    return std::unexpected("there is no node \"" + std::string(node) + "\"");
  }
  if (!entry->fleet.next_public_key) {
    return std::unexpected("node \"" + entry->name +
                           "\" has no next_public_key in the mesh file");
  }
  return RotationState{entry->name,
                       entry->public_key,
                       *entry->fleet.next_public_key,
                       FleetRotationStep::kAnnounce,
                       {}};
}

std::vector<std::string> RotationBlockers(const FleetPlan& plan,
                                          const FleetReport& report) {
  const std::string& node = plan.rotation->node;
  const Names concerned = Concerned(plan);
  std::vector<std::string> out;
  for (const Finding& finding : report.findings) {
    if (IsBlocker(finding, node, concerned)) {
      out.push_back(finding.node + ": " + finding.text);
    }
  }
  for (const LinkReport& link : report.links) {
    if (link.peer == node && link.is_next_key && !link.handshake_age &&
        link.state != LinkState::kDown) {
      out.push_back(link.node + ": it has not seen the next key of " + node +
                    " yet");
    }
  }
  return out;
}

}  // namespace natkit::mesh
