#pragma once

#include <string>
#include <vector>

#include "natkit/netsim/control.h"

namespace natkit::netsim::program {

// Text for people and JSON for programs, each ending in a newline unless it
// is one object.
[[nodiscard]] std::string RenderProfiles();
[[nodiscard]] std::string RenderParameters();
[[nodiscard]] std::string RenderParametersJson();
[[nodiscard]] std::string RenderProfilesJson();
[[nodiscard]] std::string RenderMember(const MemberView& view);
[[nodiscard]] std::string RenderMemberJson(const MemberView& view);
[[nodiscard]] std::string RenderRuns(const std::vector<RunSummary>& runs);
[[nodiscard]] std::string RenderRunsJson(const std::vector<RunSummary>& runs);
[[nodiscard]] std::string RenderRunJson(const RunSummary& run);

}  // namespace natkit::netsim::program
