#include <algorithm>
#include <cstddef>

#include "ice/session.h"

namespace natkit::ice {

namespace {

/// Sources of checks that have not answered ours: with one base or two they
/// leave most of the check list to candidates that were signalled.
constexpr ptrdiff_t kMaxUnproven = 16;

}  // namespace

void Session::HandleRequest(Instant now, const PairKey& path,
                            const UfragPair& ufrags,
                            const stun::Message& message) {
  const auto check = ReadCheck(message, local_key_);
  if (!check) {
    Refuse(path, message.id(), check.error());
    return;
  }
  if (!is_retired_ && !ResolveRoleConflict(path, *check, message.id())) {
    return;
  }
  ++context_.counters.requests_answered;
  context_.Send(path.base, path.remote,
                BuildCheckSuccess(message.id(), path.remote, local_key_,
                                  check->integrity));
  NoteSentOn(now, path);
  if (is_retired_) {
    return;
  }
  // The answer is no longer than the check; more is not owed to a copy.
  if (!replays_.IsFirst(message.id(), path.remote) &&
      !remotes_.Has(path.remote)) {
    ++context_.counters.dropped_replayed;
    return;
  }
  if (!remote_) {
    RememberEarly(path, *check);
  } else if (ufrags.sender == remote_->ufrag) {
    ProcessCheck(now, path, *check);
  }
}

void Session::Refuse(const PairKey& path, const stun::TransactionId& id,
                     const CheckRefusal& refusal) {
  if (refusal.integrity) {
    ++context_.counters.dropped_malformed;
  } else {
    ++context_.counters.dropped_unauthenticated;
  }
  context_.Send(path.base, path.remote,
                BuildCheckError(id, refusal, local_key_));
}

bool Session::ResolveRoleConflict(const PairKey& path,
                                  const IncomingCheck& check,
                                  const stun::TransactionId& id) {
  // RFC 8445 section 7.3.1.1. The larger tiebreaker ends up controlling.
  const bool is_controlling = context_.role == Role::kControlling;
  const auto theirs = is_controlling ? check.controlling : check.controlled;
  if (!theirs) {
    return true;
  }
  ++context_.counters.role_conflicts;
  const bool wins = context_.tiebreaker >= *theirs;
  if (wins == is_controlling) {
    context_.Send(path.base, path.remote,
                  BuildCheckError(id,
                                  {.code = stun::ErrorCode::kRoleConflict,
                                   .unknown = {},
                                   .integrity = check.integrity},
                                  local_key_));
    return false;
  }
  SwitchRole(is_controlling ? Role::kControlled : Role::kControlling);
  return true;
}

void Session::RememberEarly(const PairKey& path, const IncomingCheck& check) {
  const auto known = std::ranges::find(early_, path, &EarlyCheck::path);
  if (known != early_.end()) {
    known->check = check;
    return;
  }
  if (early_.size() >= context_.config.max_early_checks) {
    ++context_.counters.dropped_over_limit;
    return;
  }
  early_.push_back({.path = path, .check = check});
}

bool Session::IsExpendable(const Candidate& remote) const {
  const auto is_it = [&](const std::optional<PairKey>& key) {
    return key && key->remote == remote.endpoint;
  };
  if (remote.type != CandidateType::kPeerReflexive || is_it(selected_) ||
      is_it(nominee_) || is_it(nominated_by_peer_)) {
    return false;
  }
  return std::ranges::none_of(list_.pairs(), [&](const auto& entry) {
    const Pair& pair = entry.second;
    return entry.first.remote == remote.endpoint &&
           (pair.state == PairState::kSucceeded || pair.rtt.samples() > 0);
  });
}

void Session::MakeRoomForRemote() {
  const auto& all = remotes_.items();
  const auto oldest = std::ranges::find_if(
      all, [this](const Candidate& one) { return IsExpendable(one); });
  if (oldest != all.end()) {
    RemoveRemote(Endpoint(oldest->endpoint));
  }
}

void Session::RemoveRemote(const Endpoint& remote) {
  remotes_.Remove(remote);
  list_.RemoveRemote(remote);
  std::erase_if(outgoing_, [&](const auto& entry) {
    return entry.second.pair.remote == remote;
  });
}

void Session::ProcessCheck(Instant now, const PairKey& path,
                           const IncomingCheck& check) {
  const Candidate* host = context_.locals.FindHost(path.base);
  if (host == nullptr) {
    return;  // answered, but no base of ours that could send
  }
  if (!remotes_.Has(path.remote)) {
    const auto expendable = std::ranges::count_if(
        remotes_.items(),
        [this](const Candidate& one) { return IsExpendable(one); });
    if (expendable >= kMaxUnproven || remotes_.is_full()) {
      MakeRoomForRemote();
    }
  }
  const size_t known = remotes_.items().size();
  const Candidate* remote = remotes_.FindOrLearn(path.remote, check.priority);
  if (remote == nullptr) {
    ++context_.counters.dropped_over_limit;
    return;
  }
  if (remotes_.items().size() > known) {
    // Our other bases may reach it as well.
    const Candidate learnt = *remote;
    for (const Candidate& local : context_.locals.items()) {
      FormPairs(local, learnt);
    }
  }
  Pair* pair = list_.Find(path);
  if (pair == nullptr) {
    pair = list_.Insert(*host, *remote, selected_);
  }
  if (pair == nullptr) {
    ++context_.counters.dropped_over_limit;
    return;
  }
  pair->was_heard = true;
  TriggerCheck(now, *pair);
  if (check.use_candidate && context_.role == Role::kControlled) {
    HandleNomination(now, *pair, check);
  }
}

void Session::TriggerCheck(Instant now, Pair& pair) {
  switch (pair.state) {
    case PairState::kSucceeded:
      return;
    case PairState::kInProgress:
      if (const auto found = outgoing_.find(*pair.check);
          found != outgoing_.end()) {
        found->second.timer.CancelRetransmits(now);
      }
      break;
    case PairState::kFrozen:
    case PairState::kWaiting:
    case PairState::kFailed:
      pair.state = PairState::kWaiting;
      break;
  }
  list_.Trigger(pair);
}

void Session::HandleNomination(Instant now, const Pair& pair,
                               const IncomingCheck& check) {
  if (check.nomination) {
    // Renomination: the highest value wins, whatever order they arrive in.
    if (highest_nomination_ && *check.nomination < *highest_nomination_) {
      return;
    }
    highest_nomination_ = check.nomination;
  } else if (const Pair* current = selected();
             current != nullptr && current != &pair && !is_suspect() &&
             current->priority > pair.priority) {
    return;  // aggressive nomination: the highest pair wins
  }
  if (pair.state == PairState::kSucceeded) {
    Select(now, pair.key);
  } else {
    nominated_by_peer_ = pair.key;
  }
}

}  // namespace natkit::ice
