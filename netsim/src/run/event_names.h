#pragma once

#include <optional>
#include <string_view>

#include "natkit/netsim/control.h"

namespace natkit::netsim {

/// The word for an event in scenario files and on the command line.
[[nodiscard]] std::string_view EventName(EventKind kind);
[[nodiscard]] std::optional<EventKind> FindEventKind(std::string_view name);

}  // namespace natkit::netsim
