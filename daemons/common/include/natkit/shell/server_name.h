#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"
#include "natkit/nat/stun_types.h"

namespace natkit::shell {

/// A server as it was written.
struct ServerName {
  std::string host;
  uint16_t port = 0;
  bool operator==(const ServerName&) const = default;
};

/// "stun.example", "stun.example:3479", "192.0.2.1", "[2001:db8::1]:3478".
/// False if it is none of these.
[[nodiscard]] bool ParseServer(const std::string& text, ServerName& out,
                               uint16_t default_port = stun::kDefaultPort);

/// The addresses of each host, in their order: all are looked up at once, and
/// the loop runs until that is done, or for `patience`. Errors: those of
/// io::Resolver; kTimedOut also for what is not known by then.
[[nodiscard]] std::vector<Result<std::vector<IpAddress>>> LookUp(
    io::EventLoop& loop, const std::vector<ServerName>& names,
    Duration patience);

}  // namespace natkit::shell
