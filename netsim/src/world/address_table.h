#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::netsim {

/// Who has which address on a network: a hash table with open addressing, at
/// most half full. A lookup touches one or two lines of the cache.
class AddressTable {
 public:
  /// Replaces what was there.
  void Set(const IpAddress& address, uint32_t port) {
    if (Slot* slot = FindSlot(address); slot != nullptr) {
      slot->port = port;
      return;
    }
    if ((used_ + 1) * 2 > slots_.size()) {
      Rebuild(slots_.size() * 2);
    }
    Insert(address, port);
  }

  void Erase(const IpAddress& address) {
    if (Slot* slot = FindSlot(address); slot != nullptr) {
      slot->is_used = false;
      Rebuild(slots_.size());  // closes the gap in its chain; rare
    }
  }

  [[nodiscard]] std::optional<uint32_t> Find(const IpAddress& address) const {
    const Slot* slot = FindSlot(address);
    return slot == nullptr ? std::nullopt : std::optional(slot->port);
  }

 private:
  struct Slot {
    IpAddress address;
    uint32_t port = 0;
    bool is_used = false;
  };

  static size_t Hash(const IpAddress& address) {
    uint64_t words[2] = {};
    std::memcpy(words, address.bytes().data(), address.bytes().size());
    uint64_t mixed =
        (words[0] ^ (words[1] * 0x9E3779B97F4A7C15)) + 0xD1B54A32D192ED03;
    mixed = (mixed ^ (mixed >> 32)) * 0xBF58476D1CE4E5B9;
    return static_cast<size_t>(mixed ^ (mixed >> 29));
  }

  [[nodiscard]] const Slot* FindSlot(const IpAddress& address) const {
    const size_t mask = slots_.size() - 1;
    for (size_t at = Hash(address) & mask; slots_[at].is_used;
         at = (at + 1) & mask) {
      if (slots_[at].address == address) {
        return &slots_[at];
      }
    }
    return nullptr;
  }

  [[nodiscard]] Slot* FindSlot(const IpAddress& address) {
    return const_cast<Slot*>(std::as_const(*this).FindSlot(address));
  }

  void Insert(const IpAddress& address, uint32_t port) {
    const size_t mask = slots_.size() - 1;
    size_t at = Hash(address) & mask;
    while (slots_[at].is_used) {
      at = (at + 1) & mask;
    }
    slots_[at] = {.address = address, .port = port, .is_used = true};
    ++used_;
  }

  void Rebuild(size_t size) {
    std::vector<Slot> old(size);
    old.swap(slots_);
    used_ = 0;
    for (const Slot& slot : old) {
      if (slot.is_used) {
        Insert(slot.address, slot.port);
      }
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(16);
  size_t used_ = 0;
};

}  // namespace natkit::netsim
