#include "scenario/units.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

namespace natkit::netsim {
namespace {

struct Unit {
  std::string_view name;
  uint64_t size;
};

// Largest first.
constexpr std::array kTimeUnits = {
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1'000},
    Unit{"ns", 1},
};

constexpr std::array kRateUnits = {
    Unit{"Gbit", 1'000'000'000},
    Unit{"Mbit", 1'000'000},
    Unit{"kbit", 1'000},
    Unit{"bit", 1},
};

/// A decimal number followed by one of the units; at most `limit`.
template <size_t N>
std::optional<uint64_t> ParseWithUnit(std::string_view text,
                                      const std::array<Unit, N>& units,
                                      double limit) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] =
      std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) {
    return std::nullopt;
  }
  const std::string_view name(rest, static_cast<size_t>(end - rest));
  for (const Unit& unit : units) {
    const double value = std::round(number * static_cast<double>(unit.size));
    if (unit.name == name && value <= limit) {
      return static_cast<uint64_t>(value);
    }
  }
  return std::nullopt;
}

template <size_t N>
std::string FormatWithUnit(uint64_t value, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.size == 0) {
      return std::to_string(value / unit.size) + std::string(unit.name);
    }
  }
  return "0" + std::string(units.back().name);
}

}  // namespace

std::optional<Duration> ParseDuration(std::string_view text) {
  constexpr Duration kLongest = std::chrono::hours(24 * 3653);
  const auto value =
      ParseWithUnit(text, kTimeUnits, static_cast<double>(kLongest.count()));
  if (!value) {
    return std::nullopt;
  }
  return Duration(static_cast<int64_t>(*value));
}

std::string FormatDuration(Duration duration) {
  return FormatWithUnit(static_cast<uint64_t>(duration.count()), kTimeUnits);
}

std::optional<uint64_t> ParseRate(std::string_view text) {
  return ParseWithUnit(text, kRateUnits, 1e12);
}

std::string FormatRate(uint64_t bits_per_second) {
  return FormatWithUnit(bits_per_second, kRateUnits);
}

std::expected<IpPrefix, std::string> ParseRange(std::string_view text) {
  const auto prefix = IpPrefix::Parse(text);
  if (!prefix) {
    return std::unexpected("is not an address range: '" + std::string(text) +
                           "'");
  }
  const auto address = IpAddress::Parse(text.substr(0, text.find('/')));
  if (!address || *address != prefix->address()) {
    return std::unexpected("has host bits: '" + std::string(text) + "' is in " +
                           prefix->ToString());
  }
  return *prefix;
}

std::optional<PortRange> ParsePortRange(std::string_view text) {
  PortRange range;
  const char* const end = text.data() + text.size();
  const auto [dash, first_error] =
      std::from_chars(text.data(), end, range.first);
  if (first_error != std::errc() || dash == end || *dash != '-') {
    return std::nullopt;
  }
  const auto [stop, last_error] = std::from_chars(dash + 1, end, range.last);
  if (last_error != std::errc() || stop != end || range.first == 0 ||
      range.first > range.last) {
    return std::nullopt;
  }
  return range;
}

std::string FormatPortRange(const PortRange& range) {
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}

}  // namespace natkit::netsim
