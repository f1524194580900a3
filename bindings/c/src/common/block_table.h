#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "natkit/common.h"

namespace natkit::c {

/// A block of an allocator that the program has set.
struct Block {
  const natkit_allocator* owner;
  void* start;  ///< as the owner gave it
  size_t size;  ///< as asked of the owner
};

/// Which blocks are those of which allocator, by their addresses. Thread-safe.
///
/// Blocks of the system are not in here and have nothing in front of them, so
/// without an allocator of the program's they are malloc()'s own, for memory
/// checkers too. Its memory comes from libc, past the allocators.
class BlockTable {
 public:
  void Add(const void* memory, const Block& block);
  /// The block at `memory`, if it is one of these.
  [[nodiscard]] std::optional<Block> Find(const void* memory);
  /// The same; it is no longer one of these.
  std::optional<Block> Take(const void* memory);

 private:
  struct Slot {
    const void* memory;  ///< nullptr: free
    Block block;
  };

  /// An open hash table with linear probing, at most half full.
  struct Shard {
    std::mutex mutex;
    Slot* slots = nullptr;
    size_t capacity = 0;  ///< a power of two, or 0
    size_t used = 0;
  };

  static uint64_t Hash(const void* memory);
  static size_t Home(const Shard& shard, const void* memory);
  static Slot* FindSlot(Shard& shard, const void* memory);
  static void Insert(Shard& shard, const Slot& slot);
  static void Erase(Shard& shard, Slot* slot);
  static void Grow(Shard& shard);
  Shard& ShardOf(const void* memory);

  std::array<Shard, 16> shards_;
};

}  // namespace natkit::c
