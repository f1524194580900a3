#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace natkit::coordd {

/// Adds check, eval and diff, which look at files and need no server. The
/// parsed one puts itself into `run`, which yields the exit status; both must
/// outlive the parsing.
void AddPolicyFileCommands(CLI::App& group, std::function<int()>& run);

}  // namespace natkit::coordd
