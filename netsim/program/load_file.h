#pragma once

#include <optional>
#include <string>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim::program {

/// Reads a scenario file. Complains, sets the exit status (1: no such file, 2:
/// it is wrong) and returns nullopt if it is missing or wrong.
[[nodiscard]] std::optional<Scenario> LoadFile(const std::string& path,
                                               int& exit_status);

}  // namespace natkit::netsim::program
