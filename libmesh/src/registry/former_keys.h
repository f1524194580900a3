#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "natkit/mesh/registry/records.h"

namespace natkit::mesh {

/// Keys that nodes have had, and that nobody may have again: whoever holds the
/// private part of one may have stolen it.
///
/// Of each node the latest kMaxPerNode are kept.
class FormerKeys {
 public:
  static constexpr size_t kMaxPerNode = 1024;

  /// Adds or replaces a key. Returns one that is forgotten in its place.
  std::optional<PublicKey> Add(const FormerKeyRecord& record);
  void Remove(const PublicKey& key);
  /// All of a node that leaves no trace; returns them.
  std::vector<PublicKey> RemoveAll(NodeId node);
  /// nullptr: nobody had it.
  [[nodiscard]] const FormerKeyRecord* Find(const PublicKey& key) const;

 private:
  std::unordered_map<PublicKey, FormerKeyRecord> records_;
  std::map<NodeId, std::set<std::pair<WallTime, PublicKey>>> by_node_;
};

}  // namespace natkit::mesh
