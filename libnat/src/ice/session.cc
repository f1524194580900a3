#include "ice/session.h"

#include <algorithm>
#include <utility>

#include "natkit/base/check.h"

namespace natkit::ice {
namespace {

stun::IntegrityKey KeyOf(const Credentials& credentials) {
  auto key = stun::IntegrityKey::ShortTerm(credentials.password.Expose());
  NATKIT_CHECK(key.has_value());  // CheckCredentials() bounds the password
  return std::move(*key);
}

void KeepEarliest(std::optional<Instant>& next, Instant candidate) {
  next = std::min(next.value_or(Instant::max()), candidate);
}

}  // namespace

Session::Session(AgentContext& context)
    : Session(context, MakeCredentials(context.rng)) {}

Session::Session(AgentContext& context, Credentials local)
    : context_(context),
      local_(std::move(local)),
      local_key_(KeyOf(local_)),
      remotes_(context.config.max_remote_candidates),
      list_({.max_pairs = context.config.max_pairs,
             .freezing = context.config.freezing},
            context.role) {}

bool Session::IsRemote(const Credentials& credentials) const {
  return remote_ && remote_->ufrag == credentials.ufrag &&
         remote_->password.EqualsConstantTime(credentials.password);
}

bool Session::OwnsTransaction(const stun::TransactionId& id) const {
  return outgoing_.contains(id);
}

void Session::SetRemote(Instant now, const Credentials& remote) {
  remote_ = remote;
  remote_key_ = KeyOf(remote);
  for (const EarlyCheck& early : std::exchange(early_, {})) {
    ProcessCheck(now, early.path, early.check);
  }
}

Result<void> Session::AddRemote(const Candidate& candidate) {
  if (remotes_.is_full() && !remotes_.Has(candidate.endpoint)) {
    MakeRoomForRemote();
  }
  const auto outcome = remotes_.Add(candidate);
  if (!outcome) {
    return std::unexpected(outcome.error());
  }
  switch (*outcome) {
    case RemoteCandidates::Outcome::kKnown:
      break;
    case RemoteCandidates::Outcome::kUpdated:
      list_.UpdateRemote(candidate);
      break;
    case RemoteCandidates::Outcome::kAdded:
      for (const Candidate& local : context_.locals.items()) {
        FormPairs(local, candidate);
      }
      break;
  }
  return {};
}

void Session::AddLocal(const Candidate& host) {
  for (const Candidate& remote : remotes_.items()) {
    FormPairs(host, remote);
  }
}

void Session::FormPairs(const Candidate& host, const Candidate& remote) {
  if (host.type != CandidateType::kHost ||
      !CanPair(host.base.address, remote.endpoint.address)) {
    return;
  }
  if (list_.Insert(host, remote, selected_) == nullptr) {
    ++context_.counters.dropped_over_limit;
  }
}

void Session::RemoveBase(const Endpoint& base) {
  const auto leaves_base = [&](const std::optional<PairKey>& key) {
    return key && key->base == base;
  };
  const bool is_lost = leaves_base(selected_);
  if (is_lost) {
    Deselect();
  }
  if (leaves_base(nominee_)) {
    nominee_.reset();
  }
  if (leaves_base(nominated_by_peer_)) {
    nominated_by_peer_.reset();
  }
  std::erase_if(
      early_, [&](const EarlyCheck& early) { return early.path.base == base; });
  std::erase_if(outgoing_, [&](const auto& entry) {
    return entry.second.pair.base == base;
  });
  list_.RemoveBase(base);
  if (is_lost && is_continuous() && !is_retired_) {
    ReopenPairs();  // what worked once may not work now: ask all at once
  }
}

void Session::SetRole(Role role) {
  list_.SetRole(role);
  nominee_.reset();
  nominate_by_.reset();
  nominated_by_peer_.reset();
}

void Session::Retire() {
  is_retired_ = true;
  nominee_.reset();
  early_.clear();
  std::erase_if(outgoing_, [](const auto& entry) {
    return entry.second.purpose != Purpose::kConsent &&
           entry.second.purpose != Purpose::kKeepalive;
  });
}

bool Session::SendNextCheck(Instant now) {
  if (!has_work()) {
    return false;
  }
  Pair* pair = list_.TakeNext();
  if (nominee_ == pair->key && pair->state == PairState::kSucceeded) {
    (void)Send(now, *pair, Purpose::kNominate);
    return true;
  }
  if (is_probing() && pair->state == PairState::kSucceeded) {
    pair->probe = Send(now, *pair, Purpose::kProbe);
    return true;
  }
  const auto id = Send(now, *pair, Purpose::kCheck);
  if (pair->state != PairState::kSucceeded) {
    pair->state = PairState::kInProgress;
    pair->check = id;
  }
  return true;
}

CheckRequest Session::MakeRequest(const PairKey& key, Purpose purpose) {
  const Candidate* host = context_.locals.FindHost(key.base);
  NATKIT_CHECK(host != nullptr);
  CheckRequest request{.id = stun::TransactionId::Generate(context_.rng),
                       .username = remote_->ufrag + ":" + local_.ufrag,
                       .priority = LocalCandidates::CheckPriority(*host),
                       .role = context_.role,
                       .tiebreaker = context_.tiebreaker};
  // With NOMINATION, consent checks repeat the nomination: a controlled side
  // that lost the pair for a moment selects it again.
  const bool repeats =
      (purpose == Purpose::kConsent || purpose == Purpose::kKeepalive) &&
      is_continuous() && nomination_ != 0 && !nominee_ && !is_retired_;
  request.use_candidate = context_.role == Role::kControlling &&
                          (purpose == Purpose::kNominate || repeats);
  if (request.use_candidate && is_continuous()) {
    request.nomination = nomination_;
  }
  return request;
}

void Session::CheckFirst(const Endpoint& remote) {
  for (auto& [key, pair] : list_.pairs()) {
    if (key.remote == remote && pair.state != PairState::kSucceeded &&
        pair.state != PairState::kInProgress) {
      pair.state = PairState::kWaiting;
      list_.TriggerFirst(pair);
    }
  }
}

std::optional<uint8_t> Session::TtlOf(Instant now, const Pair& pair) const {
  const AgentConfig& config = context_.config;
  const bool is_opener =
      config.opener_ttl != 0 && context_.role == Role::kControlled &&
      pair.remote_type != CandidateType::kHost && !pair.was_heard &&
      pair.state != PairState::kSucceeded &&
      now < pair.first_sent_at.value_or(now) + config.opener_time;
  return is_opener ? std::optional(config.opener_ttl) : std::nullopt;
}

stun::TransactionId Session::Send(Instant now, Pair& pair, Purpose purpose) {
  const CheckRequest request = MakeRequest(pair.key, purpose);
  const RetransmitSchedule schedule = ScheduleOf(now, purpose);
  const bool has_own_rto =
      purpose == Purpose::kProbe || purpose == Purpose::kKeepalive;
  auto payload = BuildCheck(request, *remote_key_);
  pair.first_sent_at = pair.first_sent_at.value_or(now);
  pair.checked_at = now;
  context_.Send(pair.key.base, pair.key.remote, payload, TtlOf(now, pair));
  NoteSentOn(now, pair.key);
  outgoing_.emplace(
      request.id, Outgoing{.pair = pair.key,
                           .purpose = purpose,
                           .role = context_.role,
                           .nomination = nomination_,
                           .sent_at = now,
                           .timer = RetransmitTimer(
                               schedule, now,
                               has_own_rto ? schedule.initial_rto : CheckRto()),
                           .payload = std::move(payload)});
  return request.id;
}

RetransmitSchedule Session::ScheduleOf(Instant now, Purpose purpose) {
  RetransmitSchedule schedule = context_.config.check_schedule;
  switch (purpose) {
    case Purpose::kConsent:  // never sent again (RFC 7675 section 5.1)
      schedule.max_sends = 1;
      schedule.final_wait = context_.config.consent_expiry;
      ++context_.counters.consent_checks_sent;
      return schedule;
    case Purpose::kProbe:
      ++context_.counters.probes_sent;
      return ProbeSchedule();
    case Purpose::kKeepalive:
      ++context_.counters.keepalives_sent;
      return KeepaliveSchedule();
    case Purpose::kCheck:
    case Purpose::kNominate:
      first_check_at_ = first_check_at_.value_or(now);
      ++context_.counters.checks_sent;
      return schedule;
  }
  return schedule;
}

Duration Session::CheckRto() const {
  const AgentConfig& config = context_.config;
  if (!config.scale_rto) {
    return config.check_schedule.initial_rto;
  }
  return std::max(config.check_schedule.initial_rto,
                  config.pacing * static_cast<int64_t>(list_.active_count()));
}

void Session::HandleTimeout(Instant now) {
  AdvanceOutgoing(now);
  AdvanceRest(now);
  AdvanceConsent(now);
  RecheckFailed(now);
  ProbePairs(now);
}

void Session::Resend(Instant now, const Outgoing& outgoing) {
  const Pair* pair = list_.Find(outgoing.pair);
  context_.Send(outgoing.pair.base, outgoing.pair.remote, outgoing.payload,
                pair != nullptr ? TtlOf(now, *pair) : std::nullopt);
}

void Session::AdvanceOutgoing(Instant now) {
  for (auto entry = outgoing_.begin(); entry != outgoing_.end();) {
    Outgoing& outgoing = entry->second;
    switch (outgoing.timer.Advance(now)) {
      case RetransmitTimer::Action::kNone:
        ++entry;
        break;
      case RetransmitTimer::Action::kSend:
        ++context_.counters.retransmits;
        Resend(now, outgoing);
        ++entry;
        break;
      case RetransmitTimer::Action::kGiveUp:
        GiveUp(now, entry++);
        break;
    }
  }
}

void Session::GiveUp(Instant now, OutgoingMap::iterator entry) {
  const Outgoing outgoing = std::move(entry->second);
  const stun::TransactionId id = entry->first;
  outgoing_.erase(entry);
  Pair* pair = list_.Find(outgoing.pair);
  if (pair == nullptr) {
    return;
  }
  const bool is_nomination = outgoing.purpose == Purpose::kNominate &&
                             nominee_ == outgoing.pair &&
                             outgoing.nomination == nomination_;
  if (rest_ && rest_->check == id) {
    context_.config.keepalive.NoteSilent(now, rest_->quiet);
    Lose(now);
  } else if (pair->check == id || pair->probe == id || is_nomination) {
    Fail(now, *pair);
  }
}

void Session::AdvanceConsent(Instant now) {
  while (consent_ && !rest_) {
    switch (consent_->Advance(now, context_.rng)) {
      case Consent::Action::kNone:
        return;
      case Consent::Action::kSendCheck:
        (void)Send(now, *list_.Find(*selected_), Purpose::kConsent);
        break;
      case Consent::Action::kSuspect:
        OnSuspect();
        break;
      case Consent::Action::kExpired:
        Lose(now);
        return;
    }
  }
}

void Session::RecheckFailed(Instant now) {
  for (auto& [key, pair] : list_.pairs()) {
    if (MayRecheck(pair) &&
        now >= pair.failed_at + context_.config.recheck_interval) {
      CheckList::Reopen(pair);
    }
  }
}

bool Session::MayRecheck(const Pair& pair) const {
  if (context_.config.recheck_interval <= Duration::zero() || is_retired_ ||
      rest_ || pair.state != PairState::kFailed) {
    return false;
  }
  const Pair* current = selected();
  const bool has_worked = is_probing() && pair.rtt.samples() > 0;
  return current == nullptr || has_worked || pair.priority > current->priority;
}

bool Session::has_work() const {
  return has_remote() && !is_retired_ && list_.has_work();
}

std::optional<Instant> Session::NextTimeout() const {
  std::optional<Instant> next;
  for (const auto& [id, outgoing] : outgoing_) {
    KeepEarliest(next, outgoing.timer.deadline());
  }
  if (rest_ && rest_->due) {
    KeepEarliest(next, *rest_->due);
  } else if (consent_ && !rest_) {
    KeepEarliest(next, consent_->NextTimeout());
  }
  for (const auto& [key, pair] : list_.pairs()) {
    if (MayRecheck(pair)) {
      KeepEarliest(next, pair.failed_at + context_.config.recheck_interval);
    }
  }
  if (const auto probe = NextProbe()) {
    KeepEarliest(next, *probe);
  }
  if (nominate_by_ && !nominee_ && !selected_ && may_nominate()) {
    KeepEarliest(next, *nominate_by_);
  }
  return next;
}

const Pair* Session::selected() const {
  return selected_ ? list_.Find(*selected_) : nullptr;
}

bool Session::is_suspect() const {
  return consent_ && consent_->is_suspect();
}

bool Session::HasFailed(Instant now) const {
  const auto time = FailureTime();
  return time && now >= *time;
}

std::optional<Instant> Session::FailureTime() const {
  const bool could_fail = has_remote() && has_all_remotes_ &&
                          context_.is_gathering_done && !selected_ &&
                          list_.all_failed() && first_check_at_;
  if (!could_fail) {
    return std::nullopt;
  }
  return *first_check_at_ + context_.config.patience;
}

}  // namespace natkit::ice
