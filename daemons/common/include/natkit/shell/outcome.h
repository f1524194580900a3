#pragma once

#include <expected>
#include <string>

namespace natkit::shell {

/// A value, or one line for the operator that says what to do about it.
template <class T>
using Outcome = std::expected<T, std::string>;

/// Exit status of every daemon; systemd units and scripts rely on it.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,  ///< it failed while running (a port in use, ...)
  kExitUsage = 2,    ///< the command line or a configuration file is wrong
};

}  // namespace natkit::shell
