#pragma once

#include <chrono>

namespace natkit {

/// The cores' clock. It has no now() on purpose: a core is told the time.
struct CoreClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<CoreClock, duration>;
  static constexpr bool is_steady = true;
};

/// A length of time, in nanoseconds.
using Duration = CoreClock::duration;

/// A point on a monotonic clock with an arbitrary epoch.
using Instant = CoreClock::time_point;

}  // namespace natkit
