#pragma once

#include "natkit/base/result.h"
#include "natkit/ice.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::c {

/// A candidate of the caller's. Errors: kBadArgument (NULL, an unknown type or
/// address family), kBadCandidate (a field is out of its bounds).
[[nodiscard]] Result<ice::Candidate> ToCandidate(
    const natkit_ice_candidate* candidate);

[[nodiscard]] natkit_ice_candidate FromCandidate(
    const ice::Candidate& candidate);

/// A line of SDP. Errors: kBadArgument (NULL), and as ice::ParseCandidate().
[[nodiscard]] Result<ice::Candidate> ToCandidate(const char* line);

}  // namespace natkit::c
