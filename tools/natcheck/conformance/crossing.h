#pragma once

#include <algorithm>
#include <chrono>

#include "natkit/base/time.h"

namespace natkit::natcheck::conformance {

/// How long to wait for a packet after sending it: three times what one
/// `crossing` from side to side was measured to take, as the other direction
/// may be slower, and not less than a quarter of a second.
[[nodiscard]] inline Duration PatienceFor(Duration crossing) {
  return std::max<Duration>(std::chrono::milliseconds(250), 3 * crossing);
}

}  // namespace natkit::natcheck::conformance
