#include "node/path_watch.h"

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "node/earlier.h"

namespace natkit::mesh {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kMinDoubtAfter = milliseconds(250);
constexpr Duration kMaxDoubtAfter = milliseconds(800);
constexpr Duration kAskInterval = milliseconds(250);
// Three questions and their keepalives: one loss is no verdict.
constexpr Duration kSilenceIsBroken = milliseconds(850);
// Nobody answers over the relay either, so nothing can be told.
constexpr Duration kDoubtLimit = seconds(5);
constexpr uint64_t kEnoughSent = 3;
/// More than these may get lost at random in as short a time.
constexpr uint64_t kManyLost = 6;
// Longer than the peer's kAskInterval.
constexpr Duration kPeerDoubtLasts = milliseconds(700);
constexpr size_t kKeepaliveSize = 32;
/// So much data is a flow, and its end is noticed after so long.
constexpr int kFlow = 16;
constexpr Duration kFlowPause = milliseconds(200);
constexpr Duration kFirstAudit = milliseconds(500);
constexpr Duration kLastAudit = seconds(15);
/// While there are large datagrams, the ones most often eaten.
constexpr Duration kLongestBusyAudit = milliseconds(500);
constexpr Duration kLongestIdle = std::chrono::hours(24);
constexpr Duration kFirstRetry = seconds(15);
constexpr Duration kLastRetry = std::chrono::minutes(10);
constexpr size_t kMaxRecords = 8;
constexpr Duration kSampleInterval = milliseconds(10);
/// Of round trips that are believed.
constexpr Duration kLongestFlight = seconds(1);
constexpr int kMaxDoublings = 6;

bool IsEaten(uint64_t sent, uint64_t received) {
  return sent >= kEnoughSent && received == 0;
}

}  // namespace

void PathWatch::Counts::Count(size_t size) {
  ++all;
  data += size > kKeepaliveSize ? 1 : 0;
  large += size >= kLarge ? 1 : 0;
}

PathWatch::Counts PathWatch::Counts::operator-(const Counts& other) const {
  return {.all = all - std::min(all, other.all),
          .data = data - std::min(data, other.data),
          .large = large - std::min(large, other.large)};
}

PathWatch::Passage PathWatch::Between(const Mark& from, const Mark& to) {
  return {.sent = to.sent - from.sent, .received = to.received - from.received};
}

PathWatch::Passage PathWatch::CertainBetween(const Mark& from, const Mark& to) {
  return {.sent = to.settled - from.reached,
          .received = to.received - from.received};
}

PathWatch::Counts PathWatch::SentUntil(Instant time) {
  while (!samples_.empty() && samples_.front().at <= time) {
    settled_ = samples_.front().sent;
    samples_.pop_front();
  }
  return settled_;
}

uint64_t PathWatch::Passage::lost() const {
  return sent.data - std::min(sent.data, received.data);
}

bool PathWatch::Passage::is_all_eaten() const {
  return IsEaten(sent.all, received.all) || IsEaten(sent.large, received.large);
}

bool PathWatch::Passage::is_half_lost() const {
  const uint64_t large = sent.large - std::min(sent.large, received.large);
  return (lost() >= kManyLost && 2 * lost() >= sent.data) ||
         (large >= kManyLost && 2 * large >= sent.large);
}

/// Whether what got through tells that the rest will, too.
bool PathWatch::Passage::has_verdict() const {
  return sent.all > 0 && received.all > 0 &&
         (sent.large == 0 || received.large > 0) &&
         (lost() == 0 || 2 * lost() < sent.data);
}

