#include <algorithm>
#include <functional>
#include <iterator>

#include "natkit/mesh/routing/prefixes.h"
#include "natkit/mesh/routing/route_plan.h"

namespace natkit::routing {

namespace {

using Action = Step::Action;

template <class T>
std::vector<T> Missing(const std::vector<T>& from, const std::vector<T>& to) {
  std::vector<T> out;
  std::ranges::copy_if(to, std::back_inserter(out),
                       [&](const T& item) { return !Has(from, item); });
  return out;
}

template <class T>
void Append(Action action, const std::vector<T>& items,
            std::vector<Step>& out) {
  for (const T& item : items) {
    out.push_back({action, item});
  }
}

int Length(const PlannedRoute& route) {
  return route.to.length();
}

/// What a more specific route of `to` is to keep is there before a wider one.
/// The last resort comes before what stands in front of it.
std::vector<PlannedRoute> RoutesToPut(const SystemPlan& from,
                                      const SystemPlan& to) {
  auto routes = Missing(from.routes, to.routes);
  std::ranges::sort(routes, [](const PlannedRoute& a, const PlannedRoute& b) {
    return Length(a) != Length(b) ? Length(a) > Length(b) : a.kind > b.kind;
  });
  return routes;
}

/// In the reverse order; what has been replaced is gone already.
std::vector<PlannedRoute> RoutesToRemove(const SystemPlan& from,
                                         const SystemPlan& to) {
  auto routes = Missing(to.routes, from.routes);
  std::erase_if(routes, [&](const PlannedRoute& route) {
    return std::ranges::any_of(to.routes, [&](const PlannedRoute& other) {
      return HaveSameKey(route, other);
    });
  });
  std::ranges::sort(routes, [](const PlannedRoute& a, const PlannedRoute& b) {
    return Length(a) != Length(b) ? Length(a) < Length(b) : a.kind < b.kind;
  });
  return routes;
}

bool UsesExit(const SystemPlan& plan) {
  return std::ranges::find(plan.rules, RuleKind::kExit, &PlannedRule::kind) !=
         plan.rules.end();
}

/// Takes those of one table out of `routes`; the order stays.
std::vector<PlannedRoute> Take(RouteTable table,
                               const std::vector<PlannedRoute>& routes) {
  std::vector<PlannedRoute> out;
  std::ranges::copy_if(routes, std::back_inserter(out),
                       [&](const PlannedRoute& r) { return r.table == table; });
  return out;
}

/// Takes the rules of one kind out of `rules`; the order stays.
std::vector<PlannedRule> Take(RuleKind kind, std::vector<PlannedRule>& rules) {
  const auto is_it = [kind](const PlannedRule& rule) {
    return rule.kind == kind;
  };
  std::vector<PlannedRule> taken;
  std::ranges::copy_if(rules, std::back_inserter(taken), is_it);
  std::erase_if(rules, is_it);
  return taken;
}

/// Of the routes to put or to remove, those that are not the exit's.
struct MeshChanges {
  explicit MeshChanges(const std::vector<PlannedRoute>& routes)
      : mesh(Take(RouteTable::kMesh, routes)),
        blocks(Take(RouteTable::kGone, routes)) {
    const auto is_throw = [](const PlannedRoute& route) {
      return route.kind == RouteKind::kThrow;
    };
    std::ranges::copy_if(blocks, std::back_inserter(gaps), is_throw);
    std::erase_if(blocks, is_throw);
  }

