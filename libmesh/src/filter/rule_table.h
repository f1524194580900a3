#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "filter/rule.h"
#include "natkit/base/prefix_trie.h"

namespace natkit::mesh {

/// Names a rule of a table and the state in which it was found. It stays valid
/// until the rule goes, is replaced or closes.
struct RuleRef {
  uint32_t slot = 0;
  uint32_t generation = 0;
};

/// Which rules name a prefix that holds an address.
class PrefixIndex {
 public:
  void Add(const PrefixList& list, uint32_t slot);
  void Remove(const PrefixList& list, uint32_t slot);

  /// How many ForEach visits. Does not allocate.
  [[nodiscard]] size_t CountAt(const IpAddress& ip) const;

  /// Calls `visit(slot)` until it returns true; whether it did. Each rule is
  /// visited once. Does not allocate.
  template <class Visit>
  bool AnyAt(const IpAddress& ip, Visit&& visit) const {
    bool is_found = false;
    TrieOf(ip).ForEach(BitKey::Of(ip), [&](const Slots& slots) {
      for (size_t i = 0; i < slots.size() && !is_found; ++i) {
        is_found = visit(slots[i]);
      }
    });
    return is_found;
  }

 private:
  using Slots = std::vector<uint32_t>;  // in order
  using Trie = PrefixTrie<Slots>;

  [[nodiscard]] const Trie& TrieOf(const IpAddress& ip) const {
    return ip.is_v4() ? ipv4_ : ipv6_;
  }

  [[nodiscard]] Trie& TrieOf(const IpAddress& ip) {
    return ip.is_v4() ? ipv4_ : ipv6_;
  }

  Trie ipv4_;
  Trie ipv6_;
  // Owns what the tries point to.
  std::map<IpPrefix, std::unique_ptr<Slots>> slots_;
};

/// The rules of one direction.
///
/// A flow is decided by the rules that name its source or those that name its
/// destination, whichever are fewer: a node has few addresses and many rules
/// for them, and a peer has few rules.
class RuleTable {
 public:
  /// `rule` is one that CompiledRule::Check takes.
  void Put(FilterRule rule, std::optional<int64_t> unix_seconds);
  /// False when there is none with this id.
  bool Remove(uint64_t id);

  /// Whether `update`'s puts into `direction` fit after its removals. Errors:
  /// kLimitExceeded.
  [[nodiscard]] std::expected<void, Error> CheckRoom(const FilterUpdate& update,
                                                     Direction direction) const;

  /// An open rule that allows a new flow that begins with this packet.
  [[nodiscard]] std::optional<RuleRef> Find(const PacketFacts& facts) const;

  [[nodiscard]] bool IsCurrent(RuleRef ref) const {
    return slots_[ref.slot].generation == ref.generation;
  }

  /// Opens and closes rules; those that are due, or all. True when one closed.
  bool SetTime(std::optional<int64_t> unix_seconds, bool all);
  /// The earliest change of a window; nullopt: none is to come.
  [[nodiscard]] std::optional<int64_t> NextChange() const;

  [[nodiscard]] size_t size() const { return by_id_.size(); }

 private:
  struct Slot {
    CompiledRule rule;
    uint32_t generation = 0;
  };

  [[nodiscard]] uint32_t TakeSlot();

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  std::map<uint64_t, uint32_t> by_id_;
  std::map<uint64_t, uint32_t> windowed_;
  size_t prefix_count_ = 0;
  PrefixIndex sources_;
  PrefixIndex destinations_;
};

}  // namespace natkit::mesh
