#pragma once

#include <vector>

#include "natkit/mesh/policy/decide.h"

namespace natkit::mesh::policy {

/// Runs the `tests` and `sshTests` of a policy; each failure names the place of
/// what it expected. Empty: all passed, the policy may be taken.
///
/// A test is about every address of its source and of its host. A user, group
/// member, tag or autogroup without a node in `nodes`, and an address that none
/// has or serves, is played by a made-up node, so that tests speak before there
/// are machines. The source reports the test's attributes and no other.
/// Without "at", what should be accepted must be so by rules without a time,
/// and what should be denied must be denied at every time. Without "proto", TCP
/// or UDP suffices to be accepted.
[[nodiscard]] std::vector<Diagnostic> RunTests(
    const CompiledPolicy& policy, const std::vector<PolicyNode>& nodes);

/// Whether the wall clock of a window's zone, showing `moment`, is inside it.
[[nodiscard]] bool IsOpenAt(const TimeWindow& window, const WeekTime& moment);

}  // namespace natkit::mesh::policy
