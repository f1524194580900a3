#include "natkit/nat/response_port_guard.h"

#include "natkit/base/check.h"

namespace natkit::nat {

ResponsePortGuard::ResponsePortGuard(const ResponsePortLimits& limits)
    : limits_(limits),
      bound_(limits.bucket_count),
      next_allowed_(limits.bucket_count, Instant::min()) {
  NATKIT_CHECK(limits.bucket_count > 0);
}

void ResponsePortGuard::NotePlain(Instant now, SourceKey source) {
  bound_[BucketOf(source, bound_.size())] = {.source = source,
                                             .until = now + limits_.bound_for};
}

bool ResponsePortGuard::Allow(Instant now, SourceKey source) {
  const size_t bucket = BucketOf(source, bound_.size());
  const Bound& bound = bound_[bucket];
  if (bound.source != source || now >= bound.until ||
      now < next_allowed_[bucket]) {
    return false;
  }
  next_allowed_[bucket] = now + limits_.interval;
  return true;
}

}  // namespace natkit::nat
