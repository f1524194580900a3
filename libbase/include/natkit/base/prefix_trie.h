#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"

namespace natkit {

/// The bits of an address, the first one in the highest place; an IPv4 address
/// fills the first 32.
struct BitKey {
  uint64_t high = 0;
  uint64_t low = 0;

  /// The bits of `ip`; its family is not among them.
  static BitKey Of(const IpAddress& ip) {
    std::array<uint8_t, 16> bytes{};
    std::ranges::copy(ip.bytes(), bytes.begin());
    BitKey key;
    ByteReader in(bytes);
    (void)(in.ReadU64(key.high) && in.ReadU64(key.low));
    return key;
  }

  /// Bit `index`, 0 to 127.
  [[nodiscard]] size_t Bit(int index) const {
    return index < 64 ? (high >> (63 - index)) & 1 : (low >> (127 - index)) & 1;
  }

  /// How many bits from the first on are the same in both, 0 to 128.
  [[nodiscard]] int CommonBits(const BitKey& other) const {
    const int in_high = std::countl_zero(high ^ other.high);
    return in_high < 64 ? in_high : 64 + std::countl_zero(low ^ other.low);
  }
};

/// Longest-prefix-match table of one address family: a binary trie in which
/// chains of single children are one node. Finding takes at most as many steps
/// as stored prefixes nest, and does not allocate.
template <class Value>
class PrefixTrie {
 public:
  /// Stores `value`, which is not nullptr, for the prefix; returns what was
  /// there before, nullptr if nothing.
  Value* Insert(const BitKey& key, int length, Value* value) {
    Slot* slot = &root_;
    while (*slot) {
      Node& node = **slot;
      const int common =
          std::min({key.CommonBits(node.key), length, node.length});
      if (common < node.length) {
        Split(*slot, key, length, common, value);
        return nullptr;
      }
      if (length == node.length) {
        return std::exchange(node.value, value);
      }
      slot = &node.children[key.Bit(node.length)];
    }
    *slot = MakeNode(key, length, value);
    return nullptr;
  }

  /// Takes the prefix away; false when it is not stored.
  bool Remove(const BitKey& key, int length) {
    Slot* parent = nullptr;
    Slot* slot = &root_;
    while (*slot && (*slot)->Covers(key) && (*slot)->length < length) {
      parent = slot;
      slot = &(*slot)->children[key.Bit((*slot)->length)];
    }
    if (!*slot || (*slot)->length != length || !(*slot)->Covers(key) ||
        (*slot)->value == nullptr) {
      return false;
    }
    (*slot)->value = nullptr;
    Collapse(*slot);
    if (parent != nullptr) {
      Collapse(*parent);
    }
    return true;
  }

  /// The value of the longest prefix that holds `key`, or nullptr.
  [[nodiscard]] Value* Find(const BitKey& key) const {
    Value* best = nullptr;
    ForEach(key, [&best](Value& value) { best = &value; });
    return best;
  }

  /// Calls `visit` with the value of each prefix that holds `key`, the shortest
  /// prefix first. Does not allocate.
  template <class Visit>
  void ForEach(const BitKey& key, Visit&& visit) const {
    const Node* node = root_.get();
    while (node != nullptr && node->Covers(key)) {
      if (node->value != nullptr) {
        visit(*node->value);
      }
      if (node->length == kMaxLength) {
        break;
      }
      node = node->children[key.Bit(node->length)].get();
    }
  }

  [[nodiscard]] bool is_empty() const { return !root_; }

 private:
  static constexpr int kMaxLength = 128;
  struct Node;
  using Slot = std::unique_ptr<Node>;

  struct Node {
    BitKey key;
    int length = 0;
    Value* value = nullptr;  // nullptr: only a fork
    std::array<Slot, 2> children;

    [[nodiscard]] bool Covers(const BitKey& other) const {
      return key.CommonBits(other) >= length;
    }
  };

  static Slot MakeNode(const BitKey& key, int length, Value* value) {
    auto node = std::make_unique<Node>();
    node->key = key;
    node->length = length;
    node->value = value;
    return node;
  }

  // Puts a node of `common` bits above `slot`: the new prefix itself, or a fork
  // between it and what was there.
  static void Split(Slot& slot, const BitKey& key, int length, int common,
                    Value* value) {
    Slot above = MakeNode(key, common, nullptr);
    above->children[slot->key.Bit(common)] = std::move(slot);
    if (common == length) {
      above->value = value;
    } else {
      above->children[key.Bit(common)] = MakeNode(key, length, value);
    }
    slot = std::move(above);
  }

  // Takes a node out that neither has a value nor forks.
  static void Collapse(Slot& slot) {
    Node& node = *slot;
    if (node.value != nullptr || (node.children[0] && node.children[1])) {
      return;
    }
    Slot rest = std::move(node.children[node.children[0] ? 0 : 1]);
    slot = std::move(rest);
  }

  Slot root_;
};

}  // namespace natkit
