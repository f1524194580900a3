#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/time.h"
#include "natkit/shell/outcome.h"

namespace natkit::meshnode {

/// Runs the system's programs, one at a time, and waits for them.
class Programs {
 public:
  static constexpr const char* kSystemPath =
      "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

  /// `path`: directories as in $PATH; programs that are run get it too.
  explicit Programs(std::string path = kSystemPath) : path_(std::move(path)) {}

  /// The file of program `name`; nullopt: it is not installed.
  [[nodiscard]] std::optional<std::string> Find(std::string_view name) const;

  /// Runs `command` with `input` and returns what it wrote; the error has the
  /// program's last words. It is ended after `limit`.
  [[nodiscard]] shell::Outcome<std::string> Run(
      const std::vector<std::string>& command, std::string_view input = {},
      Duration limit = std::chrono::seconds(10)) const;

 private:
  std::string path_;
};

}  // namespace natkit::meshnode