void PathWatch::HandlePath(Instant now, const std::optional<PathId>& path) {
  if (path == path_) {
    return;
  }
  if (path_ && !path) {
    records_.erase(*path_);  // it was dead, not a trap: it may come back
  }
  path_ = path;
  heard_at_.reset();
  trust_ = Trust::kTrusted;
  unanswered_since_.reset();
  baseline_.reset();
  before_stall_.reset();
  previous_.reset();
  loss_.reset();
  query_.reset();
  next_question_.reset();
  began_to_doubt_ = false;
  false_alarms_ = 0;
  has_asked_quietly_ = false;
  is_flow_question_ = false;
  flow_ = 0;
  audit_interval_ = kFirstAudit;
  next_audit_.reset();
  if (path_) {
    next_audit_ = now + audit_interval_;
    const auto record = records_.find(*path_);
    if (record != records_.end() && now < record->second.retry_at) {
      trust_ = Trust::kBroken;
    } else if (record != records_.end()) {
      BeginToDoubt(now);
    }
  }
}

Duration PathWatch::DoubtAfter() const {
  const Duration base = std::max(kMinDoubtAfter, 2 * rtt_ + milliseconds(100));
  return std::max(base, std::min(base * (1 << false_alarms_), kMaxDoubtAfter));
}

Duration PathWatch::AskAfter() const {
  return DoubtAfter() * 2 / 5;
}

void PathWatch::Doubt(Instant now) {
  if (path_ && trust_ == Trust::kTrusted) {
    BeginToDoubt(now);
  }
}

void PathWatch::HandleRecovery(Instant now) {
  if (path_ && trust_ == Trust::kBroken) {
    records_.erase(*path_);
    BeginToDoubt(now);
  }
}

void PathWatch::BeginToDoubt(Instant now) {
  trust_ = Trust::kDoubted;
  is_flow_question_ = false;
  began_to_doubt_ = true;
  doubted_since_ = now;
  has_asked_quietly_ = false;
  before_stall_.reset();
  doubts_large_ = false;
  was_heard_ = false;
  has_report_ = false;
  baseline_.reset();
  Ask(now);
}

void PathWatch::EndDoubt(Instant now) {
  trust_ = Trust::kTrusted;
  unanswered_since_.reset();
  next_question_.reset();
  next_audit_ = now + audit_interval_;
  has_asked_quietly_ = false;
  false_alarms_ = std::min(false_alarms_ + 1, kMaxDoublings);
}

void PathWatch::Break(Instant now) {
  trust_ = Trust::kBroken;
  unanswered_since_.reset();
  next_question_.reset();
  next_audit_.reset();
  if (!records_.contains(*path_) && records_.size() >= kMaxRecords) {
    records_.erase(std::ranges::min_element(
        records_, {}, [](const auto& entry) { return entry.second.retry_at; }));
  }
  Record& record = records_[*path_];
  record.retry_at =
      now + std::min(kFirstRetry * (1 << record.failures), kLastRetry);
  record.failures = std::min(record.failures + 1, kMaxDoublings);
}

void PathWatch::NoteSent(Instant now, size_t size) {
  sent_.Count(size);
  if (samples_.empty() || now >= samples_.back().at + kSampleInterval) {
    samples_.push_back({.at = now, .sent = sent_});
    (void)SentUntil(now - std::min(rtt_, kLongestFlight));
  }
  if (size >= kLarge) {
    std::ranges::move_backward(std::span(large_sent_at_).first(kFewLarge - 1),
                               large_sent_at_.end());
    large_sent_at_.front() = now;
  }
  if (trust_ == Trust::kTrusted && path_ &&
      size > kKeepaliveSize) {  // nobody answers keepalives
    unanswered_since_ = unanswered_since_.value_or(now);
    next_audit_ = next_audit_.value_or(now + audit_interval_);
  }
}

void PathWatch::NoteReceived(Instant now, size_t size) {
  received_.Count(size);
  if (size >= kLarge) {
    large_received_at_ = now;
  }
  was_heard_ = true;
  heard_at_ = now;
  if (size > kKeepaliveSize) {
    before_stall_.reset();
    flow_ = std::min(flow_ + 1, kFlow);
    flow_at_ = now;
  }
  unanswered_since_.reset();
  if (trust_ == Trust::kTrusted) {
    // Only who had to be asked is one who does not answer by itself.
    if (!is_flow_question_) {
      false_alarms_ =
          has_asked_quietly_ ? std::min(false_alarms_ + 1, kMaxDoublings) : 0;
    }
    is_flow_question_ = false;
    has_asked_quietly_ = false;
  }
}

