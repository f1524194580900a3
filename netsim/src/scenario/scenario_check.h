#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// Where one table of a scenario file stands.
struct ItemLines {
  uint32_t table = 0;
  std::map<std::string, uint32_t, std::less<>> keys;

  /// The line of a key, or of the table if it lacks the key.
  [[nodiscard]] uint32_t Of(std::string_view key) const;
  /// The line of the key that a message begins with, or else names.
  [[nodiscard]] uint32_t OfKeyIn(std::string_view message) const;
};

/// The lines of each item of a scenario, by the same index.
struct ScenarioLines {
  std::vector<ItemLines> networks;
  std::vector<ItemLines> hosts;
  std::vector<ItemLines> nats;
  std::vector<ItemLines> cables;
  std::vector<ItemLines> steps;
  /// Of the [[forward]] tables of each box, in their order.
  std::vector<std::vector<ItemLines>> forwards;
};

/// Checks everything that needs more than one table: names, references,
/// addresses, ways out. Returns all problems, in no particular order.
[[nodiscard]] std::vector<Problem> CheckScenario(const Scenario& scenario,
                                                 const ScenarioLines& lines);

}  // namespace natkit::netsim
