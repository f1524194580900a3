#include "common/block_table.h"

#include <cstdlib>

#include "common/libc_memory.h"

namespace natkit::c {
namespace {

constexpr size_t kFirstCapacity = 64;

}  // namespace

void BlockTable::Add(const void* memory, const Block& block) {
  Shard& shard = ShardOf(memory);
  const std::lock_guard lock(shard.mutex);
  if (2 * (shard.used + 1) > shard.capacity) {
    Grow(shard);
  }
  Insert(shard, {.memory = memory, .block = block});
}

std::optional<Block> BlockTable::Find(const void* memory) {
  Shard& shard = ShardOf(memory);
  const std::lock_guard lock(shard.mutex);
  const Slot* const slot = FindSlot(shard, memory);
  return slot != nullptr ? std::optional(slot->block) : std::nullopt;
}

std::optional<Block> BlockTable::Take(const void* memory) {
  Shard& shard = ShardOf(memory);
  const std::lock_guard lock(shard.mutex);
  Slot* const slot = FindSlot(shard, memory);
  if (slot == nullptr) {
    return std::nullopt;
  }
  const Block block = slot->block;
  Erase(shard, slot);
  return block;
}

/// Addresses are multiples of 16 and often neighbours: all their bits shall
/// count in the upper ones (Fibonacci hashing).
uint64_t BlockTable::Hash(const void* memory) {
  const auto bits = reinterpret_cast<uintptr_t>(memory);
  return (uint64_t{bits} >> 4U) * UINT64_C(0x9E3779B97F4A7C15);
}

BlockTable::Shard& BlockTable::ShardOf(const void* memory) {
  return shards_[(Hash(memory) >> 60U) % shards_.size()];
}

size_t BlockTable::Home(const Shard& shard, const void* memory) {
  return static_cast<size_t>(Hash(memory) >> 20U) & (shard.capacity - 1);
}

BlockTable::Slot* BlockTable::FindSlot(Shard& shard, const void* memory) {
  if (shard.capacity == 0) {
    return nullptr;
  }
  for (size_t at = Home(shard, memory);; at = (at + 1) & (shard.capacity - 1)) {
    Slot& slot = shard.slots[at];
    if (slot.memory == memory) {
      return &slot;
    }
    if (slot.memory == nullptr) {
      return nullptr;
    }
  }
}

void BlockTable::Insert(Shard& shard, const Slot& slot) {
  size_t at = Home(shard, slot.memory);
  while (shard.slots[at].memory != nullptr) {
    at = (at + 1) & (shard.capacity - 1);
  }
  shard.slots[at] = slot;
  ++shard.used;
}

/// Moves those that follow back to where they will be looked for.
void BlockTable::Erase(Shard& shard, Slot* slot) {
  const size_t mask = shard.capacity - 1;
  auto gap = static_cast<size_t>(slot - shard.slots);
  for (size_t at = (gap + 1) & mask; shard.slots[at].memory != nullptr;
       at = (at + 1) & mask) {
    const size_t home = Home(shard, shard.slots[at].memory);
    const bool is_found_in_gap = ((at - home) & mask) >= ((at - gap) & mask);
    if (is_found_in_gap) {
      shard.slots[gap] = shard.slots[at];
      gap = at;
    }
  }
  shard.slots[gap] = {};
  --shard.used;
}

void BlockTable::Grow(Shard& shard) {
  const size_t old_capacity = shard.capacity;
  Slot* const old = shard.slots;
  shard.capacity = old_capacity == 0 ? kFirstCapacity : 2 * old_capacity;
  shard.slots = static_cast<Slot*>(__real_calloc(shard.capacity, sizeof(Slot)));
  if (shard.slots == nullptr) {
    std::abort();
  }
  shard.used = 0;
  for (size_t i = 0; i < old_capacity; ++i) {
    if (old[i].memory != nullptr) {
      Insert(shard, old[i]);
    }
  }
  __real_free(old);
}

}  // namespace natkit::c
