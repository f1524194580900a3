#include "scenario/user_network.h"

#include <algorithm>

namespace natkit::netsim {

bool IsUserNetwork(const Scenario& scenario, std::string_view network) {
  const Network* found = scenario.FindNetwork(network);
  return (found != nullptr && !found->link.is_perfect()) ||
         std::ranges::any_of(
             scenario.cables,
             [&](const Cable& cable) { return cable.network == network; }) ||
         std::ranges::any_of(scenario.nats, [&](const Nat& nat) {
           return nat.backend == Backend::kEngine &&
                  (nat.inside == network || nat.outside == network);
         });
}

bool HasUserNetworks(const Scenario& scenario) {
  return std::ranges::any_of(scenario.networks, [&](const Network& network) {
    return IsUserNetwork(scenario, network.name);
  });
}

}  // namespace natkit::netsim
