#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/time.h"

namespace natkit::derp {

/// One frame that waits to be written, header included. Packets link to each
/// other, so that a queue needs no memory of its own.
struct QueuedPacket {
  std::unique_ptr<QueuedPacket> next;
  std::unique_ptr<uint8_t[]> storage;
  size_t capacity = 0;
  size_t size = 0;
  Instant enqueued_at{};

  [[nodiscard]] MutableBytes bytes() const { return {storage.get(), size}; }
};

/// Memory of queued packets: those of ordinary size are reused, larger ones
/// come and go. In steady state it does not allocate.
class PacketPool {
 public:
  /// `max_bytes` bounds what is handed out at any time.
  explicit PacketPool(size_t max_bytes) : max_bytes_(max_bytes) {}

  /// A packet of `size` stale bytes; none if the bound is reached.
  [[nodiscard]] std::unique_ptr<QueuedPacket> Take(size_t size);
  void Give(std::unique_ptr<QueuedPacket> packet);

  /// Bytes of memory in packets that were taken and not given back.
  [[nodiscard]] size_t bytes_in_use() const { return bytes_in_use_; }

 private:
  size_t max_bytes_;
  size_t bytes_in_use_ = 0;
  std::vector<std::unique_ptr<QueuedPacket>> free_;
};

/// First in, first out, through the packets' own links.
class PacketFifo {
 public:
  PacketFifo() = default;
  ~PacketFifo();
  PacketFifo(const PacketFifo&) = delete;
  PacketFifo& operator=(const PacketFifo&) = delete;

  void Push(std::unique_ptr<QueuedPacket> packet);
  /// Null if empty.
  [[nodiscard]] std::unique_ptr<QueuedPacket> Pop();

  [[nodiscard]] size_t size() const { return size_; }

  [[nodiscard]] bool is_empty() const { return size_ == 0; }

 private:
  std::unique_ptr<QueuedPacket> head_;
  QueuedPacket* tail_ = nullptr;
  size_t size_ = 0;
};

}  // namespace natkit::derp
