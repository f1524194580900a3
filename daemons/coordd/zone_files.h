#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "natkit/mesh/zone_rules.h"

namespace natkit::coordd {

/// Reads a zone from the system's database of time zones, e.g. "Europe/Berlin",
/// with what holds from `from_unix` on. nullopt: there is none of this name.
[[nodiscard]] std::optional<mesh::ZoneRules> ReadZoneFile(std::string_view name,
                                                          int64_t from_unix);

/// ReadZoneFile() from today on.
[[nodiscard]] std::optional<mesh::ZoneRules> FindZone(std::string_view name);

}  // namespace natkit::coordd
