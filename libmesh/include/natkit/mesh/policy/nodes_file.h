#pragma once

#include <string_view>
#include <vector>

#include "natkit/mesh/policy/compiled_policy.h"

namespace natkit::mesh::policy {

/// Nodes as `coordd policy eval` takes them, and what is wrong with them.
struct NodesFileResult {
  std::vector<PolicyNode> nodes;
  std::vector<Diagnostic> diagnostics;

  /// True when there is no error.
  [[nodiscard]] bool is_usable() const;
};

/// Reads a list of nodes, as HuJSON:
///
///   [{"name": "gate", "user": "ann@example.com" or null, "tags": ["tag:gate"],
///     "ips": ["100.64.0.1"], "advertised": ["10.0.0.0/8"],
///     "approved": ["10.0.0.0/8"], "attrs": {"node:os": "linux"},
///     "roles": ["admin"]}]
///
/// `name` and `ips` are required. Tags may leave out "tag:". Without
/// `advertised`, a node advertises what is approved. Names and addresses must
/// be unique. Ids count from 1 in the order of the file.
[[nodiscard]] NodesFileResult ParseNodesFile(std::string_view text);

}  // namespace natkit::mesh::policy
