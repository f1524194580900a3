#pragma once

#include <algorithm>
#include <chrono>
#include <optional>

#include "natkit/base/time.h"

namespace natkit::nat {

/// When the mappings of a gateway that lost its state may be made anew: at
/// once, but ever later if it seems to lose its state again and again, as one
/// does whose clock is broken, or one that somebody speaks for. Else each
/// answer would ask for the next request.
class RestartGate {
 public:
  /// A loss was noticed now; never before `now`.
  Instant NoteRestart(Instant now) {
    if (!opens_ || now >= *opens_ + kCalm) {
      wait_ = Duration{};
    } else if (now < *opens_) {
      return *opens_;
    } else {
      wait_ = std::clamp<Duration>(wait_ * 2, kFirstWait, kLongestWait);
    }
    opens_ = std::max(now, opens_.value_or(now) + wait_);
    return *opens_;
  }

 private:
  static constexpr Duration kCalm = std::chrono::minutes(5);
  static constexpr Duration kFirstWait = std::chrono::seconds(10);
  static constexpr Duration kLongestWait = std::chrono::minutes(10);

  std::optional<Instant> opens_;
  Duration wait_{};
};

}  // namespace natkit::nat
