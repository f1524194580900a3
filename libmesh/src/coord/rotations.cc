#include "coord/rotations.h"

namespace natkit::mesh {

void Rotations::Begin(NodeId node, const PublicKey& next_key, Instant deadline,
                      const std::vector<NodeId>& viewers) {
  End(node);
  Rotation& rotation = rotations_[node];
  rotation.next_key = next_key;
  rotation.deadline = deadline;
  deadlines_.emplace(deadline, node);
  for (const NodeId viewer : viewers) {
    rotation.waiting.emplace(viewer, std::nullopt);
    by_viewer_[viewer].insert(node);
  }
}

std::optional<PublicKey> Rotations::End(NodeId node) {
  const auto found = rotations_.find(node);
  if (found == rotations_.end()) {
    return std::nullopt;
  }
  for (const NodeId viewer : ViewersOf(node)) {
    Excuse(node, viewer);
  }
  const PublicKey next_key = found->second.next_key;
  deadlines_.erase({found->second.deadline, node});
  rotations_.erase(found);
  return next_key;
}

void Rotations::Excuse(NodeId node, NodeId viewer) {
  const auto rotation = rotations_.find(node);
  if (rotation == rotations_.end() ||
      rotation->second.waiting.erase(viewer) == 0) {
    return;
  }
  const auto awaited = by_viewer_.find(viewer);
  awaited->second.erase(node);
  if (awaited->second.empty()) {
    by_viewer_.erase(awaited);
  }
}

void Rotations::Leave(NodeId viewer) {
  for (const NodeId node : AwaitedBy(viewer)) {
    Excuse(node, viewer);
  }
}

void Rotations::NoteSent(NodeId node, NodeId viewer, uint64_t sequence) {
  const auto rotation = rotations_.find(node);
  if (rotation == rotations_.end()) {
    return;
  }
  const auto waiting = rotation->second.waiting.find(viewer);
  if (waiting != rotation->second.waiting.end() && !waiting->second) {
    waiting->second = sequence;
  }
}

std::vector<NodeId> Rotations::NoteAck(NodeId viewer, uint64_t sequence) {
  std::vector<NodeId> ready;
  for (const NodeId node : AwaitedBy(viewer)) {
    const auto& told = rotations_.at(node).waiting.at(viewer);
    if (told && *told <= sequence) {
      Excuse(node, viewer);
      if (IsComplete(node)) {
        ready.push_back(node);
      }
    }
  }
  return ready;
}

std::vector<NodeId> Rotations::AwaitedBy(NodeId viewer) const {
  const auto found = by_viewer_.find(viewer);
  return found == by_viewer_.end()
             ? std::vector<NodeId>()
             : std::vector<NodeId>(found->second.begin(), found->second.end());
}

std::vector<NodeId> Rotations::ViewersOf(NodeId node) const {
  std::vector<NodeId> viewers;
  const auto found = rotations_.find(node);
  if (found != rotations_.end()) {
    for (const auto& [viewer, sequence] : found->second.waiting) {
      viewers.push_back(viewer);
    }
  }
  return viewers;
}

bool Rotations::IsComplete(NodeId node) const {
  const auto found = rotations_.find(node);
  return found != rotations_.end() && found->second.waiting.empty();
}

std::vector<NodeId> Rotations::Due(Instant now) const {
  std::vector<NodeId> due;
  for (const auto& [deadline, node] : deadlines_) {
    if (deadline > now) {
      break;
    }
    due.push_back(node);
  }
  return due;
}

std::optional<Instant> Rotations::NextTimeout() const {
  return deadlines_.empty() ? std::nullopt
                            : std::optional(deadlines_.begin()->first);
}

}  // namespace natkit::mesh
