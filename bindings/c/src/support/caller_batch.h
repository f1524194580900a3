#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "natkit/base/bytes.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/common.h"

namespace natkit::c {

/// The longest packet that a caller may give.
inline constexpr size_t kMaxGivenPacket = 65535;

/// The room that is left in a natkit_batch of the caller's, while a call fills
/// it. The caller's structure changes with each packet.
class CallerBatch {
 public:
  /// NULL: no room. Errors: kStructSize, kUnsupported, kBadArgument for a batch
  /// that contradicts itself.
  [[nodiscard]] static Result<CallerBatch> Read(natkit_batch* batch);

  [[nodiscard]] MutableBytes memory() const { return memory_; }

  [[nodiscard]] size_t packet_room() const { return packets_.size(); }

  /// True if what a call writes to has some of `bytes`: the room for bytes or
  /// for descriptions, or the caller's structure.
  [[nodiscard]] bool HasSomeOf(ByteView bytes) const;

  /// True if no byte that a call writes to is between `first` and `last`.
  [[nodiscard]] bool IsApartFrom(uintptr_t first, uintptr_t last) const;

  /// True if both have memory in common.
  [[nodiscard]] bool Overlaps(const CallerBatch& other) const;

  /// Appends a copy. False: it does not fit.
  [[nodiscard]] bool Append(ByteView bytes, const PacketBatch::Meta& meta);
  /// Appends what was written to the first `size` bytes of memory(); there is
  /// room for a packet.
  void AppendWritten(size_t size, const PacketBatch::Meta& meta);

  /// Has `batch`, which is empty, fill the room.
  void LendTo(PacketBatch& batch) const {
    batch.Lend(memory_, packets_.size());
  }

  /// Describes to the caller what `batch` has put into the room.
  void Take(const PacketBatch& batch);

 private:
  CallerBatch() = default;

  /// Takes what was filled off the room.
  void Advance(size_t packets, size_t bytes);

  natkit_batch* batch_ = nullptr;
  MutableBytes memory_;
  std::span<natkit_packet> packets_;
};

/// Whether a caller's packets need to have good addresses.
enum class Addresses : uint8_t { kIgnored, kChecked };

/// Packets that a caller gives. Errors: kBadArgument for a NULL, a packet that
/// is too long or of an unknown address family, or one that lies in `room`,
/// where it would be overwritten.
class CallerPackets {
 public:
  [[nodiscard]] static Result<CallerPackets> Read(const natkit_packet* packets,
                                                  size_t count,
                                                  Addresses addresses);
  [[nodiscard]] Result<void> CheckApartFrom(const CallerBatch& room) const;

  [[nodiscard]] std::span<const natkit_packet> all() const { return packets_; }

  /// Bytes of all of them.
  [[nodiscard]] size_t total_size() const { return total_size_; }

 private:
  CallerPackets() = default;

  /// Fills in what is known of packets_. False: one is bad.
  template <Addresses kAddresses>
  [[nodiscard]] bool Measure();

  std::span<const natkit_packet> packets_;
  size_t total_size_ = 0;
  /// All packets are between.
  uintptr_t first_ = UINTPTR_MAX;
  uintptr_t last_ = 0;
};

}  // namespace natkit::c
