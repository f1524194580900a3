#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "natkit/mesh/mesh_file.h"
#include "natkit/shell/error_text.h"
#include "natkit/shell/outcome.h"

namespace CLI {
class App;
}  // namespace CLI

namespace natkit::meshnode {

using shell::DescribeError;
using shell::kExitFailure;
using shell::kExitOk;
using shell::kExitUsage;
using shell::Outcome;

/// Parses a command's arguments (argv[0] is the command's name). Prints help
/// or the usage error and returns the exit code when the command must not run.
[[nodiscard]] std::optional<int> ParseArguments(CLI::App& app, int argc,
                                                char** argv);

/// For CLI::Option::check(): an empty value, which is what an unset variable
/// leaves, is a mistake and not the default.
[[nodiscard]] std::string RefuseEmpty(const std::string& value);

/// The same for what io::IsInterfaceName() does not take.
[[nodiscard]] std::string RefuseBadInterface(const std::string& name);

/// Prints "meshnode COMMAND: text" to stderr, without what a terminal would act
/// upon: servers and other machines have a say in it. Returns kExitFailure.
int FailWith(std::string_view command, std::string_view text);

/// "PATH:LINE: error: text" for a terminal, without the line where none
/// applies.
[[nodiscard]] std::string FormatDiagnostic(const std::string& path,
                                           const mesh::Diagnostic& diagnostic);

}  // namespace natkit::meshnode
