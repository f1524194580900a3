#pragma once

#include <expected>
#include <string>

#include "controller.h"
#include "world_lab.h"

namespace natkit::natcheck::conformance {

/// Runs all tests in real time by two agents, each a command of the shell whose
/// standard input and output are an agent's, such as "natcheck agent ..." or
/// "ssh host natcheck agent ...". The error is for people.
[[nodiscard]] std::expected<RunResult, std::string> RunWithAgents(
    const std::string& inside, const std::string& outside,
    const Options& options);

}  // namespace natkit::natcheck::conformance
