#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/port_set.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/sim_rng.h"

namespace natkit::netsim::engine {

/// The last 32 bits of an address as a number, so that neighbours differ by 1:
/// what subscribers are numbered by where a pure function is wanted.
[[nodiscard]] uint32_t SubscriberNumber(const IpAddress& address);

/// Port blocks of all external addresses (RFC 6888 section 4, RFC 7422).
/// Block b covers ports first + b * block_size and on of its address; ports
/// that do not fill a block are not used. Blocks are numbered address by
/// address.
class PortBlocks {
 public:
  explicit PortBlocks(const NatConfig& config);

  /// The block that RFC 7422 gives this inside address, a pure function of
  /// it: subscriber number modulo the number of blocks. With more subscribers
  /// than blocks some share.
  [[nodiscard]] uint32_t DeterministicBlock(const IpAddress& inside) const;

  /// Gives an unowned block of one external address, at random.
  [[nodiscard]] std::optional<uint32_t> Acquire(SimRng& rng,
                                                uint32_t pool_index,
                                                uint32_t host);

  /// One more port of the block is in use.
  void AddUse(uint32_t block) { ++blocks_[block].uses; }

  /// One less. With the last the block has no owner again: then true.
  [[nodiscard]] bool RemoveUse(uint32_t block);
  /// Gives up a block that no port of was used.
  void Abandon(uint32_t block);

  [[nodiscard]] PortWindow WindowOf(uint32_t block) const;

  [[nodiscard]] uint32_t PoolIndexOf(uint32_t block) const {
    return block / per_address_;
  }

  /// The block of a port; nullopt if it is in none.
  [[nodiscard]] std::optional<uint32_t> BlockOf(uint32_t pool_index,
                                                uint16_t port) const;

 private:
  struct Block {
    uint32_t owner;
    uint32_t uses;
  };

  PortRange range_;
  uint32_t block_size_;
  uint32_t per_address_;
  std::vector<Block> blocks_;
  std::vector<uint32_t> free_per_address_;
};

}  // namespace natkit::netsim::engine
