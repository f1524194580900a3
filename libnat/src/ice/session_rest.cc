#include <algorithm>

#include "ice/session.h"

namespace natkit::ice {

void Session::BeginRest(Instant now) {
  const Duration after = context_.config.rest_after;
  const bool may_rest = after > Duration::zero() && consent_ && !rest_ &&
                        !nominee_ && !is_suspect() && !is_unproven_ &&
                        now >= std::max(last_data_at_, selected_at_) + after;
  if (!may_rest) {
    return;
  }
  ++context_.counters.rests;
  rest_ = Rest{.last_sent_at = list_.Find(*selected_)->checked_at};
  TimeKeepalive();
}

void Session::AdvanceRest(Instant now) {
  BeginRest(now);
  if (!rest_ || !rest_->due || now < *rest_->due) {
    return;
  }
  rest_->quiet = now - rest_->last_sent_at;
  rest_->due.reset();
  rest_->check = Send(now, *list_.Find(*selected_), Purpose::kKeepalive);
}

bool Session::NoteData(Instant now) {
  last_data_at_ = now;
  return EndRest(now);
}

bool Session::EndRest(Instant now) {
  if (!rest_ || !consent_) {
    return false;
  }
  rest_.reset();
  is_unproven_ = consent_->Resume(now);
  AdvanceConsent(now);
  return true;
}

void Session::NoteSentOn(Instant now, const PairKey& path) {
  if (rest_ && selected_ == path) {
    rest_->last_sent_at = now;
    if (!rest_->check) {
      TimeKeepalive();
    }
  }
}

void Session::TimeKeepalive() {
  const auto interval =
      context_.config.keepalive.Jittered(/*is_assured=*/true, context_.rng);
  rest_->due.reset();
  if (interval) {
    rest_->due = rest_->last_sent_at + *interval;
  }
}

void Session::HandleKeepaliveAnswer(Instant now, const Pair& pair,
                                    const Endpoint& mapped) {
  if (!rest_) {
    return;
  }
  auto& policy = context_.config.keepalive;
  if (pair.mapped && *pair.mapped != mapped) {
    policy.NoteLost(now, rest_->quiet);  // the answer came to a new mapping
  } else {
    policy.NoteAlive(now, rest_->quiet);
  }
  rest_->check.reset();
  TimeKeepalive();
}

void Session::HandleKeepaliveRefusal(Instant now,
                                     const stun::TransactionId& id) {
  if (rest_ && rest_->check == id) {
    (void)EndRest(now);  // something answers, but not as a working pair does
  }
}

bool Session::is_keepalive_late() const {
  constexpr uint8_t kLateSends = 3;  // one loss is no news
  if (!rest_ || !rest_->check) {
    return false;
  }
  const auto found = outgoing_.find(*rest_->check);
  return found != outgoing_.end() && found->second.timer.sends() >= kLateSends;
}

void Session::OnKeepaliveChanged() {
  if (rest_ && !rest_->check) {
    TimeKeepalive();
  }
}

RetransmitSchedule Session::KeepaliveSchedule() {
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  return {.initial_rto = milliseconds(500),
          .max_interval = seconds(2),
          .max_sends = 5,
          .final_wait = seconds(2)};
}

}  // namespace natkit::ice
