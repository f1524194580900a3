#include <algorithm>
#include <optional>

#include "natkit/mesh/policy/compiled_policy.h"
#include "policy/identity.h"
#include "policy/prefix_set.h"
#include "policy/selector.h"

namespace natkit::mesh::policy {

namespace {

/// Follows tags that own tags; each is looked at once, so circles end.
class TagOwnership {
 public:
  TagOwnership(const Policy& policy, const TagClaimant& claimant)
      : policy_(policy), claimant_(claimant) {}

  bool Owns(std::string_view tag) {
    const auto it = policy_.tag_owners.find(std::string(tag));
    if (it == policy_.tag_owners.end() || !seen_.insert(it->first).second) {
      return false;
    }
    if (it->second.empty()) {
      return claimant_.roles.contains("admin") ||
             claimant_.roles.contains("owner");
    }
    return std::ranges::any_of(
        it->second, [this](const Selector& owner) { return Is(owner); });
  }

 private:
  bool Is(const Selector& owner) {
    if (owner.kind == SelectorKind::kTag) {
      return claimant_.tags.contains(owner.name) || Owns(owner.name);
    }
    if (claimant_.user.empty()) {
      return false;
    }
    PolicyNode device;
    device.user = claimant_.user;
    device.roles = claimant_.roles;
    return IsMemberOf(device, ResolveSelectors(policy_, {owner}));
  }

  const Policy& policy_;
  const TagClaimant& claimant_;
  std::set<std::string> seen_;
};

bool IsListed(const Policy& policy, const PolicyNode& node,
              const std::vector<Selector>& names) {
  return IsMemberOf(node, ResolveSelectors(policy, names));
}

bool IsTarget(const Policy& policy, const PolicyNode& node,
              const std::vector<Selector>& targets) {
  const IdentitySet set = ResolveSelectors(policy, targets);
  return set.is_any || IsMemberOf(node, set) ||
         std::ranges::any_of(node.ips, [&set](const IpAddress& ip) {
           return Covers(set.prefixes, ip);
         });
}

}  // namespace

bool MayAssignTag(const Policy& policy, const TagClaimant& claimant,
                  std::string_view tag) {
  return TagOwnership(policy, claimant).Owns(tag);
}

bool AutoApproves(const Policy& policy, const PolicyNode& node,
                  const IpPrefix& route) {
  if (std::ranges::find(node.advertised, route) == node.advertised.end()) {
    return false;
  }
  if (IsDefaultRoute(route)) {
    return IsListed(policy, node, policy.exit_approvers);
  }
  return std::ranges::any_of(policy.route_approvers,
                             [&](const RouteApprover& entry) {
                               return IsInside(route, entry.prefix) &&
                                      IsListed(policy, node, entry.approvers);
                             });
}

std::set<std::string> AttributesOf(const Policy& policy,
                                   const PolicyNode& node) {
  std::set<std::string> attributes;
  for (const NodeAttrRule& rule : policy.node_attrs) {
    if (IsTarget(policy, node, rule.targets)) {
      attributes.insert(rule.attributes.begin(), rule.attributes.end());
    }
  }
  return attributes;
}

}  // namespace natkit::mesh::policy
