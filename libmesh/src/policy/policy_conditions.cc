#include <algorithm>
#include <array>

#include "policy/policy_reader.h"

namespace natkit::mesh::policy {

namespace {

constexpr uint16_t kMinutesOfDay = 24 * 60;
constexpr uint8_t kEveryDay = 0x7f;
constexpr std::array<std::string_view, 7> kDays = {"mon", "tue", "wed", "thu",
                                                   "fri", "sat", "sun"};

/// The days of "tue" or "fri-mon"; 0 where it is neither.
uint8_t ParseDays(std::string_view text) {
  const size_t dash = text.find('-');
  const auto first = ParseDay(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : ParseDay(text.substr(dash + 1));
  if (!first || !last) {
    return 0;
  }
  unsigned days = 0;
  for (unsigned day = *first;; day = (day + 1) % 7) {
    days |= 1U << day;
    if (day == *last) {
      return static_cast<uint8_t>(days);
    }
  }
}

}  // namespace

std::optional<uint8_t> ParseDay(std::string_view text) {
  const auto it = std::ranges::find(kDays, text);
  if (it == kDays.end()) {
    return std::nullopt;
  }
  return static_cast<uint8_t>(it - kDays.begin());
}

std::optional<uint16_t> ParseClock(std::string_view text) {
  const auto digit = [&text](size_t i) {
    return static_cast<unsigned>(text[i] - '0');
  };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.size() != 5 || text[2] != ':' || !is_digit(text[0]) ||
      !is_digit(text[1]) || !is_digit(text[3]) || !is_digit(text[4])) {
    return std::nullopt;
  }
  const unsigned hour = digit(0) * 10 + digit(1);
  const unsigned minute = digit(3) * 10 + digit(4);
  const unsigned total = hour * 60 + minute;
  if (minute > 59 || total > kMinutesOfDay) {
    return std::nullopt;
  }
  return static_cast<uint16_t>(total);
}

Conditions PolicyReader::ReadConditions(ObjectReader& in) {
  Conditions conditions;
  if (const JsonValue* when = in.Get("when")) {
    if (when->is_array() && when->items.empty()) {
      out_.Error(when->at, "\"when\" names no time: leave it out for always");
    }
    if (when->is_array()) {
      for (const JsonValue& item : when->items) {
        ReadWindow(item, conditions.windows);
      }
    } else {
      ReadWindow(*when, conditions.windows);
    }
  }
  for (const PlacedText& name : in.Strings("srcPosture")) {
    if (policy_.postures.contains(name.text)) {
      conditions.postures.push_back(name.text);
      continue;
    }
    std::vector<std::string> names;
    for (const auto& [known, posture] : policy_.postures) {
      names.push_back(known);
    }
    out_.Error(name.at, "not defined in \"postures\": \"" + name.text + "\"" +
                            DidYouMean(name.text, names));
  }
  return conditions;
}

void PolicyReader::ReadWindow(const JsonValue& value,
                              std::vector<TimeWindow>& windows) {
  ObjectReader in(value, "\"when\"", out_);
  in.Explain("timezone", "write \"zone\"");
  in.Explain("tz", "write \"zone\"");
  in.Explain("until", "write \"to\"");
  in.Explain("start", "write \"from\"");
  in.Explain("end", "write \"to\"");
  TimeWindow window;
  window.days = kEveryDay;
  if (const JsonValue* days = in.Get("days")) {
    window.days = ReadDays(*days);
  }
  window.from_minute = ReadClock(in, "from", 0);
  window.to_minute = ReadClock(in, "to", kMinutesOfDay);
  if (window.from_minute == kMinutesOfDay) {
    window.from_minute = 0;
    out_.Error(in.Get("from")->at,
               "\"from\" is 23:59 at the latest: write 00:00 of the next day");
  }
  ReadZone(in, window);
  in.Finish();
  if (in.is_object()) {
    windows.push_back(std::move(window));
  }
}

uint8_t PolicyReader::ReadDays(const JsonValue& value) {
  std::vector<PlacedText> texts;
  if (value.is_string()) {
    texts.push_back({value.text, value.at});
  } else {
    texts = ReadTexts(value, "\"days\"", out_);
  }
  unsigned days = 0;
  for (const PlacedText& text : texts) {
    const uint8_t some = ParseDays(text.text);
    if (some == 0) {
      out_.Error(text.at, "\"" + text.text +
                              "\" is no day: write mon, tue, wed, thu, fri, "
                              "sat, sun, a range like mon-fri, or a list like "
                              "[\"mon\", \"wed-fri\"]");
    }
    days |= some;
  }
  if (value.is_array() && value.items.empty()) {
    out_.Error(value.at, "\"days\" names no day: leave it out for all");
  }
  return static_cast<uint8_t>(days);
}

void PolicyReader::ReadZone(ObjectReader& in, TimeWindow& window) {
  if (in.Get("zone") == nullptr) {
    if (in.is_object()) {
      out_.Error(in.at(),
                 "\"when\" needs \"zone\", whose clock it goes by: write "
                 "\"zone\": \"Europe/Berlin\" or \"UTC\"");
    }
    return;
  }
  const auto zone = in.String("zone");
  if (!zone) {
    return;
  }
  window.zone = zone->text;
  if (zone->text.empty() ||
      (options_.zone_exists && !options_.zone_exists(zone->text))) {
    out_.Error(zone->at, "there is no time zone \"" + zone->text +
                             "\": write one like Europe/Berlin or UTC");
  }
}

uint16_t PolicyReader::ReadClock(ObjectReader& in, std::string_view key,
                                 uint16_t fallback) {
  const auto text = in.String(key);
  if (!text) {
    return fallback;
  }
  const auto minute = ParseClock(text->text);
  if (!minute) {
    out_.Error(text->at, "\"" + text->text +
                             "\" is no time of day: write it like 09:30, "
                             "from 00:00 to 24:00");
  }
  return minute.value_or(fallback);
}

}  // namespace natkit::mesh::policy
