#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "natkit/base/log.h"
#include "natkit/shell/outcome.h"

namespace natkit::shell {

/// What every daemon's command line knows.
struct CommonOptions {
  std::string log_level;  ///< empty: not given
};

/// Adds --version and --log-level.
void AddCommonOptions(CLI::App& app, CommonOptions& options);

/// Adds --config. An empty name is refused, not taken for none: it is what an
/// unset variable leaves in a service's command.
void AddConfigOption(CLI::App& app, std::string& file, const std::string& help);

/// Parses; yields an exit status when the program is to end now: --help,
/// --version, or a mistake, which it explains on stderr.
[[nodiscard]] std::optional<int> ParseCommandLine(CLI::App& app, int argc,
                                                  char** argv);

/// The level to log at: the command line's, else the file's, else info.
[[nodiscard]] Outcome<LogLevel> ChooseLogLevel(const CommonOptions& options,
                                               const std::string& from_file);

}  // namespace natkit::shell
