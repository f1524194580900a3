#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::wg {

/// Tells from the rate of handshake messages whether the device is under load
/// (paper, section 5.3): more than `limit` in one second, until one second
/// after the last second in which that was so.
class LoadMeter {
 public:
  explicit LoadMeter(uint32_t limit) : limit_(limit) {}

  /// Counts one handshake message with a good mac1. True: under load.
  [[nodiscard]] bool CountAndCheck(Instant now);

 private:
  uint32_t limit_;
  uint32_t count_ = 0;
  Instant window_start_{};
  std::optional<Instant> loaded_until_;
};

/// Token buckets for handshake messages of proven source addresses: 20 a second
/// with bursts of 5 for each IPv4 address or IPv6 /64.
///
/// Holds at most kMaxEntries; when all are in use, new addresses are refused.
class RateLimiter {
 public:
  static constexpr size_t kMaxEntries = 8192;

  /// Takes a token of `source`. False: over the limit.
  [[nodiscard]] bool Allow(Instant now, const IpAddress& source);

  [[nodiscard]] size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    Duration tokens;  // in units of time: one message costs 50 ms
    Instant updated;
  };

  void DropIdle(Instant now);

  std::map<IpAddress, Bucket> buckets_;
  Instant next_sweep_{};
};

}  // namespace natkit::wg
