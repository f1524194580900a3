#pragma once

#include <vector>

#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// Appends what is wrong with the inventory as a whole, in the order of the
/// file: duplicates, prefixes claimed twice, references to nothing.
void CheckMeshFile(const MeshFile& file, std::vector<Diagnostic>& diagnostics);

}  // namespace natkit::mesh
