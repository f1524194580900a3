#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// Reads the keys of one TOML table and reports what is wrong with them, by
/// line. Every key that is asked for counts as known.
class TomlTable {
 public:
  /// `title` names the table in messages, e.g. "[[host]]".
  TomlTable(const toml::table& table, std::string title,
            std::vector<Problem>& problems);

  [[nodiscard]] uint32_t line() const;

  void Report(std::string_view key, const std::string& text);

  /// An empty string, and a problem, if the key is missing.
  [[nodiscard]] std::string RequiredString(std::string_view key);
  [[nodiscard]] std::optional<std::string> OptionalString(std::string_view key);
  /// A string, or an array of at least one string; empty if missing.
  [[nodiscard]] std::vector<std::string> Strings(std::string_view key);
  [[nodiscard]] std::optional<uint32_t> OptionalSeconds(std::string_view key);
  [[nodiscard]] std::optional<IpAddress> OptionalAddress(std::string_view key,
                                                         AddressFamily family);
  [[nodiscard]] IpAddress RequiredAddress(std::string_view key);
  [[nodiscard]] std::optional<IpPrefix> OptionalPrefix(std::string_view key);

  /// Reports each key that nobody asked for. Call it last.
  void RejectUnknownKeys();

 private:
  [[nodiscard]] const toml::node* Find(std::string_view key);
  [[nodiscard]] std::optional<IpAddress> ToAddress(std::string_view key,
                                                   std::string_view text,
                                                   AddressFamily family);

  const toml::table& table_;
  std::string title_;
  std::vector<Problem>& problems_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace natkit::netsim
