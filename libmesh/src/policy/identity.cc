#include "policy/identity.h"

#include <algorithm>

#include "policy/prefix_set.h"
#include "policy/selector.h"

namespace natkit::mesh::policy {

namespace {

void Add(const Policy& policy, const Selector& selector, IdentitySet& set) {
  switch (selector.kind) {
    case SelectorKind::kAny:
      set.is_any = true;
      return;
    case SelectorKind::kUser:
      set.users.insert(selector.name);
      return;
    case SelectorKind::kGroup:
      if (const auto it = policy.groups.find(selector.name);
          it != policy.groups.end()) {
        set.users.insert(it->second.begin(), it->second.end());
      }
      return;
    case SelectorKind::kTag:
      set.tags.insert(selector.name);
      return;
    case SelectorKind::kMember:
      set.is_member = true;
      return;
    case SelectorKind::kTagged:
      set.is_tagged = true;
      return;
    case SelectorKind::kSelf:
      set.is_self = true;
      return;
    case SelectorKind::kInternet:
      set.is_internet = true;
      return;
    case SelectorKind::kDangerAll:
      set.is_danger_all = true;
      return;
    case SelectorKind::kRole:
      set.roles.insert(selector.name);
      return;
    case SelectorKind::kPrefix:
    case SelectorKind::kHost:
    case SelectorKind::kIpSet:
      set.prefixes.insert(set.prefixes.end(), selector.prefixes.begin(),
                          selector.prefixes.end());
      return;
  }
}

}  // namespace

std::string UserOf(const PolicyNode& node) {
  return node.tags.empty() ? NormalUser(node.user) : std::string();
}

IdentitySet ResolveSelectors(const Policy& policy,
                             const std::vector<Selector>& selectors) {
  IdentitySet set;
  for (const Selector& selector : selectors) {
    Add(policy, selector, set);
  }
  Simplify(set.prefixes);
  return set;
}

bool IsMemberOf(const PolicyNode& node, const IdentitySet& set) {
  if (!node.tags.empty()) {
    return set.is_tagged ||
           std::ranges::any_of(node.tags, [&set](const std::string& tag) {
             return set.tags.contains(tag);
           });
  }
  if (set.is_member) {
    return true;
  }
  return (!node.user.empty() && set.users.contains(UserOf(node))) ||
         std::ranges::any_of(node.roles, [&set](const std::string& role) {
           return set.roles.contains(role);
         });
}

}  // namespace natkit::mesh::policy
