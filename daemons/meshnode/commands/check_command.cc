#include "commands/check_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "commands/command_support.h"
#include "natkit/shell/files.h"

namespace natkit::meshnode {

namespace {

std::string Count(size_t number, const std::string& noun) {
  return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

std::string Summary(const mesh::MeshFileResult& result, size_t errors,
                    size_t warnings) {
  if (errors != 0) {
    return Count(errors, "error") + ", " + Count(warnings, "warning");
  }
  std::string out = "ok: mesh \"" + result.file.name + "\", " +
                    Count(result.file.nodes.size(), "node") + ", " +
                    Count(result.file.relays.size(), "relay");
  return warnings == 0 ? out : out + "; " + Count(warnings, "warning");
}

}  // namespace

int RunCheck(int argc, char** argv) {
  CLI::App app("Checks a mesh file.", "meshnode check");
  std::string path;
  bool is_strict = false;
  app.add_option("mesh", path, "The mesh file (TOML)")->required();
  app.add_flag("--strict", is_strict, "Warnings are failures, too");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto text = shell::ReadFile(path);
  if (!text) {
    return FailWith("check", text.error());
  }
  const mesh::MeshFileResult result = mesh::ParseMeshFile(*text);
  for (const mesh::Diagnostic& diagnostic : result.diagnostics) {
    std::cout << FormatDiagnostic(path, diagnostic) << '\n';
  }
  const auto errors = static_cast<size_t>(std::ranges::count(
      result.diagnostics, mesh::Severity::kError, &mesh::Diagnostic::severity));
  const size_t warnings = result.diagnostics.size() - errors;
  std::cout << path << ": " << Summary(result, errors, warnings) << '\n';
  const bool is_ok = result.is_usable() && (!is_strict || warnings == 0);
  return is_ok ? kExitOk : kExitFailure;
}

}  // namespace natkit::meshnode
