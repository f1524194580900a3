#include "engine/port_blocks.h"

#include "engine/slab.h"

namespace natkit::netsim::engine {

uint32_t SubscriberNumber(const IpAddress& address) {
  const ByteView bytes = address.bytes();
  uint32_t number = 0;
  for (const uint8_t byte : bytes.last(4)) {
    number = number << 8 | byte;
  }
  return number;
}

PortBlocks::PortBlocks(const NatConfig& config)
    : range_(config.port_range),
      block_size_(config.block_size),
      per_address_(
          static_cast<uint32_t>(config.port_range.size() / config.block_size)),
      blocks_(config.external.size() * per_address_, Block{kNone, 0}),
      free_per_address_(config.external.size(), per_address_) {}

uint32_t PortBlocks::DeterministicBlock(const IpAddress& inside) const {
  return SubscriberNumber(inside) % static_cast<uint32_t>(blocks_.size());
}

std::optional<uint32_t> PortBlocks::Acquire(SimRng& rng, uint32_t pool_index,
                                            uint32_t host) {
  if (free_per_address_[pool_index] == 0) {
    return std::nullopt;
  }
  // A random rank among the free blocks keeps the choice uniform.
  uint32_t rank = rng.NextBelow(free_per_address_[pool_index]);
  for (uint32_t i = 0;; ++i) {
    const uint32_t block = pool_index * per_address_ + i;
    if (blocks_[block].owner == kNone && rank-- == 0) {
      blocks_[block].owner = host;
      --free_per_address_[pool_index];
      return block;
    }
  }
}

bool PortBlocks::RemoveUse(uint32_t block) {
  if (--blocks_[block].uses != 0) {
    return false;
  }
  Abandon(block);
  return true;
}

void PortBlocks::Abandon(uint32_t block) {
  blocks_[block].owner = kNone;
  ++free_per_address_[PoolIndexOf(block)];
}

PortWindow PortBlocks::WindowOf(uint32_t block) const {
  const uint32_t first = range_.first + block % per_address_ * block_size_;
  return {.first = first, .last = first + block_size_ - 1};
}

std::optional<uint32_t> PortBlocks::BlockOf(uint32_t pool_index,
                                            uint16_t port) const {
  if (port < range_.first) {
    return std::nullopt;
  }
  const uint32_t within = (port - range_.first) / block_size_;
  return within < per_address_
             ? std::optional(pool_index * per_address_ + within)
             : std::nullopt;
}

}  // namespace natkit::netsim::engine
