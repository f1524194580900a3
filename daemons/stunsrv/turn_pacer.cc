#include "turn_pacer.h"

#include <chrono>

namespace natkit::stunsrv {

Duration TurnPacer::PauseAfter(Instant now, uint64_t received) {
  if (!window_start_) {
    window_start_ = now;
    received_before_ = received;
  }
  if (const Duration window = now - *window_start_; window >= kWindow) {
    const auto in_window = static_cast<double>(received - received_before_);
    is_busy_ = in_window * (pause_ / std::chrono::duration<double>(window)) >=
               static_cast<double>(kWorthwhile);
    window_start_ = now;
    received_before_ = received;
  }
  return is_busy_ ? pause_ : Duration::zero();
}

}  // namespace natkit::stunsrv
