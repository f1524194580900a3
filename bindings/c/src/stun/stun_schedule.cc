#include "stun/stun_schedule.h"

#include <chrono>

#include "support/door.h"

namespace natkit::c {

namespace {

/// Sums of these and a time that the door accepts do not overflow.
constexpr uint64_t kLongestWait = 24 * 3600 * NATKIT_SECOND;
constexpr uint32_t kMostRequests = 100;

}  // namespace

Result<stun::RetransmitSchedule> ToSchedule(
    const natkit_stun_schedule& schedule,
    const stun::RetransmitSchedule& fallback) {
  if (schedule.initial_timeout_ns > kLongestWait ||
      schedule.max_interval_ns > kLongestWait ||
      schedule.final_wait_ns > kLongestWait ||
      schedule.request_count > kMostRequests || schedule.reserved != 0) {
    return Fail(Errc::kBadArgument);
  }
  const auto duration = [](uint64_t ns) {
    return Duration(static_cast<int64_t>(ns));
  };
  stun::RetransmitSchedule out = fallback;
  if (schedule.initial_timeout_ns != 0) {
    out.initial_timeout = duration(schedule.initial_timeout_ns);
    out.final_wait = 16 * out.initial_timeout;
  }
  if (schedule.max_interval_ns != 0) {
    out.max_interval = duration(schedule.max_interval_ns);
  }
  if (schedule.final_wait_ns != 0) {
    out.final_wait = duration(schedule.final_wait_ns);
  }
  if (schedule.request_count != 0) {
    out.request_count = static_cast<int>(schedule.request_count);
  }
  return out;
}

}  // namespace natkit::c
