#include "natkit/nat/source_rate_limiter.h"

#include <algorithm>

#include "natkit/base/check.h"

namespace natkit::nat {

SourceRateLimiter::SourceRateLimiter(const RateLimit& limit, Rng& rng)
    : hash_(rng) {
  NATKIT_CHECK(limit.per_second > 0 && limit.burst > 0 &&
               limit.bucket_count > 0);
  interval_ = Duration(std::chrono::seconds(1)) / limit.per_second;
  tolerance_ = interval_ * (limit.burst - 1);
  full_at_.assign(limit.bucket_count, Instant::min());
}

bool SourceRateLimiter::Allow(Instant now, SourceKey source) {
  // The generic cell rate algorithm: one time per bucket is a token bucket.
  Instant& full_at = full_at_[BucketOf(source, full_at_.size())];
  const Instant start = std::max(full_at, now);
  if (start - now > tolerance_) {
    return false;
  }
  full_at = start + interval_;
  return true;
}

}  // namespace natkit::nat
