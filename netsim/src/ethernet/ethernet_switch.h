#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "ethernet/mac_address.h"

namespace natkit::netsim {

/// What a learning bridge knows: behind which port an address was last seen.
/// At most kMaxAddresses; one more and everything is learned anew. A hash table
/// with open addressing, at most half full: every frame looks here twice.
class EthernetSwitch {
 public:
  static constexpr size_t kMaxAddresses = 4096;

  void Learn(const MacAddress& mac, size_t port) {
    if (mac.is_group()) {
      return;
    }
    const uint64_t key = KeyOf(mac);
    Slot* slot = &slots_[PlaceOf(key)];
    if (slot->key == 0) {
      slot = &MakeRoom(key);
      slot->key = key;
      ++size_;
    }
    slot->port = port;
  }

  /// nullopt: send it to every port but the one it came from.
  [[nodiscard]] std::optional<size_t> PortOf(const MacAddress& mac) const {
    const Slot& slot = slots_[PlaceOf(KeyOf(mac))];
    return slot.key == 0 ? std::nullopt : std::optional(slot.port);
  }

  [[nodiscard]] size_t size() const { return size_; }

 private:
  struct Slot {
    uint64_t key = 0;  ///< 0: empty
    size_t port = 0;
  };

  static constexpr size_t kSmallest = 16;

  /// Not zero.
  static uint64_t KeyOf(const MacAddress& mac) { return mac.AsNumber() + 1; }

  /// Where the key is, or the empty slot where it belongs.
  [[nodiscard]] size_t PlaceOf(uint64_t key) const {
    const size_t mask = slots_.size() - 1;
    size_t at = (key * 0x9E3779B97F4A7C15 >> 32) & mask;
    while (slots_[at].key != 0 && slots_[at].key != key) {
      at = (at + 1) & mask;
    }
    return at;
  }

  /// An empty slot for a key that is not there.
  Slot& MakeRoom(uint64_t key) {
    if (size_ >= kMaxAddresses) {
      slots_.assign(slots_.size(), {});
      size_ = 0;
    } else if ((size_ + 1) * 2 > slots_.size()) {
      Grow();
    }
    return slots_[PlaceOf(key)];
  }

  void Grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.key != 0) {
        slots_[PlaceOf(slot.key)] = slot;
      }
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(kSmallest);
  size_t size_ = 0;
};

}  // namespace natkit::netsim
