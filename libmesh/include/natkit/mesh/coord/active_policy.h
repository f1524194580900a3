#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/coord/coordinator.h"
#include "natkit/mesh/policy/compiled_policy.h"
#include "natkit/mesh/zone_rules.h"

namespace natkit::mesh {

/// What a zone's name means from now on; nullopt: there is no such zone.
using ZoneLookup =
    std::function<std::optional<ZoneRules>(std::string_view name)>;

/// What of the mesh a policy's rules depend on, beside the node they are asked
/// about.
struct PolicyContext {
  /// Users with their roles. Rules to autogroup:self are there for these.
  std::map<std::string, std::set<std::string>> users;
  /// Approved routes without the default ones: what `*` stands for as a source
  /// beside the mesh's own addresses.
  std::set<IpPrefix> routes;
  bool operator==(const PolicyContext&) const = default;
};

/// The context that a registry's state gives.
[[nodiscard]] PolicyContext MakePolicyContext(const Registry& registry);

/// A node as the policy library takes it. `user` as PolicyView::RolesOf.
[[nodiscard]] policy::PolicyNode MakePolicyNode(const NodeRecord& node,
                                                const UserRecord* user);

/// A compiled policy as the coordinator asks for it.
///
/// Each rule becomes one ViewRule, or several: one for each user if it leads to
/// autogroup:self, and one for each address family if both of its sides name
/// addresses, so that an IPv4 source and an IPv6 destination do not meet. Their
/// ids follow from the rule's, the user and the family.
///
/// A window whose zone is not known is left out; a rule of which no window is
/// left, and one that gives capabilities only, is never open. A rule whose only
/// protocol is ICMP, or ICMPv6, holds in that one's family: its readers have to
/// know, members come with all addresses. Nodes are taken to have an address of
/// each family. Immutable.
class ActivePolicy final : public PolicyView {
 public:
  ActivePolicy(policy::CompiledPolicy compiled, PolicyContext context,
               const ZoneLookup& zones);

  [[nodiscard]] std::vector<ViewRule> Rules() const override;
  [[nodiscard]] std::vector<ViewRole> RolesOf(
      const NodeRecord& node, const UserRecord* user) const override;
  [[nodiscard]] bool AutoApproves(const Owner& owner,
                                  const IpPrefix& prefix) const override;
  [[nodiscard]] bool AutoApprovesExit(const Owner& owner) const override;
  [[nodiscard]] bool MayAssignTag(const Owner& owner,
                                  std::string_view tag) const override;

  [[nodiscard]] const policy::CompiledPolicy& compiled() const {
    return compiled_;
  }

  [[nodiscard]] const PolicyContext& context() const { return context_; }

 private:
  [[nodiscard]] std::vector<ViewRule> InstancesOf(
      const policy::CompiledRule& rule) const;
  void AppendRoles(const policy::PolicyNode& node, const policy::RuleRole& role,
                   RuleDirection direction, std::vector<ViewRole>& out) const;
  [[nodiscard]] std::vector<IpPrefix> SourcesOf(
      const policy::CompiledRule& rule) const;
  [[nodiscard]] std::vector<IpPrefix> DestinationsOf(
      const policy::CompiledRule& rule) const;

  policy::CompiledPolicy compiled_;
  PolicyContext context_;
  /// Of the users above, as policies compare them.
  std::set<std::string, std::less<>> self_users_;
  /// By rule: what ViewRule::windows is.
  std::vector<std::optional<std::vector<WindowInfo>>> windows_;
};

}  // namespace natkit::mesh
