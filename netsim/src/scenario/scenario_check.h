#pragma once

#include <vector>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// The line of each item of a scenario, by the same index.
struct ScenarioLines {
  std::vector<uint32_t> networks;
  std::vector<uint32_t> hosts;
  std::vector<uint32_t> nats;
  std::vector<uint32_t> cables;
};

/// Checks everything that needs more than one table: names, references,
/// addresses, ways out. Returns all problems, in no particular order.
[[nodiscard]] std::vector<Problem> CheckScenario(const Scenario& scenario,
                                                 const ScenarioLines& lines);

}  // namespace natkit::netsim
