#include "ice/consent.h"

#include <algorithm>

namespace natkit::ice {

Consent::Consent(const AgentConfig& config, Rng& rng, Instant now)
    : interval_(config.consent_interval),
      unanswered_interval_(config.unanswered_interval),
      suspect_after_(config.suspect_after),
      expiry_(config.consent_expiry),
      last_response_(now),
      last_sent_(now),
      next_check_(now + Jittered(rng)) {}

Consent::Action Consent::Advance(Instant now, Rng& rng) {
  if (is_expired_) {
    return Action::kNone;
  }
  if (now >= last_response_ + expiry_) {
    is_expired_ = true;
    return Action::kExpired;
  }
  if (!is_suspect_ && now >= last_response_ + suspect_after_) {
    is_suspect_ = true;
    return Action::kSuspect;
  }
  if (now < next_check_) {
    return Action::kNone;
  }
  last_sent_ = now;
  next_check_ = now + (unanswered_interval_ < interval_ ? unanswered_interval_
                                                        : Jittered(rng));
  return Action::kSendCheck;
}

bool Consent::Resume(Instant now) {
  const bool is_old = now >= last_response_ + suspect_after_;
  last_response_ = now;
  next_check_ = now;
  return is_old;
}

void Consent::OnResponse(Instant now, Rng& rng) {
  last_response_ = now;
  is_suspect_ = false;
  next_check_ = std::max(now, last_sent_ + Jittered(rng));
}

Instant Consent::NextTimeout() const {
  if (is_expired_) {
    return Instant::max();
  }
  const Instant next = std::min(next_check_, last_response_ + expiry_);
  return is_suspect_ ? next : std::min(next, last_response_ + suspect_after_);
}

Duration Consent::Jittered(Rng& rng) const {
  // 0.8 to 1.2 times the interval, so that agents do not synchronise.
  constexpr uint64_t kSteps = 401;
  return interval_ * static_cast<int64_t>(800 + rng.Below(kSteps)) / 1000;
}

}  // namespace natkit::ice
