#include <algorithm>

#include "natkit/mesh/policy/compiled_policy.h"
#include "policy/identity.h"
#include "policy/prefix_set.h"
#include "policy/route_roles.h"

namespace natkit::mesh::policy {

namespace {

using Prefixes = std::vector<IpPrefix>;

/// What of a node the rules look at, worked out once.
struct NodeView {
  const PolicyNode& node;
  std::string user;  // empty for a tagged node
  Prefixes own;
  Prefixes routes;  // served, default routes aside
  Prefixes exits;   // served default routes
};

NodeView ViewOf(const PolicyNode& node) {
  NodeView view{node, UserOf(node), {}, {}, {}};
  for (const IpAddress& ip : node.ips) {
    view.own.push_back(HostPrefix(ip));
  }
  for (const IpPrefix& route : ServedRoutes(node)) {
    (IsDefaultRoute(route) ? view.exits : view.routes).push_back(route);
  }
  return view;
}

void Append(const Prefixes& from, Prefixes& to) {
  to.insert(to.end(), from.begin(), from.end());
}

/// What both cover, prefix by prefix.
void AppendCommon(const Prefixes& a, const Prefixes& b, Prefixes& to) {
  for (const IpPrefix& x : a) {
    for (const IpPrefix& y : b) {
      if (const auto common = Intersect(x, y)) {
        to.push_back(*common);
      }
    }
  }
}

/// A rule for one of the two ICMPs holds in that protocol's family.
void KeepFamilies(const CompiledRule& rule, Prefixes& prefixes) {
  if (rule.protocols.size() != 1) {
    return;
  }
  const uint8_t protocol = rule.protocols.front();
  std::erase_if(prefixes, [protocol](const IpPrefix& prefix) {
    return prefix.address().is_v4() ? protocol == kProtocolIcmp6
                                    : protocol == kProtocolIcmp;
  });
}

/// `is_member`: of the rule's sources, by what the node is.
Prefixes SourcePrefixes(const CompiledPolicy& policy, const CompiledRule& rule,
                        const NodeView& view, bool is_member) {
  Prefixes out;
  const IdentitySet& set = rule.sources;
  if (rule.destinations.is_self) {
    const bool is_named = set.is_any || is_member;
    return is_named && !view.user.empty() ? view.own : out;
  }
  if (is_member || set.is_danger_all) {
    Append(view.own, out);
  }
  if (set.is_danger_all) {
    Append(view.routes, out);
    Append(view.exits, out);
  }
  if (set.is_any) {
    AppendCommon(view.own, policy.any_sources(), out);
    Append(view.routes, out);
  }
  AppendCommon(view.own, set.prefixes, out);
  AppendCommon(view.routes, set.prefixes, out);
  return out;
}

bool MayServe(const CompiledRule& rule, const PolicyNode& node) {
  return rule.via.empty() ||
         std::ranges::any_of(node.tags, [&rule](const std::string& tag) {
           return rule.via.contains(tag);
         });
}

void AppendRoutes(const CompiledPolicy& policy, const IdentitySet& set,
                  const NodeView& view, Prefixes& out) {
  if (set.is_any) {
    Append(view.routes, out);
    Append(view.exits, out);
  }
  if (set.is_internet) {
    AppendCommon(view.exits, policy.internet(), out);
  }
  AppendCommon(view.routes, set.prefixes, out);
}

Prefixes DestinationPrefixes(const CompiledPolicy& policy,
                             const CompiledRule& rule, const NodeView& view,
                             bool is_member) {
  Prefixes out;
  const IdentitySet& set = rule.destinations;
  if (set.is_self) {
    return view.user.empty() ? out : view.own;
  }
  if (is_member || set.is_any) {
    Append(view.own, out);
  }
  AppendCommon(view.own, set.prefixes, out);
  if (MayServe(rule, view.node)) {
    AppendRoutes(policy, set, view, out);
  }
  return out;
}

void AddRole(const CompiledRule& rule, size_t index, const NodeView& view,
             Prefixes prefixes, std::vector<RuleRole>& out) {
  if (!prefixes.empty()) {
    KeepFamilies(rule, prefixes);
  }
  if (prefixes.empty()) {
    return;
  }
  Simplify(prefixes);
  out.push_back({index, rule.id,
                 rule.destinations.is_self ? view.user : std::string(),
                 std::move(prefixes)});
}

bool ShareFamily(const Prefixes& a, const Prefixes& b) {
  return std::ranges::any_of(a, [&b](const IpPrefix& x) {
    return std::ranges::any_of(b, [&x](const IpPrefix& y) {
      return x.address().family() == y.address().family();
    });
  });
}

/// Calls `found` for each pair of roles in the same rule instance, until it
/// returns true. Both lists are sorted by rule.
template <class Found>
bool ForEachJoint(const std::vector<RuleRole>& sources,
                  const std::vector<RuleRole>& destinations, Found found) {
  auto source = sources.begin();
  auto destination = destinations.begin();
  while (source != sources.end() && destination != destinations.end()) {
    if (source->rule != destination->rule) {
      ++(source->rule < destination->rule ? source : destination);
      continue;
    }
    if (source->user == destination->user && found(*source, *destination)) {
      return true;
    }
    ++source;
    ++destination;
  }
  return false;
}

bool Joins(const NodeRoles& source, const NodeRoles& destination) {
  return ForEachJoint(source.as_source, destination.as_destination,
                      [](const RuleRole& from, const RuleRole& to) {
                        return ShareFamily(from.prefixes, to.prefixes);
                      });
}

bool OverlapsAny(const Prefixes& set, const IpPrefix& route) {
  return std::ranges::any_of(
      set, [&route](const IpPrefix& prefix) { return prefix.Overlaps(route); });
}

bool ServesExit(const CompiledPolicy& policy, const RuleRole& role,
                const IpPrefix& route) {
  const IdentitySet& set = policy.rules()[role.rule].destinations;
  const bool has_route =
      std::ranges::find(role.prefixes, route) != role.prefixes.end();
  return (set.is_any && has_route) ||
         (set.is_internet &&
          std::ranges::any_of(policy.internet(), [&](const IpPrefix& part) {
            return part.Overlaps(route) &&
                   std::ranges::find(role.prefixes, part) !=
                       role.prefixes.end();
          }));
}

}  // namespace

std::vector<IpPrefix> ServedRoutes(const PolicyNode& node) {
  Prefixes served;
  std::ranges::copy_if(
      node.approved, std::back_inserter(served), [&node](const IpPrefix& r) {
        return std::ranges::find(node.advertised, r) != node.advertised.end();
      });
  return served;
}

bool CompiledPolicy::MeetsPosture(const CompiledRule& rule,
                                  const PolicyNode& node) const {
  return rule.postures.empty() ||
         std::ranges::any_of(rule.postures, [&](const std::string& name) {
           const auto it = policy_.postures.find(name);
           return it != policy_.postures.end() &&
                  Holds(it->second, node.attributes);
         });
}

NodeRoles CompiledPolicy::RolesWhateverPosture(const PolicyNode& node) const {
  NodeRoles roles;
  const NodeView view = ViewOf(node);
  const auto sources = source_members_.RulesOf(node, rules_.size());
  const auto destinations = destination_members_.RulesOf(node, rules_.size());
  for (size_t i = 0; i < rules_.size(); ++i) {
    const CompiledRule& rule = rules_[i];
    AddRole(rule, i, view, SourcePrefixes(*this, rule, view, sources[i]),
            roles.as_source);
    AddRole(rule, i, view,
            DestinationPrefixes(*this, rule, view, destinations[i]),
            roles.as_destination);
  }
  return roles;
}

NodeRoles CompiledPolicy::RolesOf(const PolicyNode& node) const {
  NodeRoles roles = RolesWhateverPosture(node);
  std::erase_if(roles.as_source, [&](const RuleRole& role) {
    return !MeetsPosture(rules_[role.rule], node);
  });
  return roles;
}

std::vector<JoinedRule> JoinedRules(const NodeRoles& source,
                                    const NodeRoles& destination) {
  std::vector<JoinedRule> joined;
  ForEachJoint(source.as_source, destination.as_destination,
               [&joined](const RuleRole& from, const RuleRole& to) {
                 if (ShareFamily(from.prefixes, to.prefixes)) {
                   joined.push_back({from.rule, from.user});
                 }
                 return false;
               });
  return joined;
}

bool SharesEdge(const NodeRoles& a, const NodeRoles& b) {
  return Joins(a, b) || Joins(b, a);
}

bool JoinsRoute(const CompiledPolicy& policy, const NodeRoles& viewer,
                const NodeRoles& router, const IpPrefix& route) {
  const AddressFamily family = route.address().family();
  return ForEachJoint(viewer.as_source, router.as_destination,
                      [&](const RuleRole& from, const RuleRole& to) {
                        return HasFamily(from, family) &&
                               LeadsTo(policy, to, route);
                      }) ||
         ForEachJoint(router.as_source, viewer.as_destination,
                      [&](const RuleRole& from, const RuleRole& to) {
                        return ComesFrom(from, route) && HasFamily(to, family);
                      });
}

bool LeadsTo(const CompiledPolicy& policy, const RuleRole& role,
             const IpPrefix& route) {
  return IsDefaultRoute(route) ? ServesExit(policy, role, route)
                               : OverlapsAny(role.prefixes, route);
}

bool ComesFrom(const RuleRole& role, const IpPrefix& route) {
  return !IsDefaultRoute(route) && OverlapsAny(role.prefixes, route);
}

bool HasFamily(const RuleRole& role, AddressFamily family) {
  return std::ranges::any_of(role.prefixes, [family](const IpPrefix& prefix) {
    return prefix.address().family() == family;
  });
}

}  // namespace natkit::mesh::policy
