#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/command_support.h"
#include "natkit/mesh/fleet/verify.h"

namespace natkit::meshnode {

/// Where dumps are and when they were taken.
struct DumpSource {
  /// A folder with NAME.dump of each node, or "-": one dump on stdin.
  std::string path;
  std::string node;  ///< whose dump stdin has; empty: told by its key
  /// Unix time at which the dumps were taken; nullopt: that of each file, now
  /// for stdin.
  std::optional<int64_t> taken_at;
};

/// Reads dumps of `wg show ... dump`. The text, which may hold keys, is wiped.
[[nodiscard]] Outcome<std::vector<mesh::NodeDump>> LoadDumps(
    const DumpSource& source, const mesh::FleetPlan& plan);

}  // namespace natkit::meshnode
