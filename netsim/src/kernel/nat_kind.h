#pragma once

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// A NAT whose mappings admit others than the endpoint contacted. The kernel
/// has no such thing; its ruleset learns the mappings in a map of its own.
[[nodiscard]] inline bool IsCone(const Nat& nat) {
  return nat.Translates() &&
         nat.config.mapping == Dependence::kEndpointIndependent &&
         nat.config.filtering != Dependence::kAddressAndPortDependent;
}

/// Whether the box's rules look at connections.
[[nodiscard]] inline bool IsTracking(const Nat& nat) {
  return nat.Translates() ||
         nat.config.filtering != Dependence::kEndpointIndependent;
}

}  // namespace natkit::netsim
