#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "natkit/base/time.h"

namespace natkit::ice {

/// Smoothed round-trip time and its mean deviation, as in RFC 6298 section 2
/// but with the first samples averaged evenly, and with a weight of 1/16 for
/// the deviation: it says how far to trust the mean, and must not dip by
/// chance.
class RttEstimate {
 public:
  /// With fewer samples it says nothing about which path is better.
  static constexpr uint32_t kEnough = 3;

  void Add(Duration sample) {
    samples_ = std::min<uint32_t>(samples_ + 1, 1'000'000);
    if (samples_ == 1) {
      mean_ = sample;
      variation_ = sample / 2;
      return;
    }
    variation_ += (std::chrono::abs(sample - mean_) - variation_) /
                  std::min<uint32_t>(samples_, 16);
    mean_ += (sample - mean_) / std::min<uint32_t>(samples_, 8);
  }

  /// Zero until the first sample.
  [[nodiscard]] Duration mean() const { return mean_; }

  [[nodiscard]] Duration variation() const { return variation_; }

  [[nodiscard]] uint32_t samples() const { return samples_; }

  [[nodiscard]] bool is_known() const { return samples_ >= kEnough; }

 private:
  Duration mean_{};
  Duration variation_{};
  uint32_t samples_ = 0;
};

}  // namespace natkit::ice
