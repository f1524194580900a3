#pragma once

#include <string>
#include <vector>

#include "natkit/mesh/policy/decide.h"

namespace natkit::mesh::policy {

/// A rule instance on one side of a packet.
struct RuleEntry {
  size_t rule = 0;
  std::string user;
  bool meets_posture = true;
  auto operator<=>(const RuleEntry&) const = default;
};

/// The rule instances of an address, sorted.
using Entries = std::vector<RuleEntry>;

/// Of a destination: the node that has the address; or for each length of a
/// served route to it, longest first, all nodes that serve it.
using EntryLevels = std::vector<Entries>;

/// A node of the world with its part in each rule.
struct NodeWithRoles {
  const PolicyNode* node = nullptr;
  std::vector<IpPrefix> routes;  ///< served
  NodeRoles roles;               ///< whatever its posture
};

/// All nodes of a world under one policy.
[[nodiscard]] std::vector<NodeWithRoles> WithRoles(const CompiledPolicy& policy,
                                                   const PolicyWorld& world);

/// As above, only those that have or serve one of two addresses.
[[nodiscard]] std::vector<NodeWithRoles> WithRolesServing(
    const CompiledPolicy& policy, const PolicyWorld& world, const IpAddress& a,
    const IpAddress& b);

/// Who has or serves an address: indices into `nodes`, level by level. Exits
/// serve no address of the mesh.
[[nodiscard]] std::vector<std::vector<size_t>> ServersOf(
    const CompiledPolicy& policy, const std::vector<NodeWithRoles>& nodes,
    const IpAddress& address);

/// The instances in which `address` takes part as a source. `is_served` is
/// false where no node has or serves it; an exit serves sources for rules from
/// autogroup:danger-all only.
[[nodiscard]] Entries SourceEntries(const CompiledPolicy& policy,
                                    const std::vector<NodeWithRoles>& nodes,
                                    const IpAddress& address, bool& is_served);
/// As a destination; empty where no node has or serves it.
[[nodiscard]] EntryLevels DestinationLevels(
    const CompiledPolicy& policy, const std::vector<NodeWithRoles>& nodes,
    const IpAddress& address);

/// The instances that join the two: those of the first level that has one whose
/// posture is met, else all that would.
[[nodiscard]] Entries JoinEntries(const Entries& source,
                                  const EntryLevels& destination);

/// Whether a rule that joins two addresses lets this protocol and port pass.
[[nodiscard]] bool MatchesFlow(const CompiledRule& rule, uint8_t protocol,
                               uint16_t port);

}  // namespace natkit::mesh::policy
