#include "commands/command_support.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "natkit/base/text.h"
#include "natkit/io/tun_device.h"

namespace natkit::meshnode {

std::optional<int> ParseArguments(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return std::nullopt;
}

std::string RefuseEmpty(const std::string& value) {
  return value.empty() ? "the value is empty" : "";
}

std::string RefuseBadInterface(const std::string& name) {
  return io::IsInterfaceName(name)
             ? ""
             : "\"" + name + "\" is no name of a network interface: 1 to " +
                   std::to_string(io::kMaxInterfaceName) +
                   " characters, without blanks, \"/\", \":\" and \"%\"";
}

int FailWith(std::string_view command, std::string_view text) {
  std::cerr << "meshnode " << command << ": " << EscapeControls(text, "\n")
            << '\n';
  return kExitFailure;
}

std::string FormatDiagnostic(const std::string& path,
                             const mesh::Diagnostic& diagnostic) {
  std::string out = path;
  if (diagnostic.line != 0) {
    out += ":" + std::to_string(diagnostic.line);
  }
  out += diagnostic.severity == mesh::Severity::kError ? ": error: "
                                                       : ": warning: ";
  return EscapeControls(out + diagnostic.text);
}

}  // namespace natkit::meshnode
