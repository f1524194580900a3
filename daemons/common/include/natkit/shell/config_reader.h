#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::shell {

/// Reads one TOML file key by key and gathers everything wrong with it, each as
/// "file:line: text".
///
/// A key of a table is named with a dot, "server.listen", and one of an array
/// of tables with its number too, "relay[0].host". A key that is absent leaves
/// its variable alone. After the last key, call Finish(): it reports what was
/// never asked for as unknown.
class ConfigReader {
 public:
  ConfigReader(std::string file_name, std::string_view text);
  ~ConfigReader();
  ConfigReader(const ConfigReader&) = delete;
  ConfigReader& operator=(const ConfigReader&) = delete;

  /// Whether the file has this key.
  [[nodiscard]] bool Has(std::string_view key) const;
  /// How many tables "[[key]]" the file has.
  [[nodiscard]] size_t Tables(std::string_view key);

  void String(std::string_view key, std::string& out);
  void Strings(std::string_view key, std::vector<std::string>& out);
  void Flag(std::string_view key, bool& out);
  void Count(std::string_view key, size_t least, size_t most, size_t& out);
  /// Seconds, as an integer or with a fraction; not negative.
  void Seconds(std::string_view key, Duration& out);
  /// Where the file has `key`, "file:line", or the file alone.
  [[nodiscard]] std::string Place(std::string_view key) const;
  /// Reports `text` with the line of `key`.
  void Complain(std::string_view key, const std::string& text);
  void Finish();

  [[nodiscard]] const std::vector<std::string>& errors() const {
    return errors_;
  }

 private:
  struct Table;

  [[nodiscard]] std::string Place(unsigned line) const;

  std::string file_name_;
  std::unique_ptr<Table> table_;
  std::vector<std::string> errors_;
};

/// "host:port", ":port" (all addresses, IPv4 and IPv6) or "[v6]:port"; the
/// host is an IP literal. Empty when it is none of these.
[[nodiscard]] std::vector<Endpoint> ParseListenAddress(std::string_view text);

}  // namespace natkit::shell
