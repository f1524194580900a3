#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "natkit/mesh/policy/decide.h"

namespace natkit::mesh::policy {

/// Nodes that have an address, or serve one route to it.
struct Servers {
  IpPrefix route;  ///< of those that have the address: that one alone
  std::vector<size_t> nodes;
};

/// Numbers that mean the same under several policies.
struct SharedNumbers {
  std::map<uint64_t, uint32_t> rules;  ///< by CompiledRule::id
  std::map<std::string, uint32_t> users;
};

/// Finds the nodes of a world by address, and their roles under one policy,
/// which it works out when asked and keeps for a while.
class RoleIndex {
 public:
  /// Both must outlive this object. Nodes may be appended to the world, their
  /// attributes may change. Rules are numbered as in the policy.
  RoleIndex(const CompiledPolicy& policy, const PolicyWorld& world);
  /// As above, with numbers that other indices share; they must outlive this
  /// object.
  RoleIndex(const CompiledPolicy& policy, const PolicyWorld& world,
            SharedNumbers& numbers);

  /// Takes up the nodes that were appended.
  void Refresh();

  [[nodiscard]] const CompiledPolicy& policy() const { return policy_; }

  [[nodiscard]] const PolicyWorld& world() const { return world_; }

  /// The nodes that have the address; else for each length of a served route to
  /// it, longest first, those that serve it. Exits serve no address of the
  /// mesh.
  [[nodiscard]] std::vector<Servers> ServersOf(const IpAddress& address) const;

  /// The node's roles, whatever its posture. Holds until the next call.
  const NodeRoles& RolesOf(size_t node);

  /// The number of the rule of a role.
  [[nodiscard]] uint32_t RuleNumber(const RuleRole& role) const {
    return rule_numbers_[role.rule];
  }

  /// A number for the user of a role.
  uint32_t UserNumber(const RuleRole& role);

  [[nodiscard]] bool MeetsPosture(const RuleRole& role, size_t node) const;

 private:
  struct Route {
    IpPrefix prefix;
    size_t node = 0;
  };

  const CompiledPolicy& policy_;
  const PolicyWorld& world_;
  size_t known_ = 0;
  std::multimap<IpAddress, size_t> owners_;
  std::vector<Route> routes_;
  std::map<size_t, NodeRoles> roles_;
  std::vector<uint32_t> rule_numbers_;
  SharedNumbers own_numbers_;
  SharedNumbers* numbers_ = nullptr;  // other indices have them too
};

/// Decide() with an index of the world.
[[nodiscard]] Decision DecideWith(RoleIndex& index,
                                  const FlowQuestion& question);

}  // namespace natkit::mesh::policy
