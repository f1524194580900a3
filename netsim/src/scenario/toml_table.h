#pragma once

#include <toml++/toml.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
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
  /// The line of every key that is there.
  [[nodiscard]] std::map<std::string, uint32_t, std::less<>> KeyLines() const;
  /// The line of a key, or of the table if it lacks the key.
  [[nodiscard]] uint32_t LineOf(std::string_view key) const;

  void Report(std::string_view key, const std::string& text);

  /// An empty string, and a problem, if the key is missing.
  [[nodiscard]] std::string RequiredString(std::string_view key);
  [[nodiscard]] std::optional<std::string> OptionalString(std::string_view key);
  /// A string, or an array of at least one string; empty if missing.
  [[nodiscard]] std::vector<std::string> Strings(std::string_view key);
  /// An integer within the bounds.
  [[nodiscard]] std::optional<int64_t> OptionalInteger(std::string_view key,
                                                       int64_t least,
                                                       int64_t most);
  /// A list of integers within the bounds; empty if missing.
  [[nodiscard]] std::vector<int64_t> Integers(std::string_view key,
                                              int64_t least, int64_t most);
  /// A number within the bounds.
  [[nodiscard]] std::optional<double> OptionalNumber(std::string_view key,
                                                     double least, double most);
  [[nodiscard]] std::optional<bool> OptionalBool(std::string_view key);
  /// A number of seconds, or text with a unit (see ParseDuration).
  [[nodiscard]] std::optional<Duration> OptionalDuration(std::string_view key);
  [[nodiscard]] std::optional<IpAddress> OptionalAddress(std::string_view key,
                                                         AddressFamily family);
  /// Of either family; 0.0.0.0, and a problem, if the key is missing.
  [[nodiscard]] IpAddress RequiredAddress(std::string_view key);
  /// A range without host bits.
  [[nodiscard]] std::optional<IpPrefix> OptionalPrefix(std::string_view key);

  [[nodiscard]] bool Has(std::string_view key) const {
    return table_.contains(key);
  }

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
