#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/log.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_event.h"

namespace natkit::meshnode {

struct LogLine {
  LogLevel level = LogLevel::kInfo;
  std::string text;
};

/// What the log says about an event; nullopt: nothing (a ping's reply goes to
/// who asked).
[[nodiscard]] std::optional<LogLine> DescribeEvent(
    const mesh::NodeEvent& event,
    const std::map<mesh::RelayId, mesh::RelayEntry>& relays);

}  // namespace natkit::meshnode
