#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"

namespace natkit::netsim {

/// One IP packet under way.
struct Packet {
  uint8_t* data = nullptr;
  uint32_t capacity = 0;
  uint32_t size = 0;

  [[nodiscard]] MutableBytes bytes() const { return {data, size}; }
};

/// A packet and the room for its bytes behind it: what describes the packet is
/// in one line of the cache with its headers.
template <uint32_t kCapacity>
struct alignas(64) PacketBuffer {
  Packet packet;
  std::array<uint8_t, kCapacity> bytes{};
};

/// Has the bytes fetched that will soon be read; nullptr is no packet.
inline void Prefetch(const Packet* packet) {
  constexpr size_t kLine = 64;
  constexpr size_t kFarthest = 1536;
  const size_t end =
      packet == nullptr ? 0 : std::min<size_t>(packet->size, kFarthest);
  for (size_t at = kLine; at < end; at += kLine) {
    __builtin_prefetch(packet->data + at);
  }
}

/// Buffers that are used again, the last returned first: it is still in the
/// cache. A buffer stays where it is for as long as the pool lives.
class PacketPool {
 public:
  /// A packet of `size` bytes, at most 65,575 (an IPv6 header and 65,535), with
  /// arbitrary content.
  [[nodiscard]] Packet* Take(size_t size) {
    std::vector<Packet*>& free = size <= kSmall ? free_small_ : free_large_;
    if (free.empty()) {
      Grow(size);
    }
    Packet* packet = free.back();
    free.pop_back();
    packet->size = static_cast<uint32_t>(size);
    return packet;
  }

  void Return(Packet* packet) {
    (packet->capacity == kSmall ? free_small_ : free_large_).push_back(packet);
  }

  /// How many packets there are, in use or not.
  [[nodiscard]] size_t size() const { return small_.size() + large_.size(); }

 private:
  /// With what stands before and behind it not a multiple of a large power of
  /// two: the headers of all packets would compete for the same lines of the
  /// cache.
  static constexpr uint32_t kSmall = 1600;
  static constexpr uint32_t kLarge = 65664;

  template <uint32_t kCapacity>
  using Buffers = std::vector<std::unique_ptr<PacketBuffer<kCapacity>>>;

  void Grow(size_t size) {
    if (size <= kSmall) {
      Grow(small_, free_small_);
    } else {
      Grow(large_, free_large_);
    }
  }

  template <uint32_t kCapacity>
  static void Grow(Buffers<kCapacity>& buffers, std::vector<Packet*>& free) {
    auto buffer = std::make_unique<PacketBuffer<kCapacity>>();
    buffer->packet = {.data = buffer->bytes.data(), .capacity = kCapacity};
    buffers.push_back(std::move(buffer));
    free.push_back(&buffers.back()->packet);
    free.reserve(buffers.capacity());  // returning never allocates
  }

  Buffers<kSmall> small_;
  Buffers<kLarge> large_;
  std::vector<Packet*> free_small_;
  std::vector<Packet*> free_large_;
};

}  // namespace natkit::netsim
