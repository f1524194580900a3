#include "natkit/mesh/routing/route_plan.h"

#include <algorithm>
#include <iterator>

#include "findings.h"
#include "natkit/mesh/routing/prefixes.h"

namespace natkit::routing {

namespace {

constexpr AddressFamily kFamilies[] = {AddressFamily::kIpv4,
                                       AddressFamily::kIpv6};

template <class T>
void SortUnique(std::vector<T>& list) {
  std::ranges::sort(list);
  const auto doubles = std::ranges::unique(list);
  list.erase(doubles.begin(), doubles.end());
}

IpPrefix HostPrefix(const IpAddress& address) {
  return *IpPrefix::Make(address, address.bit_count());
}

IpPrefix DefaultRoute(AddressFamily family) {
  const IpAddress any =
      family == AddressFamily::kIpv4 ? IpAddress() : IpAddress::V6({});
  return *IpPrefix::Make(any, 0);
}

/// What peers own, split by whether a local network could take it away.
class MeshPrefixes {
 public:
  MeshPrefixes(const PlanInput& input,
               const std::vector<LocalNetwork>& networks)
      : input_(input), networks_(networks) {
    for (const MeshPeer& peer : input.peers) {
      for (const IpAddress& address : peer.addresses) {
        AddAddress(address);
      }
      for (const IpPrefix& route : peer.routes) {
        AddRoute(route);
      }
    }
  }

  /// In few prefixes. Those inside a local network stay apart: as part of a
  /// wider one they would lose against it.
  [[nodiscard]] std::vector<IpPrefix> Take() && {
    std::vector<IpPrefix> out = Aggregate(std::move(free_));
    std::ranges::move(inside_, std::back_inserter(out));
    SortUnique(out);
    return out;
  }

 private:
  [[nodiscard]] bool IsInNetwork(const IpPrefix& prefix) const {
    return std::ranges::any_of(networks_, [&](const LocalNetwork& network) {
      return IsInside(prefix, network.prefix);
    });
  }

  [[nodiscard]] bool IsUsable(const IpPrefix& prefix) const {
    return HasFamily(input_.addresses, prefix.address().family());
  }

  void AddAddress(const IpAddress& address) {
    const IpPrefix host = HostPrefix(address);
    if (IsUsable(host) && !Has(input_.addresses, address)) {
      (IsInNetwork(host) ? inside_ : free_).push_back(host);
    }
  }

  void AddRoute(const IpPrefix& route) {
    if (route.length() > 0 && IsUsable(route) && !IsInNetwork(route) &&
        !Has(input_.advertised, route)) {
      free_.push_back(route);
    }
  }

