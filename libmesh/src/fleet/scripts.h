#pragma once

#include <string>

#include "natkit/mesh/fleet/fleet_plan.h"

namespace natkit::mesh {

/// Where a node's host keeps its private key.
[[nodiscard]] std::string KeyFile(const FleetPlan& plan, const FleetNode& node);

/// A shell script that brings a running interface to what its file says. With
/// the private key in a file of its own, it refuses a wrong one.
[[nodiscard]] std::string ApplyScript(const FleetPlan& plan,
                                      const FleetNode& node,
                                      bool has_private_key);

/// A shell script that waits for the first handshake of `next` and then gives
/// it the prefixes of its node.
[[nodiscard]] std::string MoveScript(const FleetPlan& plan,
                                     const FleetNode& node,
                                     const FleetPeer& next);

}  // namespace natkit::mesh
