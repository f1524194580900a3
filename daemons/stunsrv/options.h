#pragma once

#include <expected>
#include <string>
#include <vector>

#include "natkit/shell/outcome.h"
#include "settings.h"

namespace natkit::stunsrv {

/// The command line, kept to be put over the file again at each reload.
struct CommandLine {
  std::string config;  ///< the file; empty: none
  bool is_check = false;
  bool is_quiet = false;
  std::string log_level;
  // Empty: not given.
  std::vector<std::string> listen;
  std::vector<size_t> rate_limit;
  std::vector<size_t> threads;
  std::string amplification;
};

/// Errors: the exit status to end with; what was wrong is on stderr.
[[nodiscard]] std::expected<CommandLine, int> ParseCommandLine(int argc,
                                                               char** argv);

/// Reads the file, puts the command line over it and checks all of it. The
/// error is everything that is wrong, a line each.
[[nodiscard]] std::expected<Settings, std::vector<std::string>> LoadSettings(
    const CommandLine& line);

}  // namespace natkit::stunsrv
