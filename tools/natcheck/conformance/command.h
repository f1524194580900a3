#pragma once

#include <functional>

namespace CLI {
class App;
}  // namespace CLI

namespace natkit::natcheck::conformance {

/// Adds the subcommand "conformance". When it was given, `exit_status` holds
/// what the program is to return: 0 (no MUST fails), 1 (some fail), 2 (usage,
/// or the run could not be made). `exit_status` outlives the App's parse().
void AddConformanceCommand(CLI::App& app, int& exit_status);

/// Adds the subcommand "agent", which conformance runs against real boxes need
/// on both sides.
void AddAgentCommand(CLI::App& app, int& exit_status);

}  // namespace natkit::natcheck::conformance
