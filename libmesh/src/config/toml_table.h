#pragma once

#include <toml++/toml.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// Reads one TOML table key by key and remembers which keys were asked for, so
/// that a misspelt one is reported instead of ignored.
class TomlTable {
 public:
  TomlTable(const toml::table& table, std::string where,
            std::vector<Diagnostic>& diagnostics)
      : table_(table), where_(std::move(where)), diagnostics_(diagnostics) {}

  /// Empty, with an error, where the key is absent or not a string.
  std::string RequiredString(std::string_view key);
  std::string OptionalString(std::string_view key, std::string fallback);
  bool OptionalBool(std::string_view key, bool fallback);
  /// `fallback` with an error where the value lies outside [low, high].
  int64_t OptionalInteger(std::string_view key, int64_t low, int64_t high,
                          int64_t fallback);
  std::vector<std::string> StringList(std::string_view key);

  void AddError(std::string_view key, const std::string& text);
  /// Reports every key that was not asked for.
  void FinishAndReportUnknownKeys();

  [[nodiscard]] unsigned line() const { return table_.source().begin.line; }

  [[nodiscard]] bool has(std::string_view key) const {
    return table_.contains(key);
  }

  [[nodiscard]] unsigned LineOf(std::string_view key) const;

 private:
  const toml::node* Find(std::string_view key);

  const toml::table& table_;
  std::string where_;
  std::vector<Diagnostic>& diagnostics_;
  std::set<std::string, std::less<>> asked_;
};

}  // namespace natkit::mesh
