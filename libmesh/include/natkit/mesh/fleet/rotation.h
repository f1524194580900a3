#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/fleet/fleet_plan.h"
#include "natkit/mesh/fleet/rotation_state.h"
#include "natkit/mesh/fleet/verify.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// The step after one; nullopt after the last.
[[nodiscard]] std::optional<FleetRotationStep> NextRotationStep(
    FleetRotationStep step);

/// The first step of the rotation of a node's key. An error says for people
/// why there can be none: no such node, or no next_public_key.
[[nodiscard]] std::expected<RotationState, std::string> BeginRotation(
    const MeshFile& file, std::string_view node);

/// What stands in the way of the step after that of `plan.rotation`: a
/// sentence for each fault of the node and its peers, for each of them that
/// has no dump, and, once the node has switched, for each peer that has never
/// had a handshake with the next key. Faults elsewhere do not count.
[[nodiscard]] std::vector<std::string> RotationBlockers(
    const FleetPlan& plan, const FleetReport& report);

/// The text of a state, TOML; `forced` keeps its printable ASCII.
[[nodiscard]] std::string FormatRotationState(const RotationState& state);

/// Reads what FormatRotationState() wrote. The error has its line.
[[nodiscard]] std::expected<RotationState, Diagnostic> ParseRotationState(
    std::string_view text);

}  // namespace natkit::mesh
