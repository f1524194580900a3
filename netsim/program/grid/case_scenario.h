#pragma once

#include "natkit/base/endpoint.h"
#include "natkit/netsim/scenario.h"
#include "punch.h"

namespace natkit::netsim::grid {

/// The network of one attempt, and where its programs are.
struct CaseScenario {
  Scenario scenario;  ///< hosts "stun", "host-a" and "host-b"
  Endpoint server;    ///< the STUN server
  Endpoint base_a;
  Endpoint base_b;
};

/// The same network for virtual time and for real. Boxes of the engine, with
/// random ports.
[[nodiscard]] CaseScenario MakeCaseScenario(const PunchSpec& spec);

}  // namespace natkit::netsim::grid
