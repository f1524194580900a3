#include "common/blocks.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "common/allocator.h"
#include "common/block_table.h"
#include "common/libc_memory.h"

namespace natkit::c {
namespace {

/// An allocator that was set once. It is kept for ever, because blocks point to
/// it; who sets the same one again gets the same owner.
struct Owner {
  natkit_allocator allocator;
  Owner* next;

  [[nodiscard]] bool Is(const natkit_allocator& other) const {
    return allocator.allocate == other.allocate &&
           allocator.release == other.release &&
           allocator.context == other.context;
  }
};

constinit Owner* owners = nullptr;
/// nullptr: the system.
constinit std::atomic<const natkit_allocator*> current{nullptr};
/// Whether any block can be in the table.
constinit std::atomic<bool> is_table_used{false};
constinit BlockTable table;

const natkit_allocator* OwnerFor(const natkit_allocator& allocator) {
  for (const Owner* owner = owners; owner != nullptr; owner = owner->next) {
    if (owner->Is(allocator)) {
      return &owner->allocator;
    }
  }
  void* const place = __real_malloc(sizeof(Owner));
  if (place == nullptr) {
    std::abort();
  }
  owners = new (place) Owner{.allocator = allocator, .next = owners};
  return &owners->allocator;
}

void* FromSystem(size_t size, size_t alignment) {
  if (alignment <= alignof(std::max_align_t)) {
    return __real_malloc(size);
  }
  if (size > SIZE_MAX - alignment) {
    return nullptr;
  }
  return __real_aligned_alloc(alignment,
                              (size + alignment - 1) & ~(alignment - 1));
}

void* FromOwner(const natkit_allocator& owner, size_t size, size_t alignment) {
  const size_t room = alignment > alignof(std::max_align_t) ? alignment : 0;
  if (size > SIZE_MAX - room) {
    return nullptr;
  }
  void* const start = owner.allocate(owner.context, size + room);
  if (start == nullptr) {
    return nullptr;
  }
  auto at = reinterpret_cast<uintptr_t>(start);
  if (room != 0) {
    at = (at + alignment - 1) & ~(uintptr_t{alignment} - 1);
  }
  auto* const memory = reinterpret_cast<void*>(at);
  table.Add(memory, {.owner = &owner, .start = start, .size = size + room});
  return memory;
}

}  // namespace

void* AllocateBlock(size_t size, size_t alignment) {
  const natkit_allocator* const owner = current.load(std::memory_order_acquire);
  const size_t wanted = std::max<size_t>(size, 1);
  void* const memory = owner == nullptr ? FromSystem(wanted, alignment)
                                        : FromOwner(*owner, wanted, alignment);
  if (memory == nullptr) {
    std::abort();
  }
  return memory;
}

void ReleaseBlock(void* memory) {
  if (memory != nullptr && is_table_used.load(std::memory_order_acquire)) {
    if (const std::optional<Block> block = table.Take(memory)) {
      block->owner->release(block->owner->context, block->start, block->size);
      return;
    }
  }
  __real_free(memory);
}

size_t BlockSize(void* memory) {
  if (is_table_used.load(std::memory_order_acquire)) {
    if (const std::optional<Block> block = table.Find(memory)) {
      return block->size -
             static_cast<size_t>(static_cast<const char*>(memory) -
                                 static_cast<const char*>(block->start));
    }
  }
  return malloc_usable_size(memory);
}

void InstallAllocator(const natkit_allocator* allocator) {
  if (allocator == nullptr) {
    current.store(nullptr, std::memory_order_release);
    return;
  }
  is_table_used.store(true, std::memory_order_release);
  current.store(OwnerFor(*allocator), std::memory_order_release);
}

}  // namespace natkit::c
