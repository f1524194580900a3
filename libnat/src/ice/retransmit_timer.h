#pragma once

#include <algorithm>
#include <cstdint>

#include "natkit/base/time.h"
#include "natkit/nat/ice_config.h"

namespace natkit::ice {

/// Says when one request is sent again and when to give it up (RFC 8489
/// section 6.2.1, with the limits of a RetransmitSchedule).
class RetransmitTimer {
 public:
  enum class Action : uint8_t { kNone, kSend, kGiveUp };

  /// For a request that is sent at `now`.
  RetransmitTimer(const RetransmitSchedule& schedule, Instant now,
                  Duration initial_rto)
      : schedule_(schedule), interval_(initial_rto) {
    Arm(now);
  }

  /// What is due. kSend counts the send.
  [[nodiscard]] Action Advance(Instant now) {
    if (now < deadline_) {
      return Action::kNone;
    }
    if (sends_ >= schedule_.max_sends) {
      return Action::kGiveUp;
    }
    ++sends_;
    interval_ = std::min(interval_ * 2, sends_ < schedule_.burst_sends
                                            ? schedule_.burst_interval
                                            : schedule_.max_interval);
    Arm(now);
    return Action::kSend;
  }

  /// Sends no more, but still waits for an answer (RFC 8445 section 7.3.1.4).
  void CancelRetransmits(Instant now) {
    sends_ = schedule_.max_sends;
    deadline_ = now + schedule_.final_wait;
  }

  [[nodiscard]] Instant deadline() const { return deadline_; }

  /// How often it was sent so far.
  [[nodiscard]] uint8_t sends() const { return sends_; }

 private:
  void Arm(Instant now) {
    deadline_ = now + (sends_ >= schedule_.max_sends ? schedule_.final_wait
                                                     : interval_);
  }

  RetransmitSchedule schedule_;
  Duration interval_;
  uint8_t sends_ = 1;
  Instant deadline_;
};

}  // namespace natkit::ice
