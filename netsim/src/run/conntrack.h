#pragma once

#include "natkit/netsim/control.h"

namespace natkit::netsim {

/// Deletes every connection tracking entry of this process's network
/// namespace, as `conntrack -F` does.
[[nodiscard]] Outcome<void> FlushConntrack();

}  // namespace natkit::netsim
