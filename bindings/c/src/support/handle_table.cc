#include "support/handle_table.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "support/stay_loaded.h"

namespace natkit::c {

namespace {

// A slot's state: generation << 16 | kind << 8 | flags. Kind kNone: free.
constexpr uint64_t kInUse = 1;   ///< a call is at work
constexpr uint64_t kDoomed = 2;  ///< to be destroyed when it ends

uint64_t IdleState(uint64_t generation, HandleKind kind) {
  return generation << 16 | static_cast<uint64_t>(kind) << 8;
}

uint64_t WithoutFlags(uint64_t state) {
  return state & ~uint64_t{0xff};
}

}  // namespace

Result<Instant> Object::TakeTime(uint64_t now_ns) {
  if (now_ns >= uint64_t{1} << 62) {
    return Fail(Errc::kBadArgument);
  }
  const Instant given(Duration(static_cast<int64_t>(now_ns)));
  last_time_ = std::max(last_time_, given);
  return last_time_;
}

HandleTable& HandleTable::Instance() {
  // Never destroyed: threads may still hold handles when the process ends.
  static HandleTable* const table = new HandleTable;
  return *table;
}

uint64_t HandleTable::GenerationOf(Handle handle) {
  return static_cast<uint64_t>(handle) >> kSlotBits;
}

HandleTable::Slot* HandleTable::Find(Handle handle) const {
  const uint64_t number = handle & ((uint64_t{1} << kSlotBits) - 1);
  if (number >= kChunks * kSlotsOfChunk) {
    return nullptr;
  }
  Chunk* const chunk =
      chunks_[number / kSlotsOfChunk].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &(*chunk)[number % kSlotsOfChunk];
}

bool HandleTable::Grow() {
  if (chunk_count_ == kChunks) {
    return false;
  }
  const auto first = static_cast<uint32_t>(chunk_count_ * kSlotsOfChunk);
  free_.reserve((chunk_count_ + 1) * kSlotsOfChunk);
  for (uint32_t i = kSlotsOfChunk; i > 0; --i) {
    free_.push_back(first + i - 1);
  }
  chunks_[chunk_count_].store(new Chunk, std::memory_order_release);
  ++chunk_count_;
  return true;
}

Result<HandleTable::Handle> HandleTable::Add(HandleKind kind,
                                             std::unique_ptr<Object> object) {
  StayLoaded();
  uint32_t number = 0;
  {
    const std::lock_guard lock(mutex_);
    if (free_.empty() && !Grow()) {
      return Fail(Errc::kLimitExceeded);
    }
    number = free_.back();
    free_.pop_back();
  }
  Slot& slot = *Find(number);
  // Generation 0 is never given out, so that no handle is a null pointer.
  uint64_t generation =
      ((slot.state.load(std::memory_order_relaxed) >> 16) + 1) &
      kGenerationMask;
  generation = std::max<uint64_t>(generation, 1);
  slot.object = std::move(object);
  slot.state.store(IdleState(generation, kind), std::memory_order_release);
  return static_cast<Handle>(generation << kSlotBits | number);
}

Result<Object*> HandleTable::Enter(Handle handle, HandleKind kind) {
  Slot* const slot = Find(handle);
  if (slot == nullptr) {
    return Fail(Errc::kBadHandle);
  }
  const uint64_t idle = IdleState(GenerationOf(handle), kind);
  uint64_t state = idle;
  if (slot->state.compare_exchange_strong(state, idle | kInUse,
                                          std::memory_order_acquire)) {
    return slot->object.get();
  }
  const bool is_live = WithoutFlags(state) == idle && (state & kDoomed) == 0;
  return Fail(is_live ? Errc::kBusy : Errc::kBadHandle);
}

void HandleTable::Leave(Handle handle) {
  Slot& slot = *Find(handle);
  uint64_t state = slot.state.load(std::memory_order_relaxed);
  while ((state & kDoomed) == 0) {
    if (slot.state.compare_exchange_weak(state, state & ~kInUse,
                                         std::memory_order_release,
                                         std::memory_order_relaxed)) {
      return;
    }
  }
  Release(handle, slot);
}

Result<void> HandleTable::Remove(Handle handle, HandleKind kind) {
  Slot* const slot = Find(handle);
  if (slot == nullptr) {
    return Fail(Errc::kBadHandle);
  }
  const uint64_t idle = IdleState(GenerationOf(handle), kind);
  uint64_t state = idle;
  while (!slot->state.compare_exchange_weak(state, state | kInUse | kDoomed,
                                            std::memory_order_acq_rel)) {
    if (WithoutFlags(state) != idle || (state & kDoomed) != 0) {
      return Fail(Errc::kBadHandle);
    }
  }
  if ((state & kInUse) == 0) {
    Release(handle, *slot);
  }
  return {};
}

void HandleTable::Release(Handle handle, Slot& slot) {
  const std::unique_ptr<Object> object = std::move(slot.object);
  slot.state.store(IdleState(GenerationOf(handle), HandleKind::kNone),
                   std::memory_order_release);
  const std::lock_guard lock(mutex_);
  free_.push_back(
      static_cast<uint32_t>(handle & ((uint64_t{1} << kSlotBits) - 1)));
}

}  // namespace natkit::c
