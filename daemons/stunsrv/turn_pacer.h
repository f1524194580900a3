#pragma once

#include <cstdint>
#include <optional>

#include "natkit/base/time.h"

namespace natkit::stunsrv {

/// Says how long a thread that serves requests in batches should pause after a
/// turn. When many come, to be woken for every few costs more than to answer
/// them: a short pause lets them gather, as network cards do with interrupts.
/// When few come there is no pause, and each is answered at once.
class TurnPacer {
 public:
  /// How often the rate is looked at.
  static constexpr Duration kWindow = std::chrono::milliseconds(1);
  /// Requests that a pause must bring on average.
  static constexpr uint64_t kWorthwhile = 4;

  /// `pause` of zero: never.
  explicit TurnPacer(Duration pause) : pause_(pause) {}

  /// After a turn that ended at `now`; `received` counts all requests so far.
  [[nodiscard]] Duration PauseAfter(Instant now, uint64_t received);

 private:
  Duration pause_;
  std::optional<Instant> window_start_;
  uint64_t received_before_ = 0;  // the window
  bool is_busy_ = false;
};

}  // namespace natkit::stunsrv
