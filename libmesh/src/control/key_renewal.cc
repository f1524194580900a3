#include "natkit/mesh/control/key_renewal.h"

#include <algorithm>

namespace natkit::mesh {

namespace {

using std::chrono::hours;

constexpr WallTime::duration kAheadAtMost = hours(14 * 24);
constexpr hours kDay{24};

}  // namespace

void KeyRenewal::SetExpiry(WallTime now, std::optional<WallTime> expiry) {
  if (expiry == expiry_) {
    return;
  }
  const bool is_first = !expiry_ && key_made_;
  since_ = is_first ? std::min(*key_made_, now) : now;
  expiry_ = expiry;
}

std::optional<WallTime> KeyRenewal::NextAttempt(WallTime now) const {
  if (!expiry_ || *expiry_ <= now) {
    return std::nullopt;
  }
  WallTime at = *expiry_ - std::min(kAheadAtMost, (*expiry_ - since_) / 3);
  if (last_attempt_) {
    const bool is_last_day = *expiry_ - *last_attempt_ <= kDay;
    at = std::max(at, *last_attempt_ + (is_last_day ? hours(1) : kDay));
  }
  return std::max(at, now);
}

}  // namespace natkit::mesh
