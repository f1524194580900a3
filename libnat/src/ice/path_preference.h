#pragma once

#include "ice/pair.h"

namespace natkit::ice {

/// Whether the higher pair priority is all that counts, or round-trip times as
/// well.
enum class PreferBy : uint8_t { kPriority, kRtt };

/// Whether data should go over `other` rather than over `current`.
///
/// By priority alone until both round-trip times are known. From then on the
/// other pair must be clearly faster: by 20 ms, by 30 % and by more than both
/// variations. A pair that ranks higher need only be not clearly slower (10 ms
/// or 10 %); for one of IPv6 against one of IPv4 the same holds, unless its
/// type of remote candidate ranks lower. What lies between is hysteresis: of
/// two pairs at most one is preferred over the other.
[[nodiscard]] bool IsPreferred(const Pair& other, const Pair& current,
                               PreferBy by);

/// Whether the wish to move from `current` to `other` comes from round-trip
/// times, so that it can wait.
[[nodiscard]] bool IsForRtt(const Pair& other, const Pair& current);

}  // namespace natkit::ice
