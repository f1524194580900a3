#pragma once

#include <array>
#include <cstddef>

#include "natkit/base/time.h"
#include "verdict.h"

namespace natkit::natcheck::conformance {

/// How long packets take from side to side: what they took of late. Of those
/// that were sent again nobody knows which copy came; that half of them may be
/// wrong does no harm.
class CrossingMeter {
 public:
  /// A packet arrived at `at`, so long after it was first sent.
  void Add(Side at, Duration took);

  /// The slower direction's median.
  [[nodiscard]] Duration Typical() const;

  /// How long to wait for a packet after sending it: three times what is
  /// typical, and not less than a quarter of a second.
  [[nodiscard]] Duration Patience() const;

 private:
  static constexpr size_t kKept = 15;

  struct Direction {
    std::array<Duration, kKept> latest{};
    size_t count = 0;
  };

  [[nodiscard]] static Duration MedianOf(const Direction& direction);

  std::array<Direction, 2> directions_;  ///< by the side of arrival
};

}  // namespace natkit::natcheck::conformance
