#include "kernel/routes.h"

namespace natkit::netsim {
namespace {

/// Every range that is reached by entering `router` from outside.
void AddBehind(const Scenario& scenario, const Nat& router, IpAddress via,
               std::vector<Route>& routes) {
  const Network* inside = scenario.FindNetwork(router.inside);
  if (inside == nullptr) {
    return;
  }
  routes.push_back({inside->cidr, via});
  for (const Nat& next : scenario.nats) {
    if (next.outside == router.inside && !next.Translates()) {
      AddBehind(scenario, next, via, routes);
    }
  }
}

/// The same for IPv6, which a box may route while it translates IPv4.
void AddBehind6(const Scenario& scenario, const Nat& router, IpAddress via,
                std::vector<Route>& routes) {
  const NatConfig& config = router.config;
  if (config.ipv6 == Ipv6Mode::kNptv6 && config.outside_prefix6) {
    routes.push_back({*config.outside_prefix6, via});
    return;  // what is inside is seen through that prefix alone
  }
  if (config.ipv6 == Ipv6Mode::kDrop || !config.inside_prefix6) {
    return;
  }
  routes.push_back({*config.inside_prefix6, via});
  for (const Nat& next : scenario.nats) {
    if (next.outside == router.inside) {
      AddBehind6(scenario, next, via, routes);
    }
  }
}

void AddDefaults(const Nat& uplink, std::vector<Route>& routes) {
  routes.push_back({std::nullopt, uplink.inside_address});
  const auto& inside6 = uplink.config.inside_address6;
  if (inside6 && *inside6 != uplink.inside_address) {
    routes.push_back({std::nullopt, *inside6});
  }
}

}  // namespace

std::vector<Route> RoutesOn(const Scenario& scenario, std::string_view network,
                            const Nat* self) {
  std::vector<Route> routes;
  const Nat* uplink = scenario.UplinkOf(network);
  if (uplink != nullptr && uplink != self) {
    AddDefaults(*uplink, routes);
  }
  for (const Nat& nat : scenario.nats) {
    if (nat.outside != network || &nat == self) {
      continue;
    }
    if (!nat.Translates()) {
      AddBehind(scenario, nat, nat.addresses.front(), routes);
    }
    if (nat.config.outside_address6) {
      AddBehind6(scenario, nat, *nat.config.outside_address6, routes);
    }
  }
  return routes;
}

}  // namespace natkit::netsim
