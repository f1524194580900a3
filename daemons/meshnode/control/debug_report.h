#pragma once

#include <map>
#include <string>
#include <vector>

#include "natkit/mesh/control/map_replica.h"

namespace natkit::meshnode {

/// What a running node knows and `meshnode debug` keeps. No keys but public
/// ones: there is nothing here to take out.
struct DebugReport {
  const mesh::NetworkMap* map = nullptr;  ///< nullptr: of a mesh file
  std::map<std::string, std::string> settings;
  std::vector<std::string> log;  ///< the last lines
};

/// A JSON object.
[[nodiscard]] std::string FormatDebugReport(const DebugReport& report);

}  // namespace natkit::meshnode
