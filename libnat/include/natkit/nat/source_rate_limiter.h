#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/source_hash.h"

namespace natkit::nat {

/// How much one source may ask.
struct RateLimit {
  uint32_t per_second = 10;    ///< sustained requests
  uint32_t burst = 60;         ///< requests at once after a pause
  size_t bucket_count = 4096;  ///< size of the table; 8 bytes each
  bool operator==(const RateLimit&) const = default;
};

/// Token buckets for an unbounded number of sources in a table of fixed size.
///
/// A source is an IPv4 address or an IPv6 /64; ports do not count. Sources
/// that hash to the same bucket share it, so a flood of forged sources costs
/// strangers their answers but never memory. The hash is keyed: nobody can aim
/// at the bucket of another source. Does not allocate after construction.
class SourceRateLimiter {
 public:
  /// Limits of zero are a bug of the caller and abort.
  SourceRateLimiter(const RateLimit& limit, Rng& rng);

  /// Takes one token; false when there is none.
  [[nodiscard]] bool Allow(Instant now, const IpAddress& source) {
    return Allow(now, hash_(source));
  }

  /// The same for a caller that keeps a SourceHash of its own; one limiter is
  /// to be asked in one of the two ways only.
  [[nodiscard]] bool Allow(Instant now, SourceKey source);

 private:
  SourceHash hash_;
  Duration interval_;             // in which one token comes back
  Duration tolerance_;            // how far a bucket may run ahead of the clock
  std::vector<Instant> full_at_;  // per bucket: when all of its tokens are back
};

}  // namespace natkit::nat
