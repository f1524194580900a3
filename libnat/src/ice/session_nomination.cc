#include "ice/session.h"

namespace natkit::ice {

void Session::Evaluate(Instant now) {
  if (!may_nominate()) {
    return;
  }
  const Pair* pick = is_continuous() ? PickContinuous() : PickRegular(now);
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
    first_valid_at_.reset();
    return nullptr;
  }
  first_valid_at_ = first_valid_at_.value_or(now);
  const Instant deadline = *first_valid_at_ + context_.config.nomination_wait;
  return list_.HasPendingAbove(best->priority) && now < deadline ? nullptr
                                                                 : best;
}

const Pair* Session::PickContinuous() const {
  const Pair* current = selected();
  const bool is_replaced = current == nullptr || is_suspect();
  const Pair* best =
      list_.BestSucceeded(is_replaced ? selected_ : std::nullopt);
  if (best == nullptr || nominee_ == best->key) {
    return nullptr;
  }
  if (!is_replaced && best->priority <= current->priority) {
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
  first_valid_at_.reset();
  if (selected_ == key) {
    return;  // a repeated nomination
  }
  selected_ = key;
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
  selected_.reset();
  consent_.reset();
  was_connected_ = true;
  if (is_retired_) {
    return;
  }
  list_.SetFailed(pair, now);
  if (is_continuous()) {
    ReopenPairs();
  }
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
