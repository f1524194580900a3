#pragma once

#include <string>
#include <string_view>

#include "natkit/mesh/coord/coordinator.h"
#include "natkit/mesh/registry/registry.h"
#include "natkit/mesh/registry/sqlite_store.h"
#include "policy_keeper.h"

// The administration protocol: over the server's Unix socket, one JSON object a
// line in each direction.
//
//   {"verb":"keys.create","user":"ann@x.org"} -> {"result":{...}}
//
// Anything that fails is answered by {"error":"text"}. The arguments of each
// verb are its fields; docs/coordd.md has them.

namespace natkit::coordd {

/// Longer request lines end the connection. A policy is sent in one.
inline constexpr size_t kMaxAdminRequest = size_t{20} << 20;

/// What administrators act on.
struct AdminSubject {
  mesh::Registry& registry;
  mesh::Coordinator& coordinator;
  mesh::SqliteStore& store;
  PolicyKeeper& policy;
  bool is_policy_in_file = false;  ///< [policy] file: not to be set here
};

/// Does what one request line asks for and yields the answer line with its
/// line feed. Nothing that it changed is durable before Settle(): send the
/// answer after that. Never throws.
[[nodiscard]] std::string HandleAdminRequest(AdminSubject& subject,
                                             mesh::ServerTime time,
                                             std::string_view actor,
                                             std::string_view line);

}  // namespace natkit::coordd
