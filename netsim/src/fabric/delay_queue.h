#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/time.h"

namespace natkit::netsim {

/// Frames under way, ordered by arrival; equal times in the order of Push().
/// Bounded by `max_bytes` of frames. Buffers are used again, so that a steady
/// flow does not allocate.
class DelayQueue {
 public:
  /// What to do with a frame when its time has come; up to the owner.
  using Tag = uint64_t;

  struct Frame {
    Instant at;
    Tag tag = 0;
    std::vector<uint8_t> bytes;
  };

  explicit DelayQueue(size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Copies `frame`. False if it does not fit any more.
  [[nodiscard]] bool Push(Instant at, Tag tag, ByteView frame);
  /// The first frame if its time has come. Give its bytes to Recycle().
  [[nodiscard]] std::optional<Frame> Pop(Instant now);
  void Recycle(std::vector<uint8_t> bytes);

  [[nodiscard]] std::optional<Instant> next() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.front().at);
  }

  [[nodiscard]] size_t size() const { return heap_.size(); }

  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    Instant at;
    uint64_t sequence = 0;
    Tag tag = 0;
    std::vector<uint8_t> bytes;

    /// For a heap with the earliest in front.
    [[nodiscard]] bool operator<(const Entry& other) const {
      return at != other.at ? at > other.at : sequence > other.sequence;
    }
  };

  static constexpr size_t kSpareBuffers = 1024;

  size_t max_bytes_;
  size_t bytes_ = 0;
  uint64_t sequence_ = 0;
  std::vector<Entry> heap_;
  std::vector<std::vector<uint8_t>> spare_;
};

}  // namespace natkit::netsim
