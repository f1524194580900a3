#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/hash_index.h"
#include "engine/intrusive_list.h"
#include "engine/mapping_table.h"
#include "engine/slab.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::netsim::engine {

/// What is counted per inside host (a subscriber, in RFC 6888's word).
struct Host {
  IpAddress address;
  size_t mapping_count = 0;
  /// When the next mapping would be due at the allowed rate; up to a second
  /// ahead of time is lent (GCRA, the virtual scheduling algorithm).
  Instant next_due;
  std::vector<uint32_t> blocks;
  /// Its mappings, the longest idle first if that order is kept.
  IntrusiveList<Mapping, &Mapping::host_links> mappings;
  ListLinks idle_links;  ///< among hosts without mappings
  bool is_idle = false;
};

/// Inside hosts that have mappings, and a bounded number that lately had some:
/// a host must not lose its rate limit by losing its last mapping.
class HostTable {
 public:
  explicit HostTable(uint64_t hash_seed) : seed_(hash_seed) {}

  /// Finds or makes the host. One without mappings must be given to
  /// ReleaseIfIdle() before the next call.
  [[nodiscard]] uint32_t Acquire(const IpAddress& address);
  void ReleaseIfIdle(Instant now, uint32_t index);

  /// Whether the host's allowance of mappings `per_second` has one left.
  [[nodiscard]] bool HasAllowance(Instant now, uint32_t index,
                                  uint32_t per_second) const;
  /// Draws one from it; HasAllowance() was true.
  void TakeAllowance(Instant now, uint32_t index, uint32_t per_second);

  [[nodiscard]] Host& operator[](uint32_t index) { return slab_[index]; }

  [[nodiscard]] size_t size() const { return slab_.size(); }

 private:
  static constexpr size_t kMaxIdle = 1024;

  [[nodiscard]] uint64_t HashOf(const IpAddress& address) const {
    const Endpoint endpoint{address, 0};
    return HashFlow(seed_, {0, endpoint, Endpoint{}});
  }

  void Forget(uint32_t index);

  uint64_t seed_;
  Slab<Host> slab_;
  HashIndex by_address_;
  IntrusiveList<Host, &Host::idle_links> idle_;
  size_t idle_count_ = 0;
};

}  // namespace natkit::netsim::engine
