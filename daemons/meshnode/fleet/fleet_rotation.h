#pragma once

#include <optional>
#include <string>

#include "commands/command_support.h"
#include "natkit/mesh/fleet/rotation.h"

namespace natkit::meshnode {

/// The rotation that is under way in a folder of rendered files, if one is.
[[nodiscard]] Outcome<std::optional<mesh::RotationState>> LoadRotation(
    const std::string& folder);

/// Remembers how far a rotation is, completely or not at all.
[[nodiscard]] Outcome<void> SaveRotation(const std::string& folder,
                                         const mesh::RotationState& state);

/// Forgets it.
[[nodiscard]] Outcome<void> RemoveRotation(const std::string& folder);

}  // namespace natkit::meshnode
