#include "node/path_watch.h"

#include <algorithm>
#include <chrono>

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
// Longer than the peer's kAskInterval.
constexpr Duration kPeerDoubtLasts = milliseconds(700);
constexpr size_t kKeepaliveSize = 32;
constexpr Duration kFirstAudit = milliseconds(500);
constexpr Duration kLastAudit = seconds(15);
constexpr Duration kFirstRetry = seconds(15);
constexpr Duration kLastRetry = std::chrono::minutes(10);
constexpr size_t kMaxRecords = 8;
constexpr int kMaxDoublings = 6;

}  // namespace

void PathWatch::HandlePath(Instant now, const std::optional<PathId>& path) {
  if (path == path_) {
    return;
  }
  if (path_ && !path) {
    records_.erase(*path_);  // it was dead, not a trap: it may come back
  }
  path_ = path;
  trust_ = Trust::kTrusted;
  unanswered_since_.reset();
  baseline_.reset();
  previous_.reset();
  loss_.reset();
  query_.reset();
  next_question_.reset();
  began_to_doubt_ = false;
  false_alarms_ = 0;
  has_asked_quietly_ = false;
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
  began_to_doubt_ = true;
  doubted_since_ = now;
  has_asked_quietly_ = false;
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
  ++sent_.all;
  sent_.large += size >= kLarge ? 1 : 0;
  if (trust_ == Trust::kTrusted && path_ && !unanswered_since_ &&
      size > kKeepaliveSize) {  // nobody answers keepalives
    unanswered_since_ = now;
  }
}

void PathWatch::NoteReceived(size_t size) {
  ++received_.all;
  received_.large += size >= kLarge ? 1 : 0;
  was_heard_ = true;
  unanswered_since_.reset();
  if (trust_ == Trust::kTrusted) {
    // Only who had to be asked is one who does not answer by itself.
    false_alarms_ =
        has_asked_quietly_ ? std::min(false_alarms_ + 1, kMaxDoublings) : 0;
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

PathReport PathWatch::Report(const PathQuery& query) const {
  return {.nonce = query.nonce,
          .received = received_.all,
          .received_large = received_.large};
}

void PathWatch::HandleReport(Instant now, const PathReport& report) {
  if (!path_ || report.nonce != last_nonce_) {
    return;  // an old question
  }
  const Mark mark{
      .sent = sent_at_question_,
      .received = {.all = report.received, .large = report.received_large}};
  MeasureLoss(mark);
  Judge(now, mark);
  previous_ = mark;
}

void PathWatch::MeasureLoss(const Mark& mark) {
  if (!previous_ || trust_ != Trust::kTrusted) {
    return;
  }
  const uint64_t sent = mark.sent.all - previous_->sent.all;
  const uint64_t received = mark.received.all - previous_->received.all;
  if (sent == 0 || mark.received.all < previous_->received.all) {
    return;
  }
  const double lost = 1.0 - static_cast<double>(std::min(sent, received)) /
                                static_cast<double>(sent);
  loss_ = loss_ ? *loss_ * 0.75 + lost * 0.25 : lost;
}

void PathWatch::Judge(Instant now, const Mark& mark) {
  const std::optional<Mark>& since =
      trust_ == Trust::kDoubted ? baseline_ : previous_;
  has_report_ = true;
  if (trust_ == Trust::kBroken) {
    return;
  }
  if (!since) {
    baseline_ = mark;
    return;
  }
  const auto is_eaten = [](uint64_t sent, uint64_t received) {
    return sent >= kEnoughSent && received == 0;
  };
  const Counts sent = {mark.sent.all - since->sent.all,
                       mark.sent.large - since->sent.large};
  const Counts received = {mark.received.all - since->received.all,
                           mark.received.large - since->received.large};
  if (is_eaten(sent.all, received.all) ||
      is_eaten(sent.large, received.large)) {
    if (trust_ == Trust::kTrusted) {
      BeginToDoubt(now);
    } else {
      Break(now);
    }
  } else if (trust_ == Trust::kDoubted && was_heard_ && received.all > 0) {
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

void PathWatch::TimeTrusted(Instant now) {
  if (unanswered_since_ && now >= *unanswered_since_ + DoubtAfter()) {
    BeginToDoubt(now);
    return;
  }
  if (unanswered_since_ && !has_asked_quietly_ &&
      now >= *unanswered_since_ + AskAfter()) {
    has_asked_quietly_ = true;
    Ask(now);
    return;
  }
  if (!next_audit_ || now < *next_audit_) {
    return;
  }
  if (sent_.all != sent_at_audit_) {
    sent_at_audit_ = sent_.all;
    Ask(now);
  }
  audit_interval_ = std::min(audit_interval_ * 2, kLastAudit);
  next_audit_ = now + audit_interval_;
}

void PathWatch::TimeDoubted(Instant now) {
  if (has_report_ && !was_heard_ && now >= doubted_since_ + kSilenceIsBroken) {
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
      return unanswered_since_
                 ? Earlier(next_audit_,
                           *unanswered_since_ +
                               (has_asked_quietly_ ? DoubtAfter() : AskAfter()))
                 : next_audit_;
    case Trust::kDoubted: {
      auto next = Earlier(next_question_, doubted_since_ + kDoubtLimit);
      if (has_report_ && !was_heard_) {
        next = Earlier(next, doubted_since_ + kSilenceIsBroken);
      }
      return next;
    }
    case Trust::kBroken:
      return records_.at(*path_).retry_at;
  }
  return std::nullopt;
}

}  // namespace natkit::mesh
