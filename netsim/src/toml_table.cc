#include "toml_table.h"

#include <utility>

namespace natkit::netsim {

TomlTable::TomlTable(const toml::table& table, std::string title,
                     std::vector<Problem>& problems)
    : table_(table), title_(std::move(title)), problems_(problems) {}

uint32_t TomlTable::line() const {
  return table_.source().begin.line;
}

void TomlTable::Report(std::string_view key, const std::string& text) {
  const toml::node* node = table_.get(key);
  const uint32_t at = node == nullptr ? line() : node->source().begin.line;
  problems_.push_back({at, title_ + ": " + text});
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

std::optional<uint32_t> TomlTable::OptionalSeconds(std::string_view key) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  constexpr int64_t kLongest = 86400;
  const auto* number = node->as_integer();
  if (number == nullptr || number->get() < 1 || number->get() > kLongest) {
    Report(key, "'" + std::string(key) + "' must be 1 to 86400 seconds");
    return std::nullopt;
  }
  return static_cast<uint32_t>(number->get());
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
  return OptionalAddress(key, AddressFamily::kIpv4).value_or(IpAddress());
}

std::optional<IpPrefix> TomlTable::OptionalPrefix(std::string_view key) {
  const auto text = OptionalString(key);
  if (!text) {
    return std::nullopt;
  }
  const auto prefix = IpPrefix::Parse(*text);
  if (prefix) {
    return *prefix;
  }
  Report(key,
         "'" + std::string(key) + "' is not an address range: '" + *text + "'");
  return std::nullopt;
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
