#include <algorithm>
#include <chrono>

#include "ice/session.h"

namespace natkit::ice {

void Session::ProbePairs(Instant now) {
  if (!is_probing() || !has_remote()) {
    return;
  }
  for (auto& [key, pair] : list_.pairs()) {
    const auto due = ProbeTime(pair);
    if (due && now >= *due) {
      list_.Trigger(pair);
    }
  }
}

std::optional<Instant> Session::ProbeTime(const Pair& pair) const {
  if (rest_ || pair.state != PairState::kSucceeded || pair.key == selected_ ||
      pair.key == nominee_ || pair.probe || pair.is_triggered) {
    return std::nullopt;
  }
  // The first samples soon, so that a faster pair is found within seconds.
  const Duration interval = context_.config.reprobe_interval;
  const Duration first = std::min<Duration>(interval, std::chrono::seconds(1));
  return pair.checked_at + (pair.rtt.is_known() ? interval : first);
}

std::optional<Instant> Session::NextProbe() const {
  std::optional<Instant> next;
  if (!is_probing() || !has_remote()) {
    return next;
  }
  for (const auto& [key, pair] : list_.pairs()) {
    if (const auto due = ProbeTime(pair)) {
      next = std::min(next.value_or(Instant::max()), *due);
    }
  }
  return next;
}

RetransmitSchedule Session::ProbeSchedule() {
  using std::chrono::seconds;
  return {.initial_rto = seconds(1),
          .max_interval = seconds(2),
          .max_sends = 4,
          .final_wait = seconds(2)};
}

}  // namespace natkit::ice
