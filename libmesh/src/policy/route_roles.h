#pragma once

#include "natkit/mesh/policy/compiled_policy.h"

namespace natkit::mesh::policy {

// A rule gives a viewer a route if the two roles in it are: one of the viewer
// with addresses of the route's family, and one of the router as below.

/// Whether the router's role as a destination covers some of `route`, which it
/// serves; of a default route: whether it covers exit traffic, and not just
/// addresses and routes of the router that lie inside the default route too.
[[nodiscard]] bool LeadsTo(const CompiledPolicy& policy, const RuleRole& role,
                           const IpPrefix& route);

/// Whether the router's role as a source covers some of `route`; never of a
/// default route.
[[nodiscard]] bool ComesFrom(const RuleRole& role, const IpPrefix& route);

/// Whether the role has an address of this family.
[[nodiscard]] bool HasFamily(const RuleRole& role, AddressFamily family);

}  // namespace natkit::mesh::policy
