#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "admin_call.h"

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

/// {"error":"text"} with its line feed.
[[nodiscard]] std::string FormatAdminError(std::string_view text);

/// Does what one request line asks for and calls `done` once, now or later,
/// with the answer line. Nothing that it changed is durable before Settle():
/// send the answer after that. Never throws.
void HandleAdminLine(AdminSubject& subject, mesh::ServerTime time,
                     std::string_view actor, std::string_view line,
                     std::function<void(std::string answer)> done);

}  // namespace natkit::coordd
