#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "natkit/mesh/zone_rules.h"

namespace natkit::mesh {

/// Hours of some days of the week, by the wall clock of a zone.
///
/// What the clock on the wall shows decides: hours that a change to daylight
/// time skips do not exist, and hours that a change back repeats count twice.
struct TimeWindow {
  /// Days on which it begins; bit 0 is Monday, bit 6 Sunday.
  uint8_t days = 0;
  /// 0 to 1439, minutes after local midnight.
  uint16_t from_minute = 0;
  /// 0 to 1440, exclusive. Not greater than `from_minute`: it crosses midnight
  /// and belongs to the day on which it began; equal: 24 hours.
  uint16_t to_minute = 0;
  /// The zone's name for people ("Europe/Berlin"); ZoneRules say what it means.
  std::string zone;
  bool operator==(const TimeWindow&) const = default;
};

/// A window with the rules of its zone. Without rules it is never open.
struct ZonedWindow {
  TimeWindow window;
  std::shared_ptr<const ZoneRules> rules;
};

/// Whether days and minutes are in the ranges above and there is a day.
[[nodiscard]] bool IsValid(const TimeWindow& window);

/// Whether the window is open at that time. One that is not valid never is.
[[nodiscard]] bool IsOpen(const TimeWindow& window, const ZoneRules& rules,
                          int64_t unix_seconds);

/// The first moment after `unix_seconds` at which IsOpen changes, or nullopt if
/// it does not within five weeks: by then every wall clock has shown every
/// minute of a week, so only a window that is always or never open stays
/// (a change of the zone's rules can still come later; ask again then).
/// Cost: bounded by those weeks and the transitions in them.
[[nodiscard]] std::optional<int64_t> NextChange(const TimeWindow& window,
                                                const ZoneRules& rules,
                                                int64_t unix_seconds);

/// As above for a window with its rules.
[[nodiscard]] bool IsOpen(const ZonedWindow& window, int64_t unix_seconds);
[[nodiscard]] std::optional<int64_t> NextChange(const ZonedWindow& window,
                                                int64_t unix_seconds);

}  // namespace natkit::mesh
