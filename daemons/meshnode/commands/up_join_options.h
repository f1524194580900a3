#pragma once

#include <expected>
#include <string>
#include <vector>

#include "commands/command_support.h"
#include "join/membership.h"
#include "shell/node_shell_config.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace natkit::meshnode {

/// What the options of a joining node say, before it is checked.
struct JoinArguments {
  JoinOptions options;
  std::string auth_key;  ///< others see it as well where it comes from
  std::string auth_key_path;
  std::vector<std::string> routes;
  /// The options of `meshnode up` that only a node which joins has.
  std::vector<const CLI::Option*> only_joined;
};

/// Why a node does not start: a sentence for the user, and the exit status.
struct UpRefusal {
  std::string text;
  int code = kExitUsage;
};

/// Adds the options of a node that joins. `join` must outlive the parsing.
void AddJoinOptions(CLI::App& app, JoinArguments& join);

/// Either a mesh file and a name in it, or a server, each with its own options.
[[nodiscard]] Outcome<void> CheckSource(const JoinArguments& join,
                                        const UpOptions& up);

/// Reads what the options only name, checks all of them, and completes `up`.
[[nodiscard]] std::expected<void, UpRefusal> CompleteJoin(JoinArguments join,
                                                          UpOptions& up);

}  // namespace natkit::meshnode
