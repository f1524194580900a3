#include "config/toml_table.h"

namespace natkit::mesh {

const toml::node* TomlTable::Find(std::string_view key) {
  asked_.insert(std::string(key));
  return table_.get(key);
}

unsigned TomlTable::LineOf(std::string_view key) const {
  const toml::node* node = table_.get(key);
  return node != nullptr ? node->source().begin.line : line();
}

void TomlTable::AddError(std::string_view key, const std::string& text) {
  diagnostics_.push_back({Severity::kError, LineOf(key), where_ + ": " + text});
}

std::string TomlTable::RequiredString(std::string_view key) {
  if (Find(key) == nullptr) {
    AddError(key, std::string(key) + " is missing");
    return {};
  }
  return OptionalString(key, {});
}

std::string TomlTable::OptionalString(std::string_view key,
                                      std::string fallback) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return fallback;
  }
  const auto* value = node->as_string();
  if (value == nullptr || value->get().empty()) {
    AddError(key, std::string(key) + " must be a non-empty string");
    return fallback;
  }
  return value->get();
}

bool TomlTable::OptionalBool(std::string_view key, bool fallback) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return fallback;
  }
  const auto* value = node->as_boolean();
  if (value == nullptr) {
    AddError(key, std::string(key) + " must be true or false");
    return fallback;
  }
  return value->get();
}

int64_t TomlTable::OptionalInteger(std::string_view key, int64_t low,
                                   int64_t high, int64_t fallback) {
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return fallback;
  }
  const auto* value = node->as_integer();
  if (value == nullptr || value->get() < low || value->get() > high) {
    AddError(key, std::string(key) + " must be a number from " +
                      std::to_string(low) + " to " + std::to_string(high));
    return fallback;
  }
  return value->get();
}

std::vector<std::string> TomlTable::StringList(std::string_view key) {
  std::vector<std::string> out;
  const toml::node* node = Find(key);
  if (node == nullptr) {
    return out;
  }
  const auto* list = node->as_array();
  if (list == nullptr) {
    AddError(key, std::string(key) + " must be a list of strings");
    return out;
  }
  for (const toml::node& item : *list) {
    const auto* value = item.as_string();
    if (value == nullptr) {
      AddError(key, std::string(key) + " must hold strings only");
      return out;
    }
    out.push_back(value->get());
  }
  return out;
}

void TomlTable::FinishAndReportUnknownKeys() {
  for (const auto& [key, node] : table_) {
    if (!asked_.contains(key.str())) {
      diagnostics_.push_back(
          {Severity::kError, key.source().begin.line,
           where_ + ": unknown key \"" + std::string(key.str()) + "\""});
    }
  }
}

}  // namespace natkit::mesh
