#pragma once

#include <vector>

#include "config/toml_table.h"
#include "natkit/mesh/fleet/fleet_settings.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// Reads the table [fleet], if there is one.
FleetSettings ReadFleetTable(const toml::table& root,
                             std::vector<Diagnostic>& out);

/// Reads the keys of a [[node]] that only a fleet needs.
FleetNodeSettings ReadFleetNode(TomlTable& table);

}  // namespace natkit::mesh
