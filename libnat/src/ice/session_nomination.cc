#include <algorithm>

#include "ice/path_preference.h"
#include "ice/session.h"

namespace natkit::ice {

void Session::Evaluate(Instant now) {
  if (!may_nominate()) {
    return;
  }
  const Pair* pick = is_continuous() ? PickContinuous(now) : PickRegular(now);
  if (pick != nullptr) {
    Nominate(pick->key);
  }
}

bool Session::may_nominate() const {
  return !is_retired_ && remote_ && context_.role == Role::kControlling;
}

const Pair* Session::PickRegular(Instant now) {
  if (nominee_ || selected_) {
    return nullptr;
  }
  const Pair* best = list_.BestSucceeded();
  if (best == nullptr) {
    nominate_by_.reset();
    return nullptr;
  }
  if (!nominate_by_) {
    // Better pairs were tried first. One that has not answered a round trip
    // after this one did is slower, or does not work.
    const Duration wait = std::max(best->rtt.mean(), context_.config.pacing);
    nominate_by_ = now + std::min(wait, context_.config.nomination_wait);
  }
  return list_.HasPendingAbove(best->priority) && now < *nominate_by_ ? nullptr
                                                                      : best;
}

const Pair* Session::BestChallenger(Instant now) const {
  const Pair* current = is_suspect() ? nullptr : selected();
  const auto by = is_probing() ? PreferBy::kRtt : PreferBy::kPriority;
  const bool has_dwelt = by == PreferBy::kPriority ||
                         now >= selected_at_ + context_.config.rtt_dwell;
  const Pair* best = nullptr;
  for (const auto& [key, pair] : list_.pairs()) {
    if (pair.state != PairState::kSucceeded || key == selected_) {
      continue;
    }
    const bool may_replace =
        current == nullptr || (IsPreferred(pair, *current, by) &&
                               (has_dwelt || !IsForRtt(pair, *current)));
    if (may_replace && (best == nullptr || IsPreferred(pair, *best, by))) {
      best = &pair;
    }
  }
  return best;
}

const Pair* Session::PickContinuous(Instant now) const {
  const Pair* best = BestChallenger(now);
  if (best == nullptr || nominee_ == best->key) {
    return nullptr;
  }
  const Pair* pending = nominee_ ? list_.Find(*nominee_) : nullptr;
  if (pending != nullptr && pending->state == PairState::kSucceeded &&
      pending->priority >= best->priority) {
    return nullptr;
  }
  return best;
}

void Session::Nominate(const PairKey& key) {
  nominee_ = key;
  ++nomination_;
  list_.TriggerFirst(*list_.Find(key));
}

void Session::Select(Instant now, const PairKey& key) {
  if (selected_ && selected_ != key && is_suspect()) {
    list_.SetFailed(*list_.Find(*selected_), now);
  }
  if (nominee_ == key) {
    nominee_.reset();
  }
  if (nominated_by_peer_ == key) {
    nominated_by_peer_.reset();
  }
  nominate_by_.reset();
  if (selected_ == key) {
    return;  // a repeated nomination
  }
  selected_ = key;
  selected_at_ = now;
  rest_.reset();
  is_unproven_ = false;
  context_.config.keepalive.NoteBack(now);
  consent_.emplace(context_.config, context_.rng, now);
  if (is_continuous()) {
    return;
  }
  // RFC 8445 section 8.1.2: what has not begun need not begin.
  for (auto& [other, pair] : list_.pairs()) {
    if (pair.state == PairState::kWaiting || pair.state == PairState::kFrozen) {
      list_.CancelTrigger(pair);
      list_.SetFailed(pair, now);
    }
  }
}

void Session::Lose(Instant now) {
  Pair& pair = *list_.Find(*selected_);
  Deselect();
  if (is_retired_) {
    return;
  }
  list_.SetFailed(pair, now);
  if (is_continuous()) {
    ReopenPairs();
  }
}

void Session::Deselect() {
  selected_.reset();
  consent_.reset();
  rest_.reset();
  is_unproven_ = false;
  was_connected_ = true;
}

void Session::OnSuspect() {
  if (is_continuous() && !is_retired_) {
    ReopenPairs();
  }
}

void Session::ReopenPairs() {
  for (auto& [key, pair] : list_.pairs()) {
    if (key != selected_ && key != nominee_) {
      CheckList::Reopen(pair);
    }
  }
}

}  // namespace natkit::ice
