#include "scenario/toml_table.h"

#include <sstream>
#include <utility>

#include "scenario/units.h"

namespace natkit::netsim {

TomlTable::TomlTable(const toml::table& table, std::string title,
                     std::vector<Problem>& problems)
    : table_(table), title_(std::move(title)), problems_(problems) {}

uint32_t TomlTable::line() const {
  return table_.source().begin.line;
}

std::map<std::string, uint32_t, std::less<>> TomlTable::KeyLines() const {
  std::map<std::string, uint32_t, std::less<>> lines;
  for (const auto& [key, node] : table_) {
    lines.emplace(key.str(), node.source().begin.line);
  }
  return lines;
}

uint32_t TomlTable::LineOf(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node == nullptr ? line() : node->source().begin.line;
}

void TomlTable::Report(std::string_view key, const std::string& text) {
  problems_.push_back({LineOf(key), title_ + ": " + text});
}

const toml::node* TomlTable::Find(std::string_view key) {
  known_.emplace(key);
  return table_.get(key);
}

std::optional<std::string> TomlTable::OptionalString(std::string_view key) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  if (const auto* text = node->as_string()) {
    return text->get();
  }
  Report(key, "'" + std::string(key) + "' must be a string");
  return std::nullopt;
}

std::string TomlTable::RequiredString(std::string_view key) {
  if (Find(key) == nullptr) {
    Report(key, "'" + std::string(key) + "' is missing");
    return {};
  }
  return OptionalString(key).value_or(std::string());
}

std::vector<std::string> TomlTable::Strings(std::string_view key) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return {};
  }
  if (const auto* text = node->as_string()) {
    return {text->get()};
  }
  std::vector<std::string> strings;
  if (const auto* array = node->as_array()) {
    for (const toml::node& item : *array) {
      if (const auto* text = item.as_string()) {
        strings.push_back(text->get());
      }
    }
    if (!strings.empty() && strings.size() == array->size()) {
      return strings;
    }
  }
  Report(key, "'" + std::string(key) + "' must be a string or a list of them");
  return {};
}

std::optional<int64_t> TomlTable::OptionalInteger(std::string_view key,
                                                  int64_t least, int64_t most) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto* number = node->as_integer();
  if (number == nullptr || number->get() < least || number->get() > most) {
    Report(key, "'" + std::string(key) + "' must be a whole number, " +
                    std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  return number->get();
}

std::vector<int64_t> TomlTable::Integers(std::string_view key, int64_t least,
                                         int64_t most) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return {};
  }
  std::vector<int64_t> numbers;
  if (const auto* array = node->as_array()) {
    for (const toml::node& item : *array) {
      const auto* number = item.as_integer();
      if (number != nullptr && number->get() >= least &&
          number->get() <= most) {
        numbers.push_back(number->get());
      }
    }
    if (numbers.size() == array->size()) {
      return numbers;
    }
  }
  Report(key, "'" + std::string(key) + "' must be a list of whole numbers, " +
                  std::to_string(least) + " to " + std::to_string(most));
  return {};
}

std::optional<double> TomlTable::OptionalNumber(std::string_view key,
                                                double least, double most) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const auto number = node->value<double>();
  if (!number || !(*number >= least && *number <= most)) {
    std::ostringstream bounds;
    bounds << least << " to " << most;
    Report(key, "'" + std::string(key) + "' must be a number, " + bounds.str());
    return std::nullopt;
  }
  return number;
}

std::optional<bool> TomlTable::OptionalBool(std::string_view key) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  if (const auto* value = node->as_boolean()) {
    return value->get();
  }
  Report(key, "'" + std::string(key) + "' must be true or false");
  return std::nullopt;
}

std::optional<Duration> TomlTable::OptionalDuration(std::string_view key) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  std::optional<Duration> duration;
  if (const auto* text = node->as_string()) {
    duration = ParseDuration(text->get());
  } else if (const auto* seconds = node->as_integer()) {
    duration = ParseDuration(std::to_string(seconds->get()) + "s");
  }
  if (!duration) {
    Report(key, "'" + std::string(key) +
                    "' must be a time: seconds, or text such as \"20ms\", "
                    "\"30s\", \"5m\", \"2h\"");
  }
  return duration;
}

std::optional<IpAddress> TomlTable::ToAddress(std::string_view key,
                                              std::string_view text,
                                              AddressFamily family) {
  const auto address = IpAddress::Parse(text);
  if (address && address->family() == family) {
    return *address;
  }
  Report(key, "'" + std::string(key) + "' is not an " +
                  (family == AddressFamily::kIpv4 ? "IPv4" : "IPv6") +
                  " address: '" + std::string(text) + "'");
  return std::nullopt;
}

std::optional<IpAddress> TomlTable::OptionalAddress(std::string_view key,
                                                    AddressFamily family) {
  const auto text = OptionalString(key);
  return text ? ToAddress(key, *text, family) : std::nullopt;
}

IpAddress TomlTable::RequiredAddress(std::string_view key) {
  if (Find(key) == nullptr) {
    Report(key, "'" + std::string(key) + "' is missing");
    return {};
  }
  const std::string text = OptionalString(key).value_or(std::string());
  const auto address = IpAddress::Parse(text);
  if (!address && !text.empty()) {
    Report(key,
           "'" + std::string(key) + "' is not an IP address: '" + text + "'");
  }
  return address.value_or(IpAddress());
}

std::optional<IpPrefix> TomlTable::OptionalPrefix(std::string_view key) {
  const auto text = OptionalString(key);
  if (!text) {
    return std::nullopt;
  }
  const auto prefix = ParseRange(*text);
  if (!prefix) {
    Report(key, "'" + std::string(key) + "' " + prefix.error());
    return std::nullopt;
  }
  return *prefix;
}

void TomlTable::RejectUnknownKeys() {
  std::string list;
  for (const std::string& key : known_) {
    list += (list.empty() ? "" : ", ") + key;
  }
  for (const auto& [key, node] : table_) {
    if (!known_.contains(key.str())) {
      Report(key.str(), "unknown key '" + std::string(key.str()) +
                            "' (known: " + list + ")");
    }
  }
}

}  // namespace natkit::netsim