void PathWatch::HandleQuery(Instant now, const PathQuery& query) {
  if (query.is_doubt) {
    peer_doubts_until_ = now + kPeerDoubtLasts;
    if (path_ && trust_ == Trust::kTrusted) {
      Ask(now);  // it may be our datagrams that are lost
    }
  }
}

void PathWatch::Ask(Instant now) {
  const bool is_doubt = trust_ == Trust::kDoubted;
  query_ = PathQuery{.nonce = ++last_nonce_, .is_doubt = is_doubt};
  sent_at_question_ = sent_;
  settled_at_question_ = SentUntil(now - std::min(rtt_, kLongestFlight));
  question_at_ = now;
  next_question_.reset();
  if (is_doubt) {
    next_question_ = now + kAskInterval;
  }
}

std::optional<PathQuery> PathWatch::PollQuery() {
  return std::exchange(query_, std::nullopt);
}

bool PathWatch::PollBeganToDoubt() {
  return std::exchange(began_to_doubt_, false);
}

PathReport PathWatch::Report(Instant now, const PathQuery& query) const {
  return {.nonce = query.nonce,
          .received = received_.all,
          .received_data = received_.data,
          .received_large = received_.large,
          .large_idle = std::min(now - large_received_at_, kLongestIdle)};
}

bool PathWatch::HandleReport(Instant now, const PathReport& report) {
  if (!path_ || report.nonce != last_nonce_) {
    return false;  // an old question
  }
  const Mark mark{.sent = sent_at_question_,
                  .settled = settled_at_question_,
                  .reached = sent_,
                  .received = {.all = report.received,
                               .data = report.received_data,
                               .large = report.received_large}};
  has_report_ = true;
  const std::optional<Mark> previous = std::exchange(previous_, mark);
  if (previous) {
    MeasureLoss(Between(*previous, mark));
  }
  if (trust_ == Trust::kDoubted) {
    JudgeDoubted(now, mark);
  } else if (trust_ == Trust::kTrusted && previous) {
    JudgeTrusted(now, before_stall_.value_or(*previous),
                 report.nonce == quiet_nonce_);
    if (trust_ == Trust::kTrusted && IsEatingLarge(now, report)) {
      BeginToDoubt(now);
      doubts_large_ = true;
    }
  }
  return previous && Between(*previous, mark).lost() == 0;
}

void PathWatch::MeasureLoss(const Passage& passage) {
  if (passage.sent.all == 0 || trust_ != Trust::kTrusted) {
    return;
  }
  const double lost = 1.0 - static_cast<double>(std::min(
                                passage.sent.all, passage.received.all)) /
                                static_cast<double>(passage.sent.all);
  loss_ = loss_ ? *loss_ * 0.75 + lost * 0.25 : lost;
}

/// A conversation that stands still after a few losses is one whose datagrams
/// do not pass, however many others did just before. What may still be under
/// way counts as lost there: doubt costs little, and finds out.
void PathWatch::JudgeTrusted(Instant now, const Mark& since, bool is_stalled) {
  const Passage certain = CertainBetween(since, *previous_);
  const Passage passage = Between(since, *previous_);
  if (certain.is_all_eaten() || certain.is_half_lost() ||
      (is_stalled && passage.lost() >= kEnoughSent)) {
    BeginToDoubt(now);
  } else if (passage.lost() == 0) {
    before_stall_.reset();
  } else if (is_stalled) {
    before_stall_ = since;
  }
}