  const PlanInput& input_;
  const std::vector<LocalNetwork>& networks_;
  std::vector<IpPrefix> free_;
  std::vector<IpPrefix> inside_;
};

void PlanMeshRoutes(const PlanInput& input,
                    const std::vector<LocalNetwork>& networks,
                    SystemPlan& plan) {
  std::vector<IpPrefix> prefixes = MeshPrefixes(input, networks).Take();
  for (const IpPrefix& prefix : prefixes) {
    plan.routes.push_back({RouteTable::kMesh, prefix, RouteKind::kTunnel});
  }
  const auto is_covered = [&](const IpPrefix& inner) {
    return !Has(prefixes, inner) &&
           std::ranges::any_of(prefixes, [&](const IpPrefix& prefix) {
             return IsInside(inner, prefix);
           });
  };
  std::vector<IpPrefix> kept;
  for (const LocalNetwork& network : networks) {
    kept.push_back(network.prefix);
  }
  // What this node routes itself must not come back to the mesh.
  std::ranges::copy_if(input.advertised, std::back_inserter(kept),
                       [](const IpPrefix& p) { return p.length() > 0; });
  for (const IpPrefix& prefix : kept) {
    if (is_covered(prefix)) {
      plan.routes.push_back({RouteTable::kMesh, prefix, RouteKind::kThrow});
    }
  }
}

void PlanExitRoutes(const PlanInput& input, SystemPlan& plan) {
  const MeshPeer* exit = FindExit(input);
  for (const AddressFamily family : kFamilies) {
    const IpPrefix all = DefaultRoute(family);
    if (exit != nullptr && CarriesFamily(input, *exit, family)) {
      plan.routes.push_back({RouteTable::kExit, all, RouteKind::kTunnel});
    }
    // Also when the interface is gone nothing leaves past it.
    plan.routes.push_back({RouteTable::kExit, all, RouteKind::kUnreachable});
  }
}

/// Of both families always: peers have addresses of one that this node may
/// lack.
void PlanGoneRoutes(const PlanInput& input,
                    const std::vector<LocalNetwork>& networks,
                    SystemPlan& plan) {
  const auto put = [&](const IpPrefix& to, RouteKind kind) {
    plan.routes.push_back({RouteTable::kGone, to, kind});
  };
  for (const IpPrefix& prefix : input.mesh_prefixes) {
    plan.rules.push_back({RuleKind::kGone, prefix.address().family()});
    put(prefix, RouteKind::kUnreachable);
    for (const LocalNetwork& network : networks) {
      if (IsInside(network.prefix, prefix)) {
        put(network.prefix, RouteKind::kThrow);
      } else if (IsInside(prefix, network.prefix)) {
        put(prefix, RouteKind::kThrow);
      }
    }
  }
}

void PlanRules(const PlanInput& input, SystemPlan& plan) {
  for (const AddressFamily family : kFamilies) {
    const bool is_v4 = family == AddressFamily::kIpv4;
    if (HasFamily(input.addresses, family)) {
      plan.rules.push_back({RuleKind::kMesh, family});
    }
    if (!input.exit) {
      continue;
    }
    plan.rules.push_back({RuleKind::kExit, family});
    plan.rules.push_back(
        {is_v4 ? RuleKind::kDhcp : RuleKind::kLinkLocal, family});
    if (input.lan_access == LanAccess::kOn) {
      plan.rules.push_back({RuleKind::kLan, family});
      if (input.exit_dns == ExitDns::kFollowsExit) {
        plan.rules.push_back({RuleKind::kDns, family});
      }
    }
  }
}

void PlanForwarding(const PlanInput& input, SystemPlan& plan) {
  for (const IpPrefix& route : input.advertised) {
    (route.address().is_v4() ? plan.forwarding.ipv4 : plan.forwarding.ipv6) =
        true;
  }
  Firewall& firewall = plan.firewall;
  firewall.forwards = plan.forwarding.ipv4 || plan.forwarding.ipv6;
  firewall.masquerades = firewall.forwards && input.snat == Snat::kOn;
  firewall.mtu = firewall.forwards ? input.mtu : uint16_t{0};
  firewall.guards_exit = input.exit.has_value();
  if (firewall.guards_exit) {
    firewall.addresses = plan.addresses;
  }
}

void FindUnusedFamilies(const PlanInput& input, std::vector<Finding>& out) {
  for (const MeshPeer& peer : input.peers) {
    for (const IpPrefix& route : peer.routes) {
      if (route.length() > 0 &&
          !HasFamily(input.addresses, route.address().family())) {
        out.push_back({FindingKind::kNoAddress,
                       "the route " + route.ToString() + " of " + peer.name +
                           " is not used: this node has no mesh address of "
                           "its family"});
      }
    }
  }
}

}  // namespace

RoutePlan MakePlan(const PlanInput& input) {
  const std::vector<LocalNetwork> networks = UsableNetworks(input);
  RoutePlan out;
  SystemPlan& plan = out.system;
  plan.addresses = input.addresses;
  SortUnique(plan.addresses);
  PlanMeshRoutes(input, networks, plan);
  if (input.exit) {
    PlanExitRoutes(input, plan);
  }
  PlanGoneRoutes(input, networks, plan);
  PlanRules(input, plan);
  PlanForwarding(input, plan);
  SortUnique(plan.routes);
  SortUnique(plan.rules);
  out.takes_all_dns = input.exit && input.exit_dns == ExitDns::kFollowsExit;
  out.findings = FindOverlaps(input, networks);
  std::ranges::move(FindExitTroubles(input), std::back_inserter(out.findings));
  FindUnusedFamilies(input, out.findings);
  SortUnique(out.findings);
  return out;
}

}  // namespace natkit::routing
