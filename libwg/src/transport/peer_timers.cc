#include "transport/peer_timers.h"

#include <algorithm>

namespace natkit::wg {

void PeerTimers::SetPersistentKeepalive(Instant now, Duration interval) {
  if (interval == persistent_interval_) {
    return;
  }
  const bool was_off = persistent_interval_ == Duration::zero();
  persistent_interval_ = interval;
  if (was_off) {
    At(Timer::kPersistentKeepalive) = now;
  } else {
    RestartPersistent(now);
  }
}

void PeerTimers::OnAnySent(Instant now) {
  At(Timer::kKeepalive).reset();
  RestartPersistent(now);
}

void PeerTimers::OnDataSent(Instant now, Duration jitter) {
  if (!IsArmed(Timer::kNewHandshake)) {
    At(Timer::kNewHandshake) = now + kDeadSessionTimeout + jitter;
  }
}

void PeerTimers::OnAnyReceived(Instant now) {
  At(Timer::kNewHandshake).reset();
  RestartPersistent(now);
}

void PeerTimers::OnDataReceived(Instant now) {
  if (IsArmed(Timer::kKeepalive)) {
    needs_another_keepalive_ = true;
  } else {
    At(Timer::kKeepalive) = now + kKeepaliveTimeout;
  }
}

void PeerTimers::OnHandshakeWanted(Instant now) {
  At(Timer::kGiveUp) = now + kRekeyAttemptTime;
}

void PeerTimers::OnInitiationSent(Instant sent, Duration jitter) {
  At(Timer::kRetransmit) = sent + kRekeyTimeout + jitter;
}

void PeerTimers::OnHandshakeComplete() {
  At(Timer::kRetransmit).reset();
  At(Timer::kGiveUp).reset();
}

void PeerTimers::OnSessionDerived(Instant now) {
  At(Timer::kEraseKeys) = now + kEraseKeysAfter;
}

void PeerTimers::OnKeepaliveExpired(Instant now) {
  if (needs_another_keepalive_) {
    needs_another_keepalive_ = false;
    At(Timer::kKeepalive) = now + kKeepaliveTimeout;
  }
}

void PeerTimers::OnPersistentKeepaliveExpired(Instant now) {
  RestartPersistent(now);
}

void PeerTimers::OnGaveUp(Instant now) {
  At(Timer::kRetransmit).reset();
  At(Timer::kGiveUp).reset();
  At(Timer::kKeepalive).reset();
  if (!IsArmed(Timer::kEraseKeys)) {
    At(Timer::kEraseKeys) = now + kEraseKeysAfter;
  }
}

void PeerTimers::OnCleared() {
  for (Deadline& deadline : deadlines_) {
    if (&deadline != &At(Timer::kPersistentKeepalive)) {
      deadline.reset();
    }
  }
  needs_another_keepalive_ = false;
}

std::optional<Timer> PeerTimers::TakeDue(Instant now) {
  for (size_t i = 0; i < kTimerCount; ++i) {
    if (deadlines_[i] && *deadlines_[i] <= now) {
      deadlines_[i].reset();
      return static_cast<Timer>(i);
    }
  }
  return std::nullopt;
}

std::optional<Instant> PeerTimers::Next() const {
  Deadline earliest;
  for (const Deadline& deadline : deadlines_) {
    if (deadline && (!earliest || *deadline < *earliest)) {
      earliest = deadline;
    }
  }
  return earliest;
}

void PeerTimers::RestartPersistent(Instant now) {
  if (persistent_interval_ > Duration::zero()) {
    At(Timer::kPersistentKeepalive) = now + persistent_interval_;
  } else {
    At(Timer::kPersistentKeepalive).reset();
  }
}

}  // namespace natkit::wg
