#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "natkit/base/bytes.h"

namespace natkit::netsim {

/// One IP packet under way.
struct Packet {
  std::unique_ptr<uint8_t[]> storage;
  size_t capacity = 0;
  size_t size = 0;

  [[nodiscard]] MutableBytes bytes() const { return {storage.get(), size}; }
};

/// Buffers that are used again, the last returned first: it is still in the
/// cache. A buffer stays where it is for as long as the pool lives.
class PacketPool {
 public:
  /// A packet of `size` bytes, at most 65,575 (an IPv6 header and 65,535), with
  /// arbitrary content.
  [[nodiscard]] Packet* Take(size_t size) {
    const size_t kind = size <= kCapacities[0] ? 0 : 1;
    if (free_[kind].empty()) {
      Grow(kind);
    }
    Packet* packet = free_[kind].back();
    free_[kind].pop_back();
    packet->size = size;
    return packet;
  }

  void Return(Packet* packet) {
    free_[packet->capacity == kCapacities[0] ? 0 : 1].push_back(packet);
  }

  /// How many packets there are, in use or not.
  [[nodiscard]] size_t size() const { return packets_.size(); }

 private:
  /// Not multiples of a large power of two: the headers of all packets would
  /// compete for the same lines of the cache.
  static constexpr std::array<size_t, 2> kCapacities = {1600, 65664};

  void Grow(size_t kind) {
    Packet& packet = packets_.emplace_back();
    packet.capacity = kCapacities[kind];
    packet.storage = std::make_unique<uint8_t[]>(packet.capacity);
    // Returning never allocates.
    free_[kind].reserve(packets_.size());
    free_[kind].push_back(&packet);
  }

  std::deque<Packet> packets_;
  std::array<std::vector<Packet*>, 2> free_;
};

}  // namespace natkit::netsim
