#include "natkit/nat/stun_retransmit.h"

#include <algorithm>

namespace natkit::stun {

namespace {

constexpr int kFinalWaitFactor = 16;  // Rm
constexpr Duration kTcpTimeout = std::chrono::milliseconds(39500);

}  // namespace

RetransmitSchedule RetransmitSchedule::Udp(Duration rto) {
  return {.initial_timeout = rto,
          .request_count = 7,
          .final_wait = kFinalWaitFactor * rto};
}

RetransmitSchedule RetransmitSchedule::Tcp() {
  return {.initial_timeout = kTcpTimeout,
          .request_count = 1,
          .final_wait = kTcpTimeout};
}

RetransmitSchedule RetransmitSchedule::Rfc3489() {
  return {.initial_timeout = std::chrono::milliseconds(100),
          .max_interval = std::chrono::milliseconds(1600),
          .request_count = 9,
          .final_wait = std::chrono::milliseconds(1600)};
}

void RetransmitTimer::Start(Instant now) {
  requests_sent_ = 0;
  interval_ = std::min(schedule_.initial_timeout, schedule_.max_interval);
  NoteSent(now);
}

RetransmitAction RetransmitTimer::HandleTimeout(Instant now) {
  if (!deadline_ || now < *deadline_) {
    return RetransmitAction::kNone;
  }
  if (requests_sent_ >= schedule_.request_count) {
    deadline_.reset();
    return RetransmitAction::kGiveUp;
  }
  NoteSent(now);
  return RetransmitAction::kSend;
}

void RetransmitTimer::NoteSent(Instant now) {
  ++requests_sent_;
  const bool is_last = requests_sent_ >= schedule_.request_count;
  deadline_ = now + (is_last ? schedule_.final_wait : interval_);
  interval_ = std::min(2 * interval_, schedule_.max_interval);
}

}  // namespace natkit::stun
