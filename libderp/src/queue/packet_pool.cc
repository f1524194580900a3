#include "queue/packet_pool.h"

#include <algorithm>
#include <utility>

namespace natkit::derp {
namespace {

// Holds a frame with a packet of Ethernet size; kept for reuse.
constexpr size_t kOrdinaryCapacity = 2048;
// 16 MiB of ordinary packets; beyond, memory goes back to the system.
constexpr size_t kMaxFree = 8192;

}  // namespace

std::unique_ptr<QueuedPacket> PacketPool::Take(size_t size) {
  const size_t capacity = std::max(size, kOrdinaryCapacity);
  if (capacity > max_bytes_ - bytes_in_use_) {
    return nullptr;
  }
  std::unique_ptr<QueuedPacket> packet;
  if (capacity == kOrdinaryCapacity && !free_.empty()) {
    packet = std::move(free_.back());
    free_.pop_back();
  } else {
    packet = std::make_unique<QueuedPacket>();
    packet->storage = std::make_unique_for_overwrite<uint8_t[]>(capacity);
    packet->capacity = capacity;
  }
  packet->size = size;
  bytes_in_use_ += capacity;
  return packet;
}

void PacketPool::Give(std::unique_ptr<QueuedPacket> packet) {
  if (packet == nullptr) {
    return;
  }
  bytes_in_use_ -= packet->capacity;
  if (packet->capacity == kOrdinaryCapacity && free_.size() < kMaxFree) {
    free_.push_back(std::move(packet));
  }
}

PacketFifo::~PacketFifo() {
  while (Pop() != nullptr) {
    // One at a time: a chain of owners would recurse.
  }
}

void PacketFifo::Push(std::unique_ptr<QueuedPacket> packet) {
  QueuedPacket* const added = packet.get();
  (tail_ == nullptr ? head_ : tail_->next) = std::move(packet);
  tail_ = added;
  ++size_;
}

std::unique_ptr<QueuedPacket> PacketFifo::Pop() {
  std::unique_ptr<QueuedPacket> packet = std::move(head_);
  if (packet != nullptr) {
    head_ = std::move(packet->next);
    --size_;
    if (head_ == nullptr) {
      tail_ = nullptr;
    }
  }
  return packet;
}

}  // namespace natkit::derp
