#pragma once

#include <expected>
#include <string>

#include "commands/command_support.h"

namespace natkit::meshnode {

/// What the user said about the control socket; empty: nothing.
struct ControlTarget {
  std::string path;  ///< --control
  std::string name;  ///< --name: a node's name
};

/// Exit statuses of commands beside those of shell/outcome.h: no node answers.
inline constexpr int kExitNotRunning = 3;
/// The node runs, and is not (or no longer) in a mesh.
inline constexpr int kExitNotInMesh = 4;

/// Why a command does not reach a node.
struct ControlFailure {
  std::string text;  ///< for the user
  int exit_code = kExitFailure;
};

/// Where a node called target.name makes its socket: target.path, or
/// /run/natkit/NAME.sock, or $XDG_RUNTIME_DIR/natkit/NAME.sock where /run is
/// not ours to write. Makes the natkit folder.
[[nodiscard]] Outcome<std::string> ServerSocketPath(
    const ControlTarget& target);

/// Where a command finds the socket: target.path, or the one of target.name,
/// or the only one there is. The error lists the sockets if there are several.
[[nodiscard]] std::expected<std::string, ControlFailure> ClientSocketPath(
    const ControlTarget& target);

}  // namespace natkit::meshnode
