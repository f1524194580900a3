#pragma once

#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// Sorts, and leaves out what another one holds.
[[nodiscard]] std::vector<IpPrefix> MinimalPrefixes(
    std::vector<IpPrefix> prefixes);

/// A node's addresses and routes, minimal.
[[nodiscard]] std::vector<IpPrefix> PrefixesOf(const NodeEntry& node);

/// Reports every prefix that lies inside one of another node's.
void CheckDisjoint(const MeshFile& file, std::vector<Diagnostic>& out);

}  // namespace natkit::mesh