  std::vector<PlannedRoute> mesh;
  std::vector<PlannedRoute> blocks;  ///< what is refused as nobody's
  std::vector<PlannedRoute> gaps;    ///< what is not, inside of that
};

/// Where the exit is new, it holds packets before the mesh lets go of them.
/// Where it stays, the mesh has its packets before exceptions from the exit,
/// and the exit has questions for names before the mesh lets go of them.
/// A rule that makes an exception is there before the one it is from. What
/// peers that are gone had is refused first of all.
void AppendAdditions(const SystemPlan& from, const SystemPlan& to,
                     std::vector<Step>& out) {
  const auto routes = RoutesToPut(from, to);
  const MeshChanges changes(routes);
  auto rules = Missing(from.rules, to.rules);
  const bool is_exit_new = !UsesExit(from) && UsesExit(to);
  Append(Action::kPut, changes.blocks, out);
  if (!is_exit_new) {
    Append(Action::kPut, Take(RuleKind::kDns, rules), out);
    Append(Action::kPut, changes.mesh, out);
  }
  Append(Action::kPut, Take(RouteTable::kExit, routes), out);
  Append(Action::kPut, rules, out);
  if (is_exit_new) {
    Append(Action::kPut, changes.mesh, out);
  }
  Append(Action::kPut, changes.gaps, out);
}

/// The mirror image of AppendAdditions().
void AppendRemovals(const SystemPlan& from, const SystemPlan& to,
                    std::vector<Step>& out) {
  auto rules = Missing(to.rules, from.rules);
  std::ranges::sort(rules, std::greater<>());
  const auto routes = RoutesToRemove(from, to);
  const MeshChanges changes(routes);
  const bool is_exit_left = UsesExit(from) && !UsesExit(to);
  const auto dns =
      is_exit_left ? std::vector<PlannedRule>() : Take(RuleKind::kDns, rules);
  Append(Action::kRemove, changes.gaps, out);
  if (is_exit_left) {
    Append(Action::kRemove, changes.mesh, out);
  }
  Append(Action::kRemove, rules, out);
  if (!is_exit_left) {
    Append(Action::kRemove, changes.mesh, out);
  }
  Append(Action::kRemove, dns, out);
  Append(Action::kRemove, Take(RouteTable::kExit, routes), out);
  Append(Action::kRemove, changes.blocks, out);
}

template <class T>
void Insert(std::vector<T>& list, const T& item) {
  const auto at = std::ranges::lower_bound(list, item);
  if (at == list.end() || *at != item) {
    list.insert(at, item);
  }
}

void Put(const IpAddress& address, SystemPlan& plan) {
  Insert(plan.addresses, address);
}

void Put(const PlannedRoute& route, SystemPlan& plan) {
  std::erase_if(plan.routes, [&](const PlannedRoute& other) {
    return HaveSameKey(route, other);
  });
  Insert(plan.routes, route);
}

void Put(const PlannedRule& rule, SystemPlan& plan) {
  Insert(plan.rules, rule);
}

void Put(const Firewall& firewall, SystemPlan& plan) {
  plan.firewall = firewall;
}

void Put(const Forwarding& forwarding, SystemPlan& plan) {
  plan.forwarding = forwarding;
}

void Remove(const IpAddress& address, SystemPlan& plan) {
  std::erase(plan.addresses, address);
}

void Remove(const PlannedRoute& route, SystemPlan& plan) {
  std::erase(plan.routes, route);
}

void Remove(const PlannedRule& rule, SystemPlan& plan) {
  std::erase(plan.rules, rule);
}

void Remove(const Firewall& /*firewall*/, SystemPlan& plan) {
  plan.firewall = {};
}

void Remove(const Forwarding& /*forwarding*/, SystemPlan& plan) {
  plan.forwarding = {};
}

std::string Name(const IpAddress& address) {
  return "the address " + address.ToString();
}

std::string Name(const PlannedRoute& route) {
  const std::string to = "the route to " + route.to.ToString();
  switch (route.kind) {
    case RouteKind::kTunnel:
      return to + " into the tunnel";
    case RouteKind::kThrow:
      return to + " past the tunnel";
    case RouteKind::kUnreachable:
      return to + " that blocks";
  }
  return to;
}

std::string Name(const PlannedRule& rule) {
  const std::string family =
      rule.family == AddressFamily::kIpv4 ? "IPv4 " : "IPv6 ";
  switch (rule.kind) {
    case RuleKind::kMesh:
      return "the " + family + "rule for the mesh";
    case RuleKind::kDns:
      return "the " + family + "rule for DNS";
    case RuleKind::kLan:
      return "the " + family + "rule for local networks";
    case RuleKind::kDhcp:
      return "the " + family + "rule for DHCP";
    case RuleKind::kLinkLocal:
      return "the " + family + "rule for link-local addresses";
    case RuleKind::kExit:
      return "the " + family + "rule for the exit";
    case RuleKind::kGone:
      return "the " + family + "rule for peers that are gone";
  }
  return family;
}

std::string Name(const Firewall& /*firewall*/) {
  return "the packet filter rules";
}

std::string Name(const Forwarding& /*forwarding*/) {
  return "IP forwarding";
}

}  // namespace

bool HaveSameKey(const PlannedRoute& a, const PlannedRoute& b) {
  const bool a_is_last = a.kind == RouteKind::kUnreachable;
  const bool b_is_last = b.kind == RouteKind::kUnreachable;
  return a.table == b.table && a.to == b.to && a_is_last == b_is_last;
}

std::vector<Step> Diff(const SystemPlan& from, const SystemPlan& to) {
  std::vector<Step> out;
  const bool is_firewall_last =
      from.firewall.guards_exit && !to.firewall.guards_exit;
  const bool is_firewall_new = from.firewall != to.firewall;
  if (is_firewall_new && !is_firewall_last) {
    out.push_back({Action::kPut, to.firewall});
  }
  if (from.forwarding != to.forwarding) {
    out.push_back({Action::kPut, to.forwarding});
  }
  Append(Action::kPut, Missing(from.addresses, to.addresses), out);
  AppendAdditions(from, to, out);
  AppendRemovals(from, to, out);
  Append(Action::kRemove, Missing(to.addresses, from.addresses), out);
  if (is_firewall_new && is_firewall_last) {
    out.push_back({Action::kPut, to.firewall});
  }
  return out;
}

void Apply(const Step& step, SystemPlan& plan) {
  std::visit(
      [&](const auto& what) {
        if (step.action == Action::kPut) {
          Put(what, plan);
        } else {
          Remove(what, plan);
        }
      },
      step.what);
}

std::string Describe(const Step& step) {
  const std::string verb = step.action == Action::kPut ? "set " : "remove ";
  return verb +
         std::visit([](const auto& what) { return Name(what); }, step.what);
}

}  // namespace natkit::routing
