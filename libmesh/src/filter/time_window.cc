#include "natkit/mesh/time_window.h"

#include <algorithm>

#include "filter/calendar.h"

namespace natkit::mesh {

namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr int64_t kSecondsPerMinute = 60;
constexpr uint16_t kMinutesPerDay = 1'440;
constexpr uint8_t kAllDays = 0x7f;
constexpr int64_t kHorizon = 35 * kSecondsPerDay;

struct LocalTime {
  int64_t day = 0;     // since 1970-01-01
  int64_t second = 0;  // of that day
};

LocalTime Split(int64_t local_seconds) {
  int64_t day = local_seconds / kSecondsPerDay;
  int64_t second = local_seconds % kSecondsPerDay;
  if (second < 0) {
    --day;
    second += kSecondsPerDay;
  }
  return {.day = day, .second = second};
}

bool BeginsOn(const TimeWindow& window, int64_t day) {
  // 1970-01-01 was a Thursday, the fourth day of the week.
  const int64_t weekday = (((day + 3) % 7) + 7) % 7;
  return ((window.days >> weekday) & 1) != 0;
}

bool IsOpenLocally(const TimeWindow& window, int64_t local_seconds) {
  const LocalTime local = Split(local_seconds);
  const int64_t minute = local.second / kSecondsPerMinute;
  const bool after_from = minute >= window.from_minute;
  const bool before_to = minute < window.to_minute;
  if (window.to_minute > window.from_minute) {
    return after_from && before_to && BeginsOn(window, local.day);
  }
  return (after_from && BeginsOn(window, local.day)) ||
         (before_to && BeginsOn(window, local.day - 1));
}

// The next local time after `local_seconds` at which the wall clock shows an
// edge of the window, or midnight.
int64_t NextEdge(const TimeWindow& window, int64_t local_seconds) {
  const LocalTime local = Split(local_seconds);
  int64_t next = kSecondsPerDay;
  for (const uint16_t minute : {window.from_minute, window.to_minute}) {
    const int64_t edge = minute * kSecondsPerMinute;
    if (edge > local.second) {
      next = std::min(next, edge);
    }
  }
  return local_seconds - local.second + next;
}

}  // namespace

bool IsValid(const TimeWindow& window) {
  return window.days != 0 && window.days <= kAllDays &&
         window.from_minute < kMinutesPerDay &&
         window.to_minute <= kMinutesPerDay;
}

bool IsOpen(const TimeWindow& window, const ZoneRules& rules,
            int64_t unix_seconds) {
  const int64_t time = ClampToCalendar(unix_seconds);
  return IsValid(window) && IsOpenLocally(window, time + OffsetAt(rules, time));
}

std::optional<int64_t> NextChange(const TimeWindow& window,
                                  const ZoneRules& rules,
                                  int64_t unix_seconds) {
  if (!IsValid(window)) {
    return std::nullopt;
  }
  int64_t time = ClampToCalendar(unix_seconds);
  const int64_t end = time + kHorizon;
  const bool is_open = IsOpen(window, rules, time);
  while (time < end) {
    const int32_t offset = OffsetAt(rules, time);
    int64_t next = NextEdge(window, time + offset) - offset;
    if (const auto transition = NextTransition(rules, time)) {
      next = std::min(next, transition->at);
    }
    time = next;
    if (IsOpen(window, rules, time) != is_open) {
      return time;
    }
  }
  return std::nullopt;
}

bool IsOpen(const ZonedWindow& window, int64_t unix_seconds) {
  return window.rules != nullptr &&
         IsOpen(window.window, *window.rules, unix_seconds);
}

std::optional<int64_t> NextChange(const ZonedWindow& window,
                                  int64_t unix_seconds) {
  if (window.rules == nullptr) {
    return std::nullopt;
  }
  return NextChange(window.window, *window.rules, unix_seconds);
}

}  // namespace natkit::mesh
