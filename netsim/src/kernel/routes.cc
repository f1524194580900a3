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

}  // namespace

std::vector<Route> RoutesOn(const Scenario& scenario, std::string_view network,
                            const Nat* self) {
  std::vector<Route> routes;
  const Nat* uplink = scenario.UplinkOf(network);
  if (uplink != nullptr && uplink != self) {
    routes.push_back({std::nullopt, uplink->inside_address});
  }
  for (const Nat& nat : scenario.nats) {
    if (nat.outside == network && !nat.Translates() && &nat != self) {
      AddBehind(scenario, nat, nat.addresses.front(), routes);
    }
  }
  return routes;
}

}  // namespace natkit::netsim
