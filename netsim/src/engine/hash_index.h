#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/slab.h"

namespace natkit::netsim::engine {

/// From hashes to slab indices: open addressing with linear probing, at most
/// half full, eight bytes a slot. The keys stay in the slab; callers compare.
/// Its order is never visible, so it cannot disturb determinism.
class HashIndex {
 public:
  HashIndex() : slots_(kSmallest) {}

  /// The index whose element `is_equal` accepts, or kNone.
  template <class IsEqual>
  [[nodiscard]] uint32_t Find(uint64_t hash, const IsEqual& is_equal) const {
    const uint32_t short_hash = Shorten(hash);
    for (size_t at = short_hash & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.index_plus_one == 0) {
        return kNone;
      }
      if (slot.hash == short_hash && is_equal(slot.index_plus_one - 1)) {
        return slot.index_plus_one - 1;
      }
    }
  }

  /// The caller has made sure that no equal element is there.
  void Insert(uint64_t hash, uint32_t index) {
    if ((size_ + 1) * 2 > slots_.size()) {
      Grow();
    }
    Place({Shorten(hash), index + 1});
    ++size_;
  }

  /// Takes out exactly this pair; nothing happens if it is not there.
  void Erase(uint64_t hash, uint32_t index) {
    const uint32_t short_hash = Shorten(hash);
    size_t at = short_hash & mask();
    while (slots_[at].index_plus_one != index + 1) {
      if (slots_[at].index_plus_one == 0) {
        return;
      }
      at = (at + 1) & mask();
    }
    CloseGap(at);
    --size_;
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    uint32_t index_plus_one = 0;  // 0: empty
  };

  static constexpr size_t kSmallest = 16;

  static uint32_t Shorten(uint64_t hash) {
    return static_cast<uint32_t>(hash ^ hash >> 32);
  }

  [[nodiscard]] size_t mask() const { return slots_.size() - 1; }

  void Place(const Slot& slot) {
    size_t at = slot.hash & mask();
    while (slots_[at].index_plus_one != 0) {
      at = (at + 1) & mask();
    }
    slots_[at] = slot;
  }

  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.index_plus_one != 0) {
        Place(slot);
      }
    }
  }

  /// Moves back what probing had pushed past the emptied slot, so that no
  /// tombstones are needed.
  void CloseGap(size_t gap) {
    for (size_t at = (gap + 1) & mask(); slots_[at].index_plus_one != 0;
         at = (at + 1) & mask()) {
      const size_t wanted = slots_[at].hash & mask();
      if (((at - wanted) & mask()) >= ((at - gap) & mask())) {
        slots_[gap] = slots_[at];
        gap = at;
      }
    }
    slots_[gap] = {};
  }

  std::vector<Slot> slots_;
  size_t size_ = 0;
};

}  // namespace natkit::netsim::engine
