#pragma once

#include <algorithm>
#include <chrono>

#include "natkit/base/time.h"

namespace natkit::derp {

/// Tokens that refill at a constant rate up to a bound; full at first.
class TokenBucket {
 public:
  TokenBucket(double per_second, double burst)
      : per_second_(per_second), burst_(burst), tokens_(burst) {}

  /// Takes `count` tokens if there are as many.
  [[nodiscard]] bool Take(Instant now, double count) {
    if (now > refilled_at_) {
      const std::chrono::duration<double> elapsed = now - refilled_at_;
      tokens_ = std::min(burst_, tokens_ + elapsed.count() * per_second_);
      refilled_at_ = now;
    }
    if (tokens_ < count) {
      return false;
    }
    tokens_ -= count;
    return true;
  }

 private:
  double per_second_;
  double burst_;
  double tokens_;
  Instant refilled_at_{};
};

}  // namespace natkit::derp
