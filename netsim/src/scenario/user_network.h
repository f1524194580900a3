#pragma once

#include <string_view>

#include "natkit/netsim/scenario.h"

namespace natkit::netsim {

/// Whether a network's frames pass through the engine process instead of a
/// kernel bridge: a NatEngine plays one of its boxes, or its links are
/// described (the kernel may have no netem).
[[nodiscard]] bool IsUserNetwork(const Scenario& scenario,
                                 std::string_view network);

/// Whether there is such a network at all.
[[nodiscard]] bool HasUserNetworks(const Scenario& scenario);

}  // namespace natkit::netsim
