#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "natkit/base/time.h"
#include "natkit/netsim/control.h"
#include "run/fabric_plan.h"

namespace natkit::netsim {

/// What the fabric knows of a member; nullopt if it has no such.
[[nodiscard]] std::optional<MemberView> ViewMember(const FabricPlan& plan,
                                                   const Fabric& fabric,
                                                   Instant now,
                                                   std::string_view member);

/// As lines of text, for the control socket.
[[nodiscard]] std::string FormatView(const MemberView& view);
/// nullopt unless `text` is what FormatView writes.
[[nodiscard]] std::optional<MemberView> ParseView(std::string_view text);

}  // namespace natkit::netsim