/// Whether the last large ones were all sent after one arrived for the last
/// time, and so long before the question that they would have been there.
bool PathWatch::IsEatingLarge(Instant now, const PathReport& report) const {
  return sent_.large >= kFewLarge &&
         large_sent_at_.back() > now - report.large_idle &&
         large_sent_at_.front() + rtt_ < question_at_;
}

void PathWatch::JudgeDoubted(Instant now, const Mark& mark) {
  if (!baseline_) {
    baseline_ = mark;
    return;
  }
  const Passage passage = CertainBetween(*baseline_, mark);
  if (passage.is_all_eaten() || passage.is_half_lost()) {
    Break(now);
  } else if (was_heard_ && passage.has_verdict() &&
             (!doubts_large_ || passage.received.large > 0)) {
    records_.erase(*path_);
    EndDoubt(now);
  }
}

void PathWatch::HandleTimeout(Instant now) {
  if (!path_) {
    return;
  }
  switch (trust_) {
    case Trust::kTrusted:
      TimeTrusted(now);
      return;
    case Trust::kDoubted:
      TimeDoubted(now);
      return;
    case Trust::kBroken:
      if (now >= records_[*path_].retry_at) {
        BeginToDoubt(now);
      }
      return;
  }
}

std::optional<Instant> PathWatch::FlowEnd() const {
  return flow_ == kFlow ? std::optional(flow_at_ + kFlowPause) : std::nullopt;
}

void PathWatch::TimeTrusted(Instant now) {
  if (const auto end = FlowEnd(); end && now >= *end) {
    flow_ = 0;
    if (!unanswered_since_) {
      unanswered_since_ = now;  // the question is what is to be answered
      is_flow_question_ = true;
      has_asked_quietly_ = true;
      Ask(now);
      return;
    }
  }
  if (unanswered_since_ && now >= *unanswered_since_ + DoubtAfter()) {
    BeginToDoubt(now);
    return;
  }
  if (unanswered_since_ && !has_asked_quietly_ &&
      now >= *unanswered_since_ + AskAfter()) {
    has_asked_quietly_ = true;
    Ask(now);
    quiet_nonce_ = last_nonce_;
    return;
  }
  if (!next_audit_ || now < *next_audit_) {
    return;
  }
  if (sent_.data == sent_at_audit_.data) {
    next_audit_.reset();  // questions send keepalives: they are not to go on
    return;
  }
  const bool is_busy = sent_.large != sent_at_audit_.large;
  sent_at_audit_ = sent_;
  Ask(now);
  audit_interval_ =
      std::min(audit_interval_ * 2, is_busy ? kLongestBusyAudit : kLastAudit);
  // What is under way at either end tells nothing.
  next_audit_ = now + audit_interval_ + std::min(rtt_, kLongestFlight);
}

Instant PathWatch::SilenceLimit() const {
  return doubted_since_ + kSilenceIsBroken + std::min(rtt_, kLongestFlight);
}

void PathWatch::TimeDoubted(Instant now) {
  if (has_report_ && !was_heard_ && now >= SilenceLimit()) {
    Break(now);
  } else if (now >= doubted_since_ + kDoubtLimit) {
    EndDoubt(now);
  } else if (next_question_ && now >= *next_question_) {
    Ask(now);
  }
}

std::optional<Instant> PathWatch::NextTimeout() const {
  if (!path_) {
    return std::nullopt;
  }
  switch (trust_) {
    case Trust::kTrusted:
      return Earlier(
          unanswered_since_
              ? Earlier(next_audit_,
                        *unanswered_since_ +
                            (has_asked_quietly_ ? DoubtAfter() : AskAfter()))
              : next_audit_,
          FlowEnd());
    case Trust::kDoubted: {
      auto next = Earlier(next_question_, doubted_since_ + kDoubtLimit);
      if (has_report_ && !was_heard_) {
        next = Earlier(next, SilenceLimit());
      }
      return next;
    }
    case Trust::kBroken:
      return records_.at(*path_).retry_at;
  }
  return std::nullopt;
}

}  // namespace natkit::mesh
