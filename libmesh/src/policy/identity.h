#pragma once

#include <vector>

#include "natkit/mesh/policy/compiled_policy.h"

namespace natkit::mesh::policy {

/// The node's user as policies compare it; empty for a tagged node.
[[nodiscard]] std::string UserOf(const PolicyNode& node);

/// Who a list of names stands for. Groups come from `policy`.
[[nodiscard]] IdentitySet ResolveSelectors(
    const Policy& policy, const std::vector<Selector>& selectors);

/// Whether the node belongs to the set by who it is (user, group, tag, role,
/// member, tagged), which covers all its own addresses.
[[nodiscard]] bool IsMemberOf(const PolicyNode& node, const IdentitySet& set);

}  // namespace natkit::mesh::policy
