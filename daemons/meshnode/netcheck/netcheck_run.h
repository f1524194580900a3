#pragma once

#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"
#include "netcheck/netcheck_report.h"
#include "netcheck/netcheck_servers.h"

namespace natkit::meshnode {

/// Asks the servers and the router, from sockets of its own, and runs the loop
/// meanwhile: some seconds, `limit` and one more at the most. Where the
/// servers' fwmark is not allowed, packets have none.
[[nodiscard]] NetcheckReport RunNetcheck(io::EventLoop& loop,
                                         NetcheckServers servers, Rng& rng,
                                         Duration limit);

}  // namespace natkit::meshnode
