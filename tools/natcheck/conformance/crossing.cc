#include "crossing.h"

#include <algorithm>
#include <chrono>

namespace natkit::natcheck::conformance {

void CrossingMeter::Add(Side at, Duration took) {
  Direction& direction = directions_[static_cast<size_t>(at)];
  direction.latest[direction.count % kKept] = took;
  ++direction.count;
}

Duration CrossingMeter::MedianOf(const Direction& direction) {
  auto sorted = direction.latest;
  const size_t count = std::min(direction.count, kKept);
  const auto end = sorted.begin() + static_cast<ptrdiff_t>(count);
  std::sort(sorted.begin(), end);
  return count == 0 ? Duration::zero() : sorted[count / 2];
}

Duration CrossingMeter::Typical() const {
  return std::max(MedianOf(directions_[0]), MedianOf(directions_[1]));
}

Duration CrossingMeter::Patience() const {
  return std::max<Duration>(std::chrono::milliseconds(250), 3 * Typical());
}

}  // namespace natkit::natcheck::conformance
