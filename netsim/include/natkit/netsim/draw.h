#pragma once

#include <string>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// Draws a scenario as a self-contained SVG image: networks as bars from the
/// public one downwards, boxes between them, hosts below their network.
[[nodiscard]] std::string DrawSvg(const Scenario& scenario);

}  // namespace natkit::netsim
