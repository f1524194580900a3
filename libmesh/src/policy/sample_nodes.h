#pragma once

#include <string>
#include <vector>

#include "natkit/mesh/policy/compiled_policy.h"

namespace natkit::mesh::policy {

/// The second machine of a user in SampleNodes() is called so.
[[nodiscard]] std::string OtherMachineOf(const std::string& name);

/// Made-up nodes for two policies, two for each user: named after who they
/// are, with addresses of both families. Routers serve what the policies name
/// outside the mesh, one for each tag of `via` and one without tags, and have
/// no addresses of their own.
[[nodiscard]] std::vector<PolicyNode> SampleNodes(const CompiledPolicy& before,
                                                  const CompiledPolicy& after);

/// Whether a rule of the policy depends on a posture.
[[nodiscard]] bool HasPostures(const CompiledPolicy& policy);

/// Attributes that meet the postures of both policies, as far as these do not
/// contradict each other.
[[nodiscard]] Attributes HealthyAttributes(const CompiledPolicy& before,
                                           const CompiledPolicy& after);

}  // namespace natkit::mesh::policy
