#pragma once

#include "natkit/base/result.h"
#include "natkit/ice.h"
#include "natkit/nat/ice_config.h"
#include "natkit/nat/nat_traits.h"

namespace natkit::c {

/// What a natkit_ice_agent_config says, but for its random source. Errors: as
/// natkit_ice_agent_new().
[[nodiscard]] Result<ice::AgentConfig> ToAgentConfig(
    const natkit_ice_agent_config& config);

/// A duration of ICE's; 0: `fallback`. Errors: kBadArgument for more than
/// NATKIT_ICE_LONGEST.
[[nodiscard]] Result<Duration> ToIceDuration(uint64_t ns, Duration fallback);

}  // namespace natkit::c
