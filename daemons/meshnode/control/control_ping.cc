#include "control/control_ping.h"

#include <algorithm>

#include "natkit/base/queue.h"

namespace natkit::meshnode {

PingRun::PingRun(PingRequest request, Instant now)
    : request_(std::move(request)), next_send_(now) {}

bool PingRun::has_more_to_send() const {
  return request_.count == 0 || sent_ < request_.count;
}

std::optional<Instant> PingRun::NextTimeout() const {
  if (is_done_) {
    return std::nullopt;
  }
  std::optional<Instant> next;
  if (has_more_to_send()) {
    next = next_send_;
  }
  if (!overdue_at_.empty()) {  // sent in order, so the first is overdue first
    const Instant overdue = overdue_at_.begin()->second;
    next = next ? std::min(*next, overdue) : overdue;
  }
  return next;
}

void PingRun::HandleTimeout(Instant now) {
  if (is_done_) {
    return;
  }
  while (!overdue_at_.empty() && overdue_at_.begin()->second <= now) {
    lines_.push_back(FormatPingLost(overdue_at_.begin()->first));
    overdue_at_.erase(overdue_at_.begin());
  }
  if (has_more_to_send() && next_send_ <= now) {
    ++sent_;
    sends_.push_back(sent_);
    overdue_at_[sent_] = now + request_.wait;
    next_send_ = now + request_.interval;
  }
  FinishIfDone();
}

void PingRun::HandleReply(uint32_t sequence, Duration rtt,
                          const mesh::Path& path) {
  if (is_done_) {
    return;
  }
  overdue_at_.erase(sequence);
  ++received_;
  lines_.push_back(FormatPingReply(sequence, rtt, path));
  FinishIfDone();
}

void PingRun::FinishIfDone() {
  if (!has_more_to_send() && overdue_at_.empty()) {
    is_done_ = true;
    lines_.push_back(FormatPingDone(sent_, received_));
  }
}

std::optional<uint32_t> PingRun::PollSend() {
  return TakeFront(sends_);
}

std::optional<std::string> PingRun::PollLine() {
  return TakeFront(lines_);
}

}  // namespace natkit::meshnode
