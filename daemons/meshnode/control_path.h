#pragma once

#include <string>

#include "command_support.h"

namespace natkit::meshnode {

/// What the user said about the control socket; empty: nothing.
struct ControlTarget {
  std::string path;  ///< --control
  std::string name;  ///< --name: a node's name
};

/// Where a node called target.name makes its socket: target.path, or
/// /run/natkit/NAME.sock, or $XDG_RUNTIME_DIR/natkit/NAME.sock where /run is
/// not ours to write. Makes the natkit folder.
[[nodiscard]] Outcome<std::string> ServerSocketPath(
    const ControlTarget& target);

/// Where a command finds the socket: target.path, or the one of target.name,
/// or the only one there is. The error lists the sockets if there are several.
[[nodiscard]] Outcome<std::string> ClientSocketPath(
    const ControlTarget& target);

}  // namespace natkit::meshnode
