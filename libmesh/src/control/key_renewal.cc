#include "natkit/mesh/control/key_renewal.h"

#include <algorithm>

namespace natkit::mesh {

namespace {

using std::chrono::hours;

constexpr hours kAhead{14 * 24};
constexpr hours kDay{24};

}  // namespace

std::optional<WallTime> KeyRenewal::NextAttempt(WallTime now) const {
  if (!expiry_ || *expiry_ <= now) {
    return std::nullopt;
  }
  WallTime at = *expiry_ - kAhead;
  if (last_attempt_) {
    const bool is_last_day = *expiry_ - *last_attempt_ <= kDay;
    at = std::max(at, *last_attempt_ + (is_last_day ? hours(1) : kDay));
  }
  return std::max(at, now);
}

}  // namespace natkit::mesh
