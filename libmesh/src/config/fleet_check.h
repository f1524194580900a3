#pragma once

#include <vector>

#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// Appends what is wrong with the fleet of an inventory: hubs that are no
/// nodes or that nobody can reach, keys that belong to somebody already.
void CheckFleet(const MeshFile& file, std::vector<Diagnostic>& diagnostics);

}  // namespace natkit::mesh
