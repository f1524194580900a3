#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "natkit/base/time.h"

namespace natkit::nat {

/// Spaces packets evenly, so that no window of one second has more than the
/// rate, and stops at a total.
class PunchPacer {
 public:
  PunchPacer(uint32_t per_second, uint32_t total)
      : interval_(IntervalOf(per_second)), left_(total) {}

  [[nodiscard]] bool MaySend(Instant now) const {
    return left_ > 0 && now >= next_;
  }

  [[nodiscard]] bool is_exhausted() const { return left_ == 0; }

  /// When MaySend() may be true again.
  [[nodiscard]] Instant next() const { return next_; }

  void Spend(Instant now, Duration at_least = Duration::zero()) {
    --left_;
    next_ = now + std::max(interval_, at_least);
  }

  /// A lower rate than so far; a higher one has no effect.
  void Narrow(uint32_t per_second) {
    interval_ = std::max(interval_, IntervalOf(per_second));
  }

  [[nodiscard]] static Duration IntervalOf(uint32_t per_second) {
    const Duration second = std::chrono::seconds(1);
    return per_second == 0 ? std::chrono::hours(1)
                           : (second + Duration(per_second - 1)) / per_second;
  }

 private:
  Duration interval_;
  uint32_t left_;
  Instant next_{Instant::min()};
};

}  // namespace natkit::nat
