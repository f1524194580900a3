#pragma once

#include <vector>

#include "natkit/mesh/control/map_planner.h"
#include "natkit/mesh/control/map_replica.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_update.h"

// A network map in the words of the node engine; dns_plan.h has those of DNS.

namespace natkit::meshnode {

/// Ourselves and our peers as an inventory file would name them. The map has a
/// self.
[[nodiscard]] mesh::MeshFile MakeInventory(const mesh::NetworkMap& map,
                                           const mesh::MapPlanner& planner);

[[nodiscard]] mesh::PeerConfig MakePeerConfig(const mesh::PlannedPeer& peer);

/// The relays by their numbers in the map. One with a number that the engine
/// cannot hold is left out.
[[nodiscard]] std::vector<mesh::RelayConfig> MakeRelays(
    const mesh::NetworkMap& map);

}  // namespace natkit::meshnode
