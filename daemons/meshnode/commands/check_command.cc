#include "commands/check_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>

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

void PrintJson(const std::string& path, const mesh::MeshFileResult& result,
               bool is_ok) {
  using Json = nlohmann::ordered_json;
  Json findings = Json::array();
  for (const mesh::Diagnostic& found : result.diagnostics) {
    const bool is_error = found.severity == mesh::Severity::kError;
    findings.push_back(
        {{"severity", is_error ? "error" : "warning"},
         {"line", found.line == 0 ? Json(nullptr) : Json(found.line)},
         {"text", found.text}});
  }
  const Json json{{"file", path},
                  {"ok", is_ok},
                  {"mesh", result.file.name},
                  {"nodes", result.file.nodes.size()},
                  {"relays", result.file.relays.size()},
                  {"findings", std::move(findings)}};
  std::cout << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

}  // namespace

int RunCheck(int argc, char** argv) {
  CLI::App app("Checks a mesh file.", "meshnode check");
  std::string path;
  bool is_strict = false;
  app.add_option("mesh", path, "The mesh file (TOML)")->required();
  app.add_flag("--strict", is_strict, "Warnings are failures, too");
  bool is_json = false;
  app.add_flag("--json", is_json, "Print one JSON object");
  if (const auto code = ParseArguments(app, argc, argv)) {
    return *code;
  }
  const auto text = shell::ReadFile(path);
  if (!text) {
    return FailWith("check", text.error());
  }
  const mesh::MeshFileResult result = mesh::ParseMeshFile(*text);
  const auto errors = static_cast<size_t>(std::ranges::count(
      result.diagnostics, mesh::Severity::kError, &mesh::Diagnostic::severity));
  const size_t warnings = result.diagnostics.size() - errors;
  const bool is_ok = result.is_usable() && (!is_strict || warnings == 0);
  if (is_json) {
    PrintJson(path, result, is_ok);
    return is_ok ? kExitOk : kExitFailure;
  }
  for (const mesh::Diagnostic& diagnostic : result.diagnostics) {
    std::cout << FormatDiagnostic(path, diagnostic) << '\n';
  }
  std::cout << path << ": " << Summary(result, errors, warnings) << '\n';
  return is_ok ? kExitOk : kExitFailure;
}

}  // namespace natkit::meshnode
