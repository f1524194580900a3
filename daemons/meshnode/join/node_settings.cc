#include "join/node_settings.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace natkit::meshnode {

namespace {

using Json = nlohmann::json;

constexpr std::string_view kNone = "none";
constexpr std::string_view kOff = "off";
/// Of a DNS label; the server makes one of it.
constexpr size_t kMaxHostName = 63;
constexpr size_t kMaxNodeName = 253;

std::optional<bool> ParseSwitch(std::string_view text) {
  if (text == "true" || text == "on" || text == "yes") {
    return true;
  }
  if (text == "false" || text == "off" || text == "no") {
    return false;
  }
  return std::nullopt;
}

bool IsPlainText(std::string_view text, size_t limit) {
  return text.size() <= limit &&
         std::ranges::none_of(
             text, [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

/// A setting: what it takes, and where it goes.
struct Setting {
  std::string_view key;
  std::string_view takes;
  bool (*is_valid)(std::string_view value);
  void (*apply)(const std::string& value, JoinOptions& options);
};

bool IsSwitch(std::string_view value) {
  return ParseSwitch(value).has_value();
}

template <bool RoutingOptions::* kMember>
void ApplySwitch(const std::string& value, JoinOptions& options) {
  options.routing.*kMember = *ParseSwitch(value);
}

constexpr std::string_view kSwitch = "true or false";

constexpr auto kSettings = std::to_array<Setting>({
    {"accept-dns", kSwitch, &IsSwitch,
     [](const std::string& value, JoinOptions& options) {
       options.accepts_dns = *ParseSwitch(value);
     }},
    {"accept-routes", kSwitch, &IsSwitch,
     &ApplySwitch<&RoutingOptions::accepts_routes>},
    {"advertise-exit-node", kSwitch, &IsSwitch,
     &ApplySwitch<&RoutingOptions::advertises_exit>},
    {"advertise-routes", "networks like 10.0.0.0/8,fd00::/8, or none",
     [](std::string_view value) { return ParseRoutes(value).has_value(); },
     [](const std::string& value, JoinOptions& options) {
       options.routing.advertised_routes = *ParseRoutes(value);
     }},
    {"exit-node", "a node's name or mesh address, or off",
     [](std::string_view value) { return ParseExitNode(value).has_value(); },
     [](const std::string& value, JoinOptions& options) {
       options.routing.exit_node = *ParseExitNode(value);
     }},
    {"exit-node-allow-lan-access", kSwitch, &IsSwitch,
     &ApplySwitch<&RoutingOptions::exit_allows_lan>},
    {"hostname", kHostNameRule, &IsHostName,
     [](const std::string& value, JoinOptions& options) {
       options.host_name = value;
     }},
    {"snat-subnet-routes", kSwitch, &IsSwitch,
     &ApplySwitch<&RoutingOptions::has_snat>},
});

const Setting* FindSetting(std::string_view key) {
  const auto found = std::ranges::find(kSettings, key, &Setting::key);
  return found == kSettings.end() ? nullptr : &*found;
}

std::string ListOfKeys() {
  std::string text;
  for (const Setting& setting : kSettings) {
    text += (text.empty() ? "" : ", ") + std::string(setting.key);
  }
  return text;
}

std::string SwitchText(bool is_on) {
  return is_on ? "true" : "false";
}

}  // namespace

Outcome<NodeSettings> NodeSettings::Parse(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) {
    return std::unexpected(std::string("it is no JSON object"));
  }
  NodeSettings settings;
  for (const auto& [key, value] : json.items()) {
    if (!value.is_string()) {
      return std::unexpected("the value of " + key + " is no string");
    }
    if (auto set = settings.Set(key, value.get<std::string>()); !set) {
      return std::unexpected(set.error());
    }
  }
  return settings;
}

std::string NodeSettings::Format() const {
  return Json(values_).dump(2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

Outcome<void> NodeSettings::Set(const std::string& key,
                                const std::string& value) {
  const Setting* setting = FindSetting(key);
  if (setting == nullptr) {
    return std::unexpected("there is no setting \"" + key + "\"; there are " +
                           ListOfKeys());
  }
  if (value.empty()) {
    values_.erase(key);
    return {};
  }
  if (!setting->is_valid(value)) {
    return std::unexpected(key + " takes " + std::string(setting->takes) +
                           ", not \"" + value + "\"");
  }
  values_[key] = value;
  return {};
}

void NodeSettings::ApplyTo(JoinOptions& options) const {
  for (const auto& [key, value] : values_) {
    FindSetting(key)->apply(value, options);
  }
}

bool IsHostName(std::string_view text) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
  };
  return IsPlainText(text, kMaxHostName) &&
         std::ranges::any_of(text.substr(0, text.find('.')),
                             is_letter_or_digit);
}

Outcome<std::vector<IpPrefix>> ParseRoutes(std::string_view text) {
  std::vector<IpPrefix> routes;
  bool has_more = text != kNone;
  while (has_more) {
    const size_t comma = text.find(',');
    const std::string one(text.substr(0, comma));
    const auto route = IpPrefix::Parse(one);
    if (!route) {
      return std::unexpected("\"" + one + "\" is no network like 10.0.0.0/8");
    }
    if (route->length() == 0) {
      return std::unexpected(
          one + " is the whole internet: offer it by advertise-exit-node");
    }
    routes.push_back(*route);
    has_more = comma != std::string_view::npos;
    text.remove_prefix(has_more ? comma + 1 : 0);
  }
  return routes;
}

Outcome<std::string> ParseExitNode(std::string_view text) {
  if (!IsPlainText(text, kMaxNodeName)) {
    return std::unexpected("\"" + std::string(text) +
                           "\" is no node's name or mesh address");
  }
  return text == kNone || text == kOff ? std::string() : std::string(text);
}

Outcome<void> CheckTogether(const JoinOptions& options) {
  if (options.routing.advertises_exit && !options.routing.exit_node.empty()) {
    return std::unexpected(
        std::string("a node cannot be an exit for others and use another's: "
                    "exit-node and advertise-exit-node exclude each other"));
  }
  return {};
}

NodeSettings::Values SettingsOf(const JoinOptions& options) {
  const RoutingOptions& routing = options.routing;
  std::string routes;
  for (const IpPrefix& route : routing.advertised_routes) {
    routes += (routes.empty() ? "" : ",") + route.ToString();
  }
  const std::string none(kNone);
  return {{"accept-dns", SwitchText(options.accepts_dns)},
          {"accept-routes", SwitchText(routing.accepts_routes)},
          {"advertise-exit-node", SwitchText(routing.advertises_exit)},
          {"advertise-routes", routes.empty() ? none : routes},
          {"exit-node",
           routing.exit_node.empty() ? std::string(kOff) : routing.exit_node},
          {"exit-node-allow-lan-access", SwitchText(routing.exit_allows_lan)},
          {"hostname", options.host_name},
          {"snat-subnet-routes", SwitchText(routing.has_snat)}};
}

}  // namespace natkit::meshnode
