#include "natkit/mesh/fleet/rotation_state.h"

#include <algorithm>
#include <array>
#include <expected>

#include "config/toml_table.h"
#include "natkit/mesh/fleet/rotation.h"

namespace natkit::mesh {

namespace {

constexpr std::array kSteps = {
    FleetRotationStep::kAnnounce, FleetRotationStep::kSwitch,
    FleetRotationStep::kMove, FleetRotationStep::kRetire};

PublicKey ReadKey(TomlTable& table, std::string_view name) {
  const auto key = PublicKey::FromBase64(table.RequiredString(name));
  if (!key || key->is_zero()) {
    table.AddError(name, std::string(name) + " must be a public key");
    return {};
  }
  return *key;
}

FleetRotationStep ReadStep(TomlTable& table) {
  const std::string text = table.RequiredString("step");
  const auto* const found =
      std::ranges::find(kSteps, std::string_view(text), RotationStepName);
  if (found == kSteps.end()) {
    table.AddError("step", "step is announce, switch, move or retire");
    return {};
  }
  return *found;
}

RotationState ReadState(const toml::table& root,
                        std::vector<Diagnostic>& diagnostics) {
  TomlTable table(root, "rotation", diagnostics);
  RotationState state;
  state.node = table.RequiredString("node");
  state.from = ReadKey(table, "from");
  state.to = ReadKey(table, "to");
  state.step = ReadStep(table);
  state.forced = table.OptionalString("forced", "");
  table.FinishAndReportUnknownKeys();
  return state;
}

/// A TOML literal string: whatever is between the quotes stands for itself.
std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    out += c >= ' ' && c <= '~' && c != '\'' ? c : '?';
  }
  return out + "'";
}

}  // namespace

std::string_view RotationStepName(FleetRotationStep step) {
  switch (step) {
    case FleetRotationStep::kAnnounce:
      return "announce";
    case FleetRotationStep::kSwitch:
      return "switch";
    case FleetRotationStep::kMove:
      return "move";
    case FleetRotationStep::kRetire:
      return "retire";
  }
  return "";
}

std::string FormatRotationState(const RotationState& state) {
  std::string out =
      "# A change of key that `meshnode rotate` is in the middle of.\n";
  out += "node = " + Quoted(state.node) + "\n";
  out += "from = " + Quoted(state.from.ToBase64()) + "\n";
  out += "to = " + Quoted(state.to.ToBase64()) + "\n";
  out += "step = " + Quoted(RotationStepName(state.step)) + "\n";
  if (!state.forced.empty()) {
    out += "forced = " + Quoted(state.forced) + "\n";
  }
  return out;
}

std::expected<RotationState, Diagnostic> ParseRotationState(
    std::string_view text) {
  std::vector<Diagnostic> diagnostics;
  try {
    RotationState state = ReadState(toml::parse(text), diagnostics);
    if (diagnostics.empty()) {
      return state;
    }
  } catch (const toml::parse_error& error) {
    diagnostics.push_back(
        {Severity::kError, error.source().begin.line,
         "not valid TOML: " + std::string(error.description())});
  }
  return std::unexpected(diagnostics.front());
}

}  // namespace natkit::mesh
