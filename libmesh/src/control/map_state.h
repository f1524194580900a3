#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "natkit/mesh/control/map_replica.h"

namespace natkit::mesh {

/// The items of a map with their digest. A change can be taken back: that is
/// how an update is applied whole or not at all without copying the map.
class MapState {
 public:
  /// What a server could make a node hold: bounded, and far beyond any mesh.
  static constexpr size_t kMaxSize = size_t{256} * 1024 * 1024;
  /// Of memory, beside an item's body; for a member of a rule.
  static constexpr size_t kItemOverhead = 96;
  static constexpr size_t kMemberOverhead = 48;

  explicit MapState(const DigestKey& key) : key_(key) {}

  [[nodiscard]] const NetworkMap& map() const { return map_; }

  [[nodiscard]] const std::map<ItemKey, std::vector<uint8_t>>& bodies() const {
    return bodies_;
  }

  [[nodiscard]] uint64_t digest() const { return digest_; }

  [[nodiscard]] size_t unknown() const { return unknown_; }

  /// False for a body that does not decode, or beyond kMaxSize; as it was.
  [[nodiscard]] bool Put(const MapItem& item);
  /// Harmless if there is none.
  void Remove(const ItemKey& key);
  /// False for a rule that is not there, or beyond kMaxSize; as it was.
  [[nodiscard]] bool Change(const MemberChange& change);

  /// From now on until Commit() or Rollback(), changes can be taken back.
  void Begin();
  void Commit();
  void Rollback();

 private:
  using Body = std::optional<std::vector<uint8_t>>;
  using Members = std::set<NodeId>;

  [[nodiscard]] bool Decode(const MapItem& item);
  void Replace(const MapItem& item);
  void Erase(const ItemKey& key);
  void NoteItem(const ItemKey& key);
  void NoteMembers(const RuleKey& rule);
  void SetMembers(const RuleKey& rule, Members members);
  void AddMember(const RuleKey& rule, Members& members, NodeId node);
  void RemoveMember(const RuleKey& rule, Members& members, NodeId node);

  DigestKey key_;
  NetworkMap map_;
  std::map<ItemKey, std::vector<uint8_t>> bodies_;
  uint64_t digest_ = 0;
  size_t unknown_ = 0;
  size_t size_ = 0;  ///< about what is held, in bytes
  bool is_open_ = false;
  std::map<ItemKey, Body> old_items_;
  std::map<RuleKey, Members> old_members_;
};

}  // namespace natkit::mesh
