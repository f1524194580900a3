#include <initializer_list>
#include <utility>

#include "natkit/mesh/policy/compiled_policy.h"
#include "policy/identity.h"

namespace natkit::mesh::policy {

void MemberIndex::Add(size_t rule, const IdentitySet& side) {
  using Names = std::set<std::string, std::less<>>;
  for (const auto& [names, to] :
       std::initializer_list<std::pair<const Names*, RulesByName*>>{
           {&side.users, &users_},
           {&side.tags, &tags_},
           {&side.roles, &roles_}}) {
    for (const std::string& name : *names) {
      (*to)[name].push_back(rule);
    }
  }
  if (side.is_member) {
    members_.push_back(rule);
  }
  if (side.is_tagged) {
    tagged_.push_back(rule);
  }
}

std::vector<bool> MemberIndex::RulesOf(const PolicyNode& node,
                                       size_t rules) const {
  std::vector<bool> found(rules);
  const auto take = [&found](const Rules& list) {
    for (const size_t rule : list) {
      found[rule] = true;
    }
  };
  const auto take_named = [&take](const RulesByName& by_name,
                                  const std::string& name) {
    if (const auto it = by_name.find(name); it != by_name.end()) {
      take(it->second);
    }
  };
  if (!node.tags.empty()) {
    take(tagged_);
    for (const std::string& tag : node.tags) {
      take_named(tags_, tag);
    }
    return found;
  }
  take(members_);
  if (!node.user.empty()) {
    take_named(users_, UserOf(node));
  }
  for (const std::string& role : node.roles) {
    take_named(roles_, role);
  }
  return found;
}

}  // namespace natkit::mesh::policy
