#include "registry/former_keys.h"

namespace natkit::mesh {

std::optional<PublicKey> FormerKeys::Add(const FormerKeyRecord& record) {
  Remove(record.key);
  records_.emplace(record.key, record);
  auto& of_node = by_node_[record.node];
  of_node.emplace(record.since, record.key);
  if (of_node.size() <= kMaxPerNode) {
    return std::nullopt;
  }
  const PublicKey oldest = of_node.begin()->second;
  Remove(oldest);
  return oldest;
}

void FormerKeys::Remove(const PublicKey& key) {
  const auto found = records_.find(key);
  if (found == records_.end()) {
    return;
  }
  const auto of_node = by_node_.find(found->second.node);
  of_node->second.erase({found->second.since, key});
  if (of_node->second.empty()) {
    by_node_.erase(of_node);
  }
  records_.erase(found);
}

std::vector<PublicKey> FormerKeys::RemoveAll(NodeId node) {
  std::vector<PublicKey> keys;
  const auto of_node = by_node_.find(node);
  if (of_node == by_node_.end()) {
    return keys;
  }
  for (const auto& [since, key] : of_node->second) {
    keys.push_back(key);
    records_.erase(key);
  }
  by_node_.erase(of_node);
  return keys;
}

const FormerKeyRecord* FormerKeys::Find(const PublicKey& key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

}  // namespace natkit::mesh
