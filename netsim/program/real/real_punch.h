#pragma once

#include <string>

#include "grid/punch.h"
#include "natkit/netsim/control.h"

namespace natkit::netsim::program {

/// Runs one attempt of the grid for real: its network as namespaces, and the
/// agents as processes with UDP sockets. A box whose behavior nftables can
/// show is the kernel's (EI-APD by `masquerade`, APD-APD by `masquerade
/// fully-random`), all others are engines on TAP devices. The seed stands for
/// another attempt, no more: real time does not repeat.
[[nodiscard]] Outcome<grid::PunchResult> PunchForReal(
    const grid::PunchSpec& spec);

}  // namespace natkit::netsim::program
