#pragma once

#include "natkit/netsim/nat_config.h"

namespace natkit::netsim {

// What parameters of a box mean, for rules that derive what tools have to say
// of it. Nothing here asks the engine.

/// Mappings have ports; else whole addresses are mapped, or none.
[[nodiscard]] inline bool HasPorts(const NatConfig& box) {
  return box.translation == Translation::kNapt ||
         box.translation == Translation::kNat64;
}

/// Ports are shared by hosts whose destinations differ.
[[nodiscard]] inline bool Overloads(const NatConfig& box) {
  return HasPorts(box) &&
         box.port_assignment == PortAssignment::kPreserveOverload;
}

/// Subscribers have blocks of ports.
[[nodiscard]] inline bool HasBlocks(const NatConfig& box) {
  return HasPorts(box) &&
         (box.port_assignment == PortAssignment::kDynamicBlock ||
          box.port_assignment == PortAssignment::kDeterministicBlock);
}

/// An inside port is kept where it is free and in the range.
[[nodiscard]] inline bool TriesToPreserve(const NatConfig& box) {
  return HasPorts(box) &&
         (box.port_assignment == PortAssignment::kPreserve || Overloads(box));
}

/// Basic NAT or routing that lets everybody in: nothing expires.
[[nodiscard]] inline bool HasNoState(const NatConfig& box) {
  return !HasPorts(box) && box.filtering == Dependence::kEndpointIndependent;
}

}  // namespace natkit::netsim
