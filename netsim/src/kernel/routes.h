#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// One static route; no prefix means the default route.
struct Route {
  std::optional<IpPrefix> to;
  IpAddress via;
};

/// The routes of a machine whose interface is on `network`: the default route
/// through its uplink, and the ranges behind routers that do not translate.
/// `self` is the box asking, which needs no route to its own inside.
[[nodiscard]] std::vector<Route> RoutesOn(const Scenario& scenario,
                                          std::string_view network,
                                          const Nat* self = nullptr);

}  // namespace natkit::netsim
