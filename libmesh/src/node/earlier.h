#pragma once

#include <algorithm>
#include <optional>

#include "natkit/base/time.h"

namespace natkit::mesh {

/// The earlier of two deadlines; nullopt means that there is none.
[[nodiscard]] inline std::optional<Instant> Earlier(std::optional<Instant> a,
                                                    std::optional<Instant> b) {
  if (!a || !b) {
    return a ? a : b;
  }
  return std::min(*a, *b);
}

}  // namespace natkit::mesh
