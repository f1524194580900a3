#include "rfc3339.h"

#include <algorithm>
#include <chrono>

namespace natkit::coordd {

namespace {

/// A timestamp, consumed from the left.
class TimestampReader {
 public:
  explicit TimestampReader(std::string_view text) : rest_(text) {}

  /// Exactly `digits` digits, at most `highest`.
  bool TakeNumber(size_t digits, int highest, int& out) {
    if (rest_.size() < digits) {
      return false;
    }
    out = 0;
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') {
        return false;
      }
      out = out * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return out <= highest;
  }

  bool Take(std::string_view any_of) {
    if (rest_.empty() || !any_of.contains(rest_.front())) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }

  bool TakeFraction() {
    if (!Take(".")) {
      return true;
    }
    const auto end = std::ranges::find_if_not(
        rest_, [](char c) { return c >= '0' && c <= '9'; });
    const auto size = static_cast<size_t>(end - rest_.begin());
    rest_.remove_prefix(size);
    return size > 0;
  }

  /// "Z", or "+hh:mm" and "-hh:mm" as seconds east of UTC.
  bool TakeOffset(int& seconds) {
    seconds = 0;
    if (Take("Zz")) {
      return true;
    }
    const bool is_west = rest_.starts_with('-');
    int hours = 0;
    int minutes = 0;
    if (!Take("+-") || !TakeNumber(2, 23, hours) || !Take(":") ||
        !TakeNumber(2, 59, minutes)) {
      return false;
    }
    seconds = (hours * 60 + minutes) * (is_west ? -60 : 60);
    return true;
  }

  [[nodiscard]] bool is_done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

}  // namespace

std::optional<int64_t> ParseRfc3339(std::string_view text) {
  TimestampReader in(text);
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int offset = 0;
  if (!in.TakeNumber(4, 9999, year) || !in.Take("-") ||
      !in.TakeNumber(2, 12, month) || !in.Take("-") ||
      !in.TakeNumber(2, 31, day) || !in.Take("Tt ") ||
      !in.TakeNumber(2, 23, hour) || !in.Take(":") ||
      !in.TakeNumber(2, 59, minute) || !in.Take(":") ||
      !in.TakeNumber(2, 59, second) || !in.TakeFraction() ||
      !in.TakeOffset(offset) || !in.is_done()) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date(
      std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
      std::chrono::day{static_cast<unsigned>(day)});
  if (!date.ok()) {
    return std::nullopt;
  }
  const auto midnight = std::chrono::sys_seconds(std::chrono::sys_days(date));
  return midnight.time_since_epoch().count() + int64_t{hour} * 3600 +
         int64_t{minute} * 60 + second - offset;
}

}  // namespace natkit::coordd
