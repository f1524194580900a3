#pragma once

#include <chrono>
#include <optional>

#include "natkit/base/time.h"

namespace natkit::meshnode {

/// Notices that the machine slept or that somebody set its clock: the wall
/// clock then moves against the one that only counts.
class ClockWatch {
 public:
  using WallClock = std::chrono::system_clock;

  /// What the wall clock jumped since the last call; nullopt if it went on as
  /// it should, give or take two seconds, and at the first call.
  std::optional<Duration> Check(Instant now, WallClock::time_point wall);

 private:
  std::optional<Duration> offset_;
};

}  // namespace natkit::meshnode
