#include "run/event_names.h"

#include <algorithm>
#include <array>

#include "scenario/link_settings.h"
#include "scenario/units.h"

namespace natkit::netsim {
namespace {

/// In the order of the enumerators.
constexpr std::array<std::string_view, 8> kNames = {
    "reboot",    "readdress", "block-udp", "unblock-udp",
    "link-down", "link-up",   "blackhole", "set-link",
};

std::unexpected<Failure> Refuse(std::string text) {
  return std::unexpected(Failure{std::move(text)});
}

/// Takes "KEY=value" out of `words`.
std::optional<std::string> Take(std::vector<std::string>& words,
                                std::string_view key) {
  const auto found = std::ranges::find_if(words, [&](const std::string& word) {
    return word.starts_with(key) && word.size() > key.size() &&
           word[key.size()] == '=';
  });
  if (found == words.end()) {
    return std::nullopt;
  }
  std::string value = found->substr(key.size() + 1);
  words.erase(found);
  return value;
}

Outcome<Event> ParseAddress(Event event,
                            const std::vector<std::string>& words) {
  const auto address =
      words.size() == 1 ? IpAddress::Parse(words[0]) : IpAddress::Parse("");
  if (!address || !address->is_v4()) {
    return Refuse("'" + std::string(EventName(event.kind)) +
                  "' takes a new external IPv4 address");
  }
  event.kind = EventKind::kReaddress;
  event.new_address = *address;
  return event;
}

Outcome<Event> ParseBlackhole(Event event,
                              const std::vector<std::string>& words) {
  const auto duration =
      words.size() == 1 ? ParseDuration(words[0]) : std::nullopt;
  if (!duration) {
    return Refuse("'blackhole' needs a duration such as 500ms or 2s");
  }
  event.duration = *duration;
  return event;
}

Outcome<Event> ParseSetLink(Event event, std::vector<std::string> words) {
  event.direction = Take(words, "direction").value_or("both");
  if (event.direction != "up" && event.direction != "down" &&
      event.direction != "both") {
    return Refuse(
        "'set-link': direction= is up (from the member), down or both");
  }
  if (const auto changed = ChangeLink({}, words); !changed) {
    return Refuse("'set-link': " + changed.error());
  }
  event.link_settings = std::move(words);
  return event;
}

}  // namespace

std::string_view EventName(EventKind kind) {
  return kNames.at(static_cast<size_t>(kind));
}

std::optional<EventKind> FindEventKind(std::string_view name) {
  const auto* const found = std::ranges::find(kNames, name);
  return found == kNames.end()
             ? std::nullopt
             : std::optional(static_cast<EventKind>(found - kNames.begin()));
}

Outcome<Event> ParseEvent(std::string_view name,
                          const std::vector<std::string>& words) {
  const auto kind = FindEventKind(name);
  if (!kind) {
    return Refuse("unknown event '" + std::string(name) +
                  "' (`netsim event --help` lists them)");
  }
  Event event;
  event.kind = *kind;
  if (*kind == EventKind::kReaddress ||
      (*kind == EventKind::kReboot && !words.empty())) {
    return ParseAddress(std::move(event), words);
  }
  if (*kind == EventKind::kBlackhole || *kind == EventKind::kSetLink) {
    std::vector<std::string> rest = words;
    event.network = Take(rest, "network").value_or("");
    return *kind == EventKind::kBlackhole
               ? ParseBlackhole(std::move(event), rest)
               : ParseSetLink(std::move(event), std::move(rest));
  }
  if (!words.empty()) {
    return Refuse("'" + std::string(name) + "' takes no argument");
  }
  return event;
}

}  // namespace natkit::netsim
