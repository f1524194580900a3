#pragma once

#include <algorithm>
#include <cstdint>

namespace natkit::mesh {

/// The first second of year 1 and the last one of year 9999. The calendar
/// computes within them, with room for the weeks and offsets added to them.
inline constexpr int64_t kFirstTime = -62'135'596'800;
inline constexpr int64_t kLastTime = 253'402'300'799;

[[nodiscard]] constexpr int64_t ClampToCalendar(int64_t unix_seconds) {
  return std::clamp(unix_seconds, kFirstTime, kLastTime);
}

/// The offsets from UTC that RFC 9636, section 3.2, allows.
inline constexpr int32_t kMinOffset = -89'999;
inline constexpr int32_t kMaxOffset = 93'599;

[[nodiscard]] constexpr bool IsOffset(int64_t seconds) {
  return seconds >= kMinOffset && seconds <= kMaxOffset;
}

/// A date's time of day lies within so many seconds of midnight (RFC 9636,
/// section 3.3.1).
inline constexpr int32_t kMaxDateTime = 167 * 3'600 + 59 * 60 + 59;

}  // namespace natkit::mesh
