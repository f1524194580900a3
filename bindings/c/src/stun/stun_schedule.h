#pragma once

#include "natkit/base/result.h"
#include "natkit/nat/stun_retransmit.h"
#include "natkit/stun.h"

namespace natkit::c {

/// A caller's schedule; what it leaves at 0 is as in `fallback`, or follows
/// from the RTO if it sets one. Errors: kBadArgument (out of range).
[[nodiscard]] Result<stun::RetransmitSchedule> ToSchedule(
    const natkit_stun_schedule& schedule,
    const stun::RetransmitSchedule& fallback);

}  // namespace natkit::c
