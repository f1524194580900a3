#include "natkit/nat/response_port_guard.h"

#include <algorithm>

#include "natkit/base/check.h"

namespace natkit::nat {

ResponsePortGuard::ResponsePortGuard(const ResponsePortLimits& limits)
    : limits_(limits),
      bound_(limits.bucket_count),
      full_at_(limits.bucket_count, Instant::min()) {
  NATKIT_CHECK(limits.bucket_count > 0 && limits.burst > 0);
}

void ResponsePortGuard::NotePlain(Instant now, SourceKey source) {
  bound_[BucketOf(source, bound_.size())] = {.source = source,
                                             .until = now + limits_.bound_for};
}

bool ResponsePortGuard::Allow(Instant now, SourceKey source) {
  const size_t bucket = BucketOf(source, bound_.size());
  const Bound& bound = bound_[bucket];
  // The generic cell rate algorithm, as SourceRateLimiter has it.
  const Instant start = std::max(full_at_[bucket], now);
  if (bound.source != source || now >= bound.until ||
      start - now > limits_.interval * (limits_.burst - 1)) {
    return false;
  }
  full_at_[bucket] = start + limits_.interval;
  return true;
}

}  // namespace natkit::nat
