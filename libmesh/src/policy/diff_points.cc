#include "policy/diff_points.h"

#include <algorithm>
#include <set>

#include "policy/prefix_set.h"

namespace natkit::mesh::policy {

namespace {

void Insert(const std::vector<IpPrefix>& from, std::set<IpPrefix>& to) {
  to.insert(from.begin(), from.end());
}

/// The prefixes that the policy names.
void InsertPrefixesOf(const CompiledPolicy& policy, std::set<IpPrefix>& out) {
  Insert(policy.mesh_prefixes(), out);
  for (const CompiledRule& rule : policy.rules()) {
    Insert(rule.sources.prefixes, out);
    Insert(rule.destinations.prefixes, out);
  }
}

/// The prefixes of autogroup:internet, if the policy has a rule to it.
std::set<IpPrefix> InternetOf(const CompiledPolicy& policy) {
  const bool has_rule = std::ranges::any_of(
      policy.rules(),
      [](const CompiledRule& rule) { return rule.destinations.is_internet; });
  std::set<IpPrefix> out;
  if (has_rule) {
    Insert(policy.internet(), out);
  }
  return out;
}

DiffPoint PointOf(const IpPrefix& prefix, const std::set<IpPrefix>& internet,
                  const IpAddress& sample) {
  if (internet.contains(prefix)) {
    return {"autogroup:internet", prefix.ToString(), sample};
  }
  return {prefix.ToString(), "", sample};
}

/// Exits serve no address of the mesh.
bool IsServed(const CompiledPolicy& policy, const std::vector<IpPrefix>& routes,
              const IpPrefix& prefix) {
  const bool is_of_mesh = std::ranges::any_of(
      policy.mesh_prefixes(),
      [&](const IpPrefix& mesh) { return IsInside(prefix, mesh); });
  return std::ranges::any_of(routes, [&](const IpPrefix& route) {
    return IsInside(prefix, route) && !(is_of_mesh && IsDefaultRoute(route));
  });
}

/// An address of `whole` that is in none of the prefixes after it. Sorted as
/// they are, those inside `whole` follow it directly.
std::optional<IpAddress> SampleOf(const std::vector<IpPrefix>& sorted,
                                  size_t whole) {
  std::vector<IpPrefix> left = {sorted[whole]};
  size_t next = whole + 1;
  while (next < sorted.size() && IsInside(sorted[next], sorted[whole])) {
    const IpPrefix& hole = sorted[next];
    left = Subtract(left, hole);
    do {
      ++next;
    } while (next < sorted.size() && IsInside(sorted[next], hole));
  }
  return left.empty() ? std::nullopt : std::optional(left.front().address());
}

}  // namespace

std::vector<DiffPoint> CutAddresses(const CompiledPolicy& before,
                                    const CompiledPolicy& after,
                                    const PolicyWorld& world) {
  std::vector<DiffPoint> points;
  std::set<IpPrefix> cuts;
  std::set<IpPrefix> own;
  std::vector<IpPrefix> routes;
  for (const PolicyNode& node : world.nodes) {
    for (const IpAddress& ip : node.ips) {
      points.push_back({node.name, ip.ToString(), ip, true});
      own.insert(HostPrefix(ip));
    }
    const auto served = ServedRoutes(node);
    routes.insert(routes.end(), served.begin(), served.end());
  }
  Insert(routes, cuts);
  InsertPrefixesOf(before, cuts);
  InsertPrefixesOf(after, cuts);
  std::set<IpPrefix> internet = InternetOf(before);
  internet.merge(InternetOf(after));
  std::erase_if(internet, [&cuts](const IpPrefix& prefix) {
    return cuts.contains(prefix);  // known by another name
  });
  cuts.insert(internet.begin(), internet.end());
  cuts.insert(own.begin(), own.end());
  const std::vector<IpPrefix> sorted(cuts.begin(), cuts.end());
  for (size_t i = 0; i < sorted.size(); ++i) {
    if (own.contains(sorted[i]) || !IsServed(before, routes, sorted[i])) {
      continue;
    }
    if (const auto sample = SampleOf(sorted, i)) {
      points.push_back(PointOf(sorted[i], internet, *sample));
    }
  }
  return points;
}

}  // namespace natkit::mesh::policy
