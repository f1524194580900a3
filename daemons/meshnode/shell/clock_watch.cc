#include "shell/clock_watch.h"

#include <utility>

namespace natkit::meshnode {

namespace {

/// NTP pulls a clock by far less between two calls.
constexpr Duration kTolerance = std::chrono::seconds(2);

}  // namespace

std::optional<Duration> ClockWatch::Check(Instant now,
                                          WallClock::time_point wall) {
  const auto offset =
      std::chrono::duration_cast<Duration>(wall.time_since_epoch()) -
      now.time_since_epoch();
  const auto before = std::exchange(offset_, offset);
  if (!before) {
    return std::nullopt;
  }
  const Duration jump = offset - *before;
  if (jump < kTolerance && -jump < kTolerance) {
    return std::nullopt;
  }
  return jump;
}

}  // namespace natkit::meshnode
