#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit::mesh {

/// How the day of a POSIX zone rule is given.
enum class ZoneDayKind : uint8_t {
  kMonthWeekDay,  ///< "Mm.w.d": weekday `day` of week `week` of `month`
  kJulian,        ///< "Jn": day 1 to 365; February 29 is never counted
  kZeroBased,     ///< "n": day 0 to 365; February 29 is counted
};

/// One yearly date and time at which a POSIX zone rule changes the offset.
struct ZoneDate {
  ZoneDayKind kind = ZoneDayKind::kMonthWeekDay;
  uint8_t month = 0;  ///< 1 to 12, only of kMonthWeekDay
  uint8_t week = 0;   ///< 1 to 5, 5 is the last one; only of kMonthWeekDay
  uint16_t day = 0;   ///< of kMonthWeekDay: 0 is Sunday
  int32_t time = 0;   ///< seconds after that day's midnight, within 167 hours
  bool operator==(const ZoneDate&) const = default;
};

/// The offset that holds for a part of each year, and that part.
struct DaylightRule {
  int32_t offset = 0;  ///< seconds east of UTC
  ZoneDate begin;      ///< in standard time
  ZoneDate end;        ///< in daylight time
  bool operator==(const DaylightRule&) const = default;
};

/// A POSIX TZ rule (IEEE 1003.1, section 8.3, with the hours of RFC 9636,
/// section 3.3.1).
struct PosixZone {
  int32_t offset = 0;  ///< of standard time, in seconds east of UTC
  std::optional<DaylightRule> daylight;
  bool operator==(const PosixZone&) const = default;
};

/// From `at` on, local time is UTC plus `offset` seconds.
struct ZoneTransition {
  int64_t at = 0;  ///< seconds since 1970-01-01 00:00 UTC, without leap seconds
  int32_t offset = 0;
  bool operator==(const ZoneTransition&) const = default;
};

/// At most so many transitions in one ZoneRules.
inline constexpr size_t kMaxZoneTransitions = 1024;

/// At most so many bytes in a file that ParseTzif takes.
inline constexpr size_t kMaxTzifSize = size_t{256} * 1024;

/// What a node needs to judge the local time of one zone without a database of
/// zones: `first_offset` before the first transition, then the transitions, and
/// from the last one on `tail`. Without transitions `tail` holds at all times.
/// UTC by default.
struct ZoneRules {
  int32_t first_offset = 0;
  std::vector<ZoneTransition> transitions;
  PosixZone tail;
  bool operator==(const ZoneRules&) const = default;
};

/// Whether the offsets are those that RFC 9636, section 3.2, allows, the
/// transitions ascend, lie in the years 1 to 9999 and are not too many, and the
/// dates exist. Every function
/// below is bounded for any rules; rules from elsewhere should be valid.
[[nodiscard]] bool IsValid(const ZoneRules& rules);

/// Reads a compiled zone (TZif, RFC 9636; versions 1 to 4) and keeps what
/// matters from `from_unix` on. Files with leap seconds ("right/...") are
/// refused: their clock is not Unix time.
/// Errors: kTruncated, kBadValue, kBadLength for bytes left over, kUnsupported
/// (another version, leap seconds), kLimitExceeded.
[[nodiscard]] Result<ZoneRules> ParseTzif(ByteView file, int64_t from_unix);

/// Reads "CET-1CEST,M3.5.0,M10.5.0/3", "<+0530>-5:30", "UTC0", or "UTC" alone.
/// A zone with daylight time has to say when: there is no default rule.
/// Errors: kBadValue with the offset of the character.
[[nodiscard]] Result<ZoneRules> ParsePosixZone(std::string_view text);

/// The rule as text that ParsePosixZone reads back to the same rule. Names of
/// zones are made up from the offset ("<+0530>-5:30"), since rules keep none.
[[nodiscard]] std::string FormatPosixZone(const PosixZone& zone);

/// The zone that is `offset` seconds east of UTC all year.
[[nodiscard]] ZoneRules FixedZone(int32_t offset);

/// Seconds east of UTC at `unix_seconds`. Times outside the years 1 to 9999 are
/// taken for the nearest one inside.
[[nodiscard]] int32_t OffsetAt(const ZoneRules& rules, int64_t unix_seconds);

/// The first transition after `unix_seconds` whose offset differs from the one
/// before it, or nullopt. Cost: one search, plus those that change nothing.
[[nodiscard]] std::optional<ZoneTransition> NextTransition(
    const ZoneRules& rules, int64_t unix_seconds);

}  // namespace natkit::mesh
