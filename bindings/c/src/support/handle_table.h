#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "natkit/base/result.h"
#include "natkit/base/time.h"

namespace natkit::c {

/// What a handle stands for. Numbers only have to differ.
enum class HandleKind : uint8_t {
  kNone = 0,
  kStunClient,
  kStunTransaction,
  kStunServer,
  kBehavior,
  kIceAgent,
  kIceMux,
  kWgDevice,
  kWgTunnel,
  kDerpClient,
  kTlsContext,
  kTlsChannel,
  kHub,
  kAgent,
  kNatCheck,
  kForTests,
};

/// What handles lead to.
class Object {
 public:
  Object() = default;
  virtual ~Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  /// The time that the caller gave; never before an earlier one. Errors:
  /// kBadArgument for 2^62 and above.
  [[nodiscard]] Result<Instant> TakeTime(uint64_t now_ns);

  /// The time of the last call that gave one.
  [[nodiscard]] Instant last_time() const { return last_time_; }

 private:
  Instant last_time_{};
};

/// Gives objects numbers that a C program holds as opaque pointers, and finds
/// them again. One that was freed, or never given out, is recognised, so no
/// mistake with handles reaches memory.
///
/// Thread-safe. Enter() and Leave() take no lock. Handles are 32 bits of slot
/// and 32 bits of generation where pointers have 64 bits, else 16 and 16: so
/// many uses of a slot later a stale handle is taken for the new one.
class HandleTable {
 public:
  using Handle = uintptr_t;

  static HandleTable& Instance();

  /// Errors: kLimitExceeded.
  [[nodiscard]] Result<Handle> Add(HandleKind kind,
                                   std::unique_ptr<Object> object);
  /// The object, for this call alone until Leave(). Errors: kBadHandle, kBusy.
  [[nodiscard]] Result<Object*> Enter(Handle handle, HandleKind kind);
  void Leave(Handle handle);
  /// Destroys the object; if a call is at work on it, at the end of that call.
  /// Errors: kBadHandle.
  [[nodiscard]] Result<void> Remove(Handle handle, HandleKind kind);

 private:
  static constexpr size_t kSlotsOfChunk = 256;
  static constexpr size_t kChunks = sizeof(Handle) == 8 ? 4096 : 256;
  static constexpr int kSlotBits = sizeof(Handle) == 8 ? 32 : 16;
  static constexpr uint64_t kGenerationMask =
      (uint64_t{1} << (sizeof(Handle) * 8 - kSlotBits)) - 1;

  struct Slot {
    /// Generation, kind and flags: see handle_table.cc.
    std::atomic<uint64_t> state{0};
    std::unique_ptr<Object> object;
  };

  using Chunk = std::array<Slot, kSlotsOfChunk>;

  HandleTable() = default;

  [[nodiscard]] Slot* Find(Handle handle) const;
  [[nodiscard]] static uint64_t GenerationOf(Handle handle);
  /// Makes room; `mutex_` is held.
  [[nodiscard]] bool Grow();
  void Release(Handle handle, Slot& slot);

  std::mutex mutex_;  ///< of `free_` and growth; never held in a callback
  std::vector<uint32_t> free_;
  uint32_t chunk_count_ = 0;
  std::array<std::atomic<Chunk*>, kChunks> chunks_{};
};

}  // namespace natkit::c
