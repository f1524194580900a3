#pragma once

#include <string>
#include <string_view>

#include "natkit/base/time.h"
#include "natkit/netsim/control.h"
#include "run/fabric_plan.h"

namespace natkit::netsim {

/// The requests of the engine process's control socket: one line of words.
///
///     show MEMBER
///     reboot BOX | readdress BOX ADDRESS | block-udp BOX | unblock-udp BOX
///     link-down BOX | link-up BOX
///     blackhole MEMBER NETWORK DURATION
///     set-link MEMBER NETWORK DIRECTION KEY=VALUE...
///
/// NETWORK "*" means every cable of the member.
[[nodiscard]] std::string FormatRequest(std::string_view member,
                                        const Event& event);

/// Does what a request says and returns the answer's body, or why not.
[[nodiscard]] Outcome<std::string> Execute(const FabricPlan& plan,
                                           Fabric& fabric, Instant now,
                                           std::string_view request);

}  // namespace natkit::netsim
