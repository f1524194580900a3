#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "verdict.h"
#include "world_lab.h"

namespace natkit::natcheck::conformance {

/// The verdicts that would be right for one requirement: one, or several where
/// chance or what cannot be seen decides.
using Expected = std::set<Verdict>;

/// What a run against boxes with these parameters has to say, by requirement.
/// Derived from the parameters and the RFCs alone: the engine is not asked.
[[nodiscard]] std::map<std::string_view, Expected> ExpectedVerdicts(
    const Chain& chain);

}  // namespace natkit::natcheck::conformance
