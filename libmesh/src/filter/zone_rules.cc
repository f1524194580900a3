#include "natkit/mesh/zone_rules.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "filter/calendar.h"

namespace natkit::mesh {

namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year;

constexpr int64_t kSecondsPerDay = 86'400;
constexpr unsigned kLastWeek = 5;
// In January: no change of a year is later than that in the next one.
constexpr unsigned kLatestDay = 10;

bool IsDate(const ZoneDate& date) {
  if (date.time < -kMaxDateTime || date.time > kMaxDateTime) {
    return false;
  }
  switch (date.kind) {
    case ZoneDayKind::kMonthWeekDay:
      return date.month >= 1 && date.month <= 12 && date.week >= 1 &&
             date.week <= kLastWeek && date.day <= 6;
    case ZoneDayKind::kJulian:
      return date.day >= 1 && date.day <= 365;
    case ZoneDayKind::kZeroBased:
      return date.day <= 365;
  }
  return false;
}

sys_days DayOf(const ZoneDate& date, year in) {
  const sys_days first = in / std::chrono::January / 1;
  switch (date.kind) {
    case ZoneDayKind::kMonthWeekDay: {
      const auto month = in / std::chrono::month{date.month};
      const std::chrono::weekday weekday{date.day};
      return date.week == kLastWeek
                 ? sys_days{month / weekday[std::chrono::last]}
                 : sys_days{month / weekday[date.week]};
    }
    case ZoneDayKind::kJulian: {
      const bool after_february = in.is_leap() && date.day >= 60;
      return first + days{date.day - (after_february ? 0 : 1)};
    }
    case ZoneDayKind::kZeroBased:
      return first + days{date.day};
  }
  return first;
}

int64_t TimeOf(const ZoneDate& date, year in, int32_t offset_before) {
  return DayOf(date, in).time_since_epoch().count() * kSecondsPerDay +
         date.time - offset_before;
}

// The changes of the years round a time, in order. Of two at one moment the
// later one counts: "daylight time all year" ends each year when the next one's
// begins (RFC 9636, section 3.3.1).
class YearlyChanges {
 public:
  YearlyChanges(const PosixZone& zone, int64_t unix_seconds) {
    const std::chrono::sys_seconds time{
        std::chrono::seconds{ClampToCalendar(unix_seconds)}};
    const year middle =
        std::chrono::year_month_day{std::chrono::floor<days>(time)}.year();
    size_t filled = 0;
    for (int delta = -2; delta <= 2; ++delta) {
      AddYear(zone, middle + std::chrono::years{delta}, filled);
      filled += 2;
    }
    SortByTime();
    // A change of the last year may be undone by one that is not here.
    const sys_days last = (middle + std::chrono::years{2}) / 1 / kLatestDay;
    end_ = last.time_since_epoch().count() * kSecondsPerDay;
  }

  [[nodiscard]] int32_t OffsetAt(int64_t unix_seconds) const {
    const auto after = std::ranges::upper_bound(changes_, unix_seconds, {},
                                                &ZoneTransition::at);
    return after == changes_.begin() ? changes_.front().offset
                                     : (after - 1)->offset;
  }

  [[nodiscard]] std::optional<ZoneTransition> Next(int64_t unix_seconds) const {
    const int32_t offset = OffsetAt(unix_seconds);
    for (const auto& change : changes_) {
      if (change.at > unix_seconds && change.at < end_ &&
          OffsetAt(change.at) != offset) {
        return ZoneTransition{.at = change.at, .offset = OffsetAt(change.at)};
      }
    }
    return std::nullopt;
  }

 private:
  void AddYear(const PosixZone& zone, year in, size_t index) {
    const DaylightRule& daylight = *zone.daylight;
    const ZoneTransition begin{.at = TimeOf(daylight.begin, in, zone.offset),
                               .offset = daylight.offset};
    const ZoneTransition end{.at = TimeOf(daylight.end, in, daylight.offset),
                             .offset = zone.offset};
    changes_[index] = begin;
    changes_[index + 1] = end;
  }

  // Keeps the order of two at one moment. By insertion: they are few, and
  // almost in order.
  void SortByTime() {
    for (auto it = changes_.begin(); it != changes_.end(); ++it) {
      const auto place = std::ranges::upper_bound(changes_.begin(), it, it->at,
                                                  {}, &ZoneTransition::at);
      std::rotate(place, it, it + 1);
    }
  }

  std::array<ZoneTransition, 10> changes_;
  int64_t end_ = 0;
};

bool IsUsable(const PosixZone& zone) {
  return zone.daylight && IsDate(zone.daylight->begin) &&
         IsDate(zone.daylight->end);
}

int32_t TailOffsetAt(const PosixZone& zone, int64_t unix_seconds) {
  return IsUsable(zone)
             ? YearlyChanges(zone, unix_seconds).OffsetAt(unix_seconds)
             : zone.offset;
}

std::optional<ZoneTransition> NextInTail(const PosixZone& zone,
                                         int64_t unix_seconds) {
  return IsUsable(zone) ? YearlyChanges(zone, unix_seconds).Next(unix_seconds)
                        : std::nullopt;
}

auto FirstAfter(const ZoneRules& rules, int64_t unix_seconds) {
  return std::ranges::upper_bound(rules.transitions, unix_seconds, {},
                                  &ZoneTransition::at);
}

}  // namespace

bool IsValid(const ZoneRules& rules) {
  const auto& transitions = rules.transitions;
  const auto& daylight = rules.tail.daylight;
  if (transitions.size() > kMaxZoneTransitions ||
      !IsOffset(rules.first_offset) || !IsOffset(rules.tail.offset)) {
    return false;
  }
  if (daylight && (!IsOffset(daylight->offset) || !IsDate(daylight->begin) ||
                   !IsDate(daylight->end))) {
    return false;
  }
  const auto is_transition = [](const ZoneTransition& transition) {
    return IsOffset(transition.offset) &&
           ClampToCalendar(transition.at) == transition.at;
  };
  return std::ranges::all_of(transitions, is_transition) &&
         std::ranges::adjacent_find(transitions, std::ranges::greater_equal{},
                                    &ZoneTransition::at) == transitions.end();
}

ZoneRules FixedZone(int32_t offset) {
  return {.first_offset = offset,
          .transitions = {},
          .tail = {.offset = offset, .daylight = std::nullopt}};
}

int32_t OffsetAt(const ZoneRules& rules, int64_t unix_seconds) {
  const int64_t time = ClampToCalendar(unix_seconds);
  const auto after = FirstAfter(rules, time);
  if (after == rules.transitions.end()) {
    return TailOffsetAt(rules.tail, time);
  }
  return after == rules.transitions.begin() ? rules.first_offset
                                            : (after - 1)->offset;
}

std::optional<ZoneTransition> NextTransition(const ZoneRules& rules,
                                             int64_t unix_seconds) {
  int64_t time = ClampToCalendar(unix_seconds);
  const int32_t offset = OffsetAt(rules, time);
  for (auto next = FirstAfter(rules, time); next != rules.transitions.end();
       ++next) {
    const bool is_last = next + 1 == rules.transitions.end();
    const int32_t offset_then =
        is_last ? TailOffsetAt(rules.tail, next->at) : next->offset;
    if (next->at > time && offset_then != offset) {
      return ZoneTransition{.at = next->at, .offset = offset_then};
    }
    time = std::max(time, next->at);
  }
  return NextInTail(rules.tail, time);
}

}  // namespace natkit::mesh
