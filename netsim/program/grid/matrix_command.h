#pragma once

#include <CLI/CLI.hpp>

namespace natkit::netsim::grid {

/// Adds `netsim matrix`; it sets `exit_status`.
void AddMatrixCommand(CLI::App& app, int& exit_status);

}  // namespace natkit::netsim::grid
