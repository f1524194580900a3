#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "natkit/mesh/node_event.h"

namespace natkit::meshnode {

/// Keys keep the order of the documentation.
using Json = nlohmann::ordered_json;

/// The documented status object (docs of `meshnode status --json`).
[[nodiscard]] Json StatusToJson(const mesh::NodeState& state,
                                const mesh::NodeCounters& counters);

/// {kind, relay, remote, local, rtt_ms}; what does not apply is null.
[[nodiscard]] Json PathToJson(const mesh::Path& path);

/// "direct 203.0.113.9:40123", "relay eu", "none", of such an object.
[[nodiscard]] std::string DescribeJsonPath(const Json& path);

/// A table for people, of a status object. Robust against keys that lack.
[[nodiscard]] std::string StatusTable(const Json& status, double now_unix);

}  // namespace natkit::meshnode
