#include <cstdlib>
#include <string>

#include "filter/calendar.h"
#include "natkit/mesh/zone_rules.h"

namespace natkit::mesh {

namespace {

constexpr int32_t kSecondsPerHour = 3'600;
constexpr int32_t kDefaultDateTime = 2 * kSecondsPerHour;
constexpr int32_t kMaxOffsetHours = 24;
constexpr int32_t kMaxDateHours = 167;
constexpr size_t kMinNameSize = 3;
constexpr size_t kMaxTextSize = 128;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsAlpha(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

// Reads the grammar of IEEE 1003.1, section 8.3. A function that returns false
// leaves the position at what it could not read.
class PosixZoneParser {
 public:
  explicit PosixZoneParser(std::string_view text) : text_(text) {}

  Result<PosixZone> Parse() {
    PosixZone zone;
    if (text_.size() > kMaxTextSize || !ReadName()) {
      return Fail(Errc::kBadValue, position_);
    }
    if (text_ == "UTC") {
      return zone;
    }
    const bool is_read = ReadOffset(zone.offset) &&
                         (is_at_end() || ReadDaylight(zone)) && is_at_end();
    if (!is_read) {
      return Fail(Errc::kBadValue, position_);
    }
    return zone;
  }

 private:
  [[nodiscard]] bool is_at_end() const { return position_ == text_.size(); }

  [[nodiscard]] char Peek() const {
    return is_at_end() ? '\0' : text_[position_];
  }

  bool Take(char wanted) {
    if (Peek() != wanted || is_at_end()) {
      return false;
    }
    ++position_;
    return true;
  }

  bool ReadName() {
    const bool is_quoted = Take('<');
    const size_t start = position_;
    while (IsAlpha(Peek()) ||
           (is_quoted && (IsDigit(Peek()) || Peek() == '+' || Peek() == '-'))) {
      ++position_;
    }
    const bool is_long_enough = position_ - start >= kMinNameSize;
    return is_long_enough && (!is_quoted || Take('>'));
  }

  bool ReadNumber(int32_t low, int32_t high, int32_t& out) {
    const size_t start = position_;
    int32_t value = 0;
    while (IsDigit(Peek()) && position_ - start < 3) {
      value = value * 10 + (Peek() - '0');
      ++position_;
    }
    if (position_ == start || value < low || value > high) {
      position_ = start;
      return false;
    }
    out = value;
    return true;
  }

  // [+-]hh[:mm[:ss]]
  bool ReadTime(int32_t max_hours, int32_t& out) {
    const bool is_negative = Peek() == '-';
    if (!Take('-')) {
      (void)Take('+');
    }
    int32_t hours = 0;
    int32_t minutes = 0;
    int32_t seconds = 0;
    if (!ReadNumber(0, max_hours, hours)) {
      return false;
    }
    if (Take(':') && (!ReadNumber(0, 59, minutes) ||
                      (Take(':') && !ReadNumber(0, 59, seconds)))) {
      return false;
    }
    const int32_t value = hours * kSecondsPerHour + minutes * 60 + seconds;
    out = is_negative ? -value : value;
    return true;
  }

  // POSIX counts west of UTC as positive.
  bool ReadOffset(int32_t& out) {
    int32_t west = 0;
    if (!ReadTime(kMaxOffsetHours, west)) {
      return false;
    }
    out = -west;
    return IsOffset(out);
  }

  bool ReadDaylight(PosixZone& zone) {
    DaylightRule rule{
        .offset = zone.offset + kSecondsPerHour, .begin = {}, .end = {}};
    if (!ReadName() || (Peek() != ',' && !ReadOffset(rule.offset)) ||
        !IsOffset(rule.offset)) {
      return false;
    }
    if (!Take(',') || !ReadDate(rule.begin) || !Take(',') ||
        !ReadDate(rule.end)) {
      return false;
    }
    zone.daylight = rule;
    return true;
  }

  bool ReadDate(ZoneDate& date) {
    date.time = kDefaultDateTime;
    return ReadDay(date) && (!Take('/') || ReadTime(kMaxDateHours, date.time));
  }

  bool ReadDay(ZoneDate& date) {
    int32_t day = 0;
    if (Take('M')) {
      return ReadMonthWeekDay(date);
    }
    const bool is_julian = Take('J');
    date.kind = is_julian ? ZoneDayKind::kJulian : ZoneDayKind::kZeroBased;
    if (!ReadNumber(is_julian ? 1 : 0, 365, day)) {
      return false;
    }
    date.day = static_cast<uint16_t>(day);
    return true;
  }

  bool ReadMonthWeekDay(ZoneDate& date) {
    int32_t month = 0;
    int32_t week = 0;
    int32_t day = 0;
    if (!ReadNumber(1, 12, month) || !Take('.') || !ReadNumber(1, 5, week) ||
        !Take('.') || !ReadNumber(0, 6, day)) {
      return false;
    }
    date.kind = ZoneDayKind::kMonthWeekDay;
    date.month = static_cast<uint8_t>(month);
    date.week = static_cast<uint8_t>(week);
    date.day = static_cast<uint16_t>(day);
    return true;
  }

  std::string_view text_;
  size_t position_ = 0;
};

std::string TwoDigits(int32_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

std::string FormatTime(int32_t seconds) {
  const int32_t size = std::abs(seconds);
  return (seconds < 0 ? "-" : "") + std::to_string(size / kSecondsPerHour) +
         ":" + TwoDigits(size / 60 % 60) + ":" + TwoDigits(size % 60);
}

// A name and the offset, as "<+0530>-5:30:00".
std::string FormatOffset(int32_t offset) {
  const int32_t size = std::abs(offset);
  return (offset < 0 ? "<-" : "<+") + TwoDigits(size / kSecondsPerHour) +
         TwoDigits(size / 60 % 60) + ">" + FormatTime(-offset);
}

std::string FormatDay(const ZoneDate& date) {
  switch (date.kind) {
    case ZoneDayKind::kMonthWeekDay:
      return "M" + std::to_string(date.month) + "." +
             std::to_string(date.week) + "." + std::to_string(date.day);
    case ZoneDayKind::kJulian:
      return "J" + std::to_string(date.day);
    case ZoneDayKind::kZeroBased:
      return std::to_string(date.day);
  }
  return {};
}

std::string FormatDate(const ZoneDate& date) {
  return "," + FormatDay(date) + "/" + FormatTime(date.time);
}

}  // namespace

Result<ZoneRules> ParsePosixZone(std::string_view text) {
  const auto zone = PosixZoneParser(text).Parse();
  if (!zone) {
    return std::unexpected(zone.error());
  }
  ZoneRules rules;
  rules.first_offset = zone->offset;
  rules.tail = *zone;
  return rules;
}

std::string FormatPosixZone(const PosixZone& zone) {
  std::string text = FormatOffset(zone.offset);
  if (zone.daylight) {
    text += FormatOffset(zone.daylight->offset) +
            FormatDate(zone.daylight->begin) + FormatDate(zone.daylight->end);
  }
  return text;
}

}  // namespace natkit::mesh
