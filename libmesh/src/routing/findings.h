#pragma once

#include <vector>

#include "natkit/mesh/routing/route_plan.h"

namespace natkit::routing {

/// A network that counts: not of the tunnel, not loopback, not link-local.
[[nodiscard]] std::vector<LocalNetwork> UsableNetworks(const PlanInput& input);

/// What is worth saying about routes that meet others.
[[nodiscard]] std::vector<Finding> FindOverlaps(
    const PlanInput& input, const std::vector<LocalNetwork>& networks);

/// What is worth saying about the exit, chosen or not.
[[nodiscard]] std::vector<Finding> FindExitTroubles(const PlanInput& input);

/// The chosen exit, if it is there.
[[nodiscard]] const MeshPeer* FindExit(const PlanInput& input);

/// Whether `peer` is an exit for the family and the node has an address of it.
[[nodiscard]] bool CarriesFamily(const PlanInput& input, const MeshPeer& peer,
                                 AddressFamily family);

[[nodiscard]] bool HasFamily(const std::vector<IpAddress>& addresses,
                             AddressFamily family);

}  // namespace natkit::routing
