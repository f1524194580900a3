#include "policy/role_index.h"

#include <functional>
#include <numeric>
#include <utility>

#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

/// Nodes whose roles are kept: each takes up to one entry for each rule.
constexpr size_t kMostKept = 512;

}  // namespace

RoleIndex::RoleIndex(const CompiledPolicy& policy, const PolicyWorld& world)
    : policy_(policy), world_(world), rule_numbers_(policy.rules().size()) {
  std::iota(rule_numbers_.begin(), rule_numbers_.end(), uint32_t{0});
  Refresh();
}

RoleIndex::RoleIndex(const CompiledPolicy& policy, const PolicyWorld& world,
                     SharedNumbers& numbers)
    : policy_(policy), world_(world), numbers_(&numbers) {
  for (const CompiledRule& rule : policy.rules()) {
    const auto next = static_cast<uint32_t>(numbers.rules.size());
    rule_numbers_.push_back(
        numbers.rules.try_emplace(rule.id, next).first->second);
  }
  Refresh();
}

void RoleIndex::Refresh() {
  for (; known_ < world_.nodes.size(); ++known_) {
    const PolicyNode& node = world_.nodes[known_];
    for (const IpAddress& ip : node.ips) {
      owners_.emplace(ip, known_);
    }
    for (const IpPrefix& route : ServedRoutes(node)) {
      routes_.push_back({route, known_});
    }
  }
}

std::vector<Servers> RoleIndex::ServersOf(const IpAddress& address) const {
  const auto [begin, end] = owners_.equal_range(address);
  if (begin != end) {
    Servers owners{HostPrefix(address), {}};
    for (auto it = begin; it != end; ++it) {
      owners.nodes.push_back(it->second);
    }
    return {owners};
  }
  const bool is_of_mesh = Covers(policy_.mesh_prefixes(), address);
  std::map<int, Servers, std::greater<>> by_length;
  for (const Route& route : routes_) {
    const IpPrefix& prefix = route.prefix;
    if (prefix.Contains(address) && !(is_of_mesh && IsDefaultRoute(prefix))) {
      Servers& level = by_length[prefix.length()];
      level.route = prefix;
      level.nodes.push_back(route.node);
    }
  }
  std::vector<Servers> levels;
  for (auto& [length, servers] : by_length) {
    levels.push_back(std::move(servers));
  }
  return levels;
}

const NodeRoles& RoleIndex::RolesOf(size_t node) {
  if (const auto it = roles_.find(node); it != roles_.end()) {
    return it->second;
  }
  if (roles_.size() >= kMostKept) {
    roles_.clear();
  }
  return roles_.emplace(node, policy_.RolesWhateverPosture(world_.nodes[node]))
      .first->second;
}

uint32_t RoleIndex::UserNumber(const RuleRole& role) {
  auto& users = numbers_ != nullptr ? numbers_->users : own_numbers_.users;
  return users.try_emplace(role.user, static_cast<uint32_t>(users.size()))
      .first->second;
}

bool RoleIndex::MeetsPosture(const RuleRole& role, size_t node) const {
  return policy_.MeetsPosture(policy_.rules()[role.rule], world_.nodes[node]);
}

}  // namespace natkit::mesh::policy
