#include "ice/agent_core.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "natkit/nat/stun_message.h"

namespace natkit::ice {
namespace {

/// Values below these would turn a slip in a configuration into a flood.
AgentConfig WithFloors(AgentConfig config) {
  using std::chrono::milliseconds;
  const auto raise = [](Duration& value, Duration floor) {
    value = std::max(value, floor);
  };
  raise(config.pacing, milliseconds(5));
  for (RetransmitSchedule* schedule :
       {&config.check_schedule, &config.gather_schedule}) {
    raise(schedule->initial_rto, milliseconds(20));
    raise(schedule->max_interval, schedule->initial_rto);
    raise(schedule->final_wait, milliseconds(20));
    schedule->max_sends = std::max<uint8_t>(schedule->max_sends, 1);
  }
  raise(config.consent_interval, milliseconds(100));
  raise(config.unanswered_interval, milliseconds(20));
  raise(config.suspect_after, milliseconds(20));
  raise(config.consent_expiry, config.consent_interval);
  if (config.rest_after > Duration::zero()) {
    raise(config.rest_after, config.consent_interval);
  }
  if (config.recheck_interval > Duration::zero()) {
    raise(config.recheck_interval, milliseconds(100));
  }
  if (config.reprobe_interval > Duration::zero()) {
    raise(config.reprobe_interval, milliseconds(100));
  }
  config.max_pairs = std::max<size_t>(config.max_pairs, 1);
  return config;
}

}  // namespace

Agent::Core::Core(AgentConfig config, Rng& rng)
    : context_(WithFloors(std::move(config)), rng),
      gatherer_(context_),
      current_(std::make_unique<Session>(context_)) {}

Result<void> Agent::Core::AddHostBase(Instant now, const Endpoint& base) {
  const auto host = context_.locals.AddHost(base);
  if (!host) {
    return std::unexpected(host.error());
  }
  context_.Raise(LocalCandidateEvent{.candidate = *host});
  current_->AddLocal(*host);
  gatherer_.Start(base);
  Finish(now);
  return {};
}

void Agent::Core::RemoveHostBase(Instant now, const Endpoint& base) {
  gatherer_.RemoveBase(base);
  current_->RemoveBase(base);
  if (previous_) {
    previous_->RemoveBase(base);
  }
  context_.locals.RemoveBase(base);
  Finish(now);
}

Result<void> Agent::Core::AddReflexive(Instant now, const Endpoint& mapped,
                                       const Endpoint& base,
                                       const std::optional<IpAddress>& server) {
  const auto candidate = context_.locals.AddReflexive(
      CandidateType::kServerReflexive, mapped, base, server);
  if (!candidate) {
    return std::unexpected(candidate.error());
  }
  context_.Raise(LocalCandidateEvent{.candidate = *candidate});
  Finish(now);
  return {};
}

void Agent::Core::SetLocalEndOfCandidates(Instant now) {
  has_all_locals_ = true;
  Finish(now);
}

Result<void> Agent::Core::SetRemoteCredentials(Instant now,
                                               const Credentials& remote) {
  const auto valid = CheckCredentials(remote);
  if (!valid) {
    return valid;
  }
  if (current_->IsRemote(remote) ||
      (previous_ && previous_->IsRemote(remote))) {
    return {};
  }
  if (current_->has_remote()) {
    context_.Raise(RestartedEvent{});
    Restart(now);
  }
  current_->SetRemote(now, remote);
  Finish(now);
  return {};
}

Result<void> Agent::Core::ReplaceRemoteCredentials(Instant now,
                                                   const Credentials& remote) {
  const auto valid = CheckCredentials(remote);
  if (!valid) {
    return valid;
  }
  if (current_->IsRemote(remote)) {
    return {};
  }
  if (current_->has_remote()) {
    const Credentials local = current_->local();
    context_.locals.RemovePeerReflexive();
    current_ = std::make_unique<Session>(context_, local);
  }
  current_->SetRemote(now, remote);
  Finish(now);
  return {};
}

Result<void> Agent::Core::AddRemoteCandidate(Instant now,
                                             const Candidate& candidate) {
  const auto added = current_->AddRemote(candidate);
  if (!added && added.error().code == Errc::kLimitExceeded) {
    ++context_.counters.dropped_over_limit;
  }
  Finish(now);
  return added;
}

Result<void> Agent::Core::AddRemoteHint(Instant now, const Endpoint& remote) {
  const Candidate hint{
      .type = CandidateType::kPeerReflexive,
      .endpoint = remote,
      .base = remote,
      .priority = CandidatePriority(CandidateType::kPeerReflexive, 0),
      .foundation = "hint"};
  const auto added = current_->AddRemote(hint);
  if (added) {
    current_->CheckFirst(remote);
  } else if (added.error().code == Errc::kLimitExceeded) {
    ++context_.counters.dropped_over_limit;
  }
  Finish(now);
  return added;
}

void Agent::Core::SetRemoteEndOfCandidates(Instant now) {
  current_->SetRemoteEndOfCandidates();
  Finish(now);
}

void Agent::Core::Restart(Instant now) {
  // Restarting twice must not drop the pair that still carries data.
  if (!previous_ || CarryingSession() != previous_.get()) {
    previous_ = std::move(current_);
    previous_->Retire();
    previous_ends_at_.reset();
    is_previous_abandoned_ = false;
  }
  context_.locals.RemovePeerReflexive();
  current_ = std::make_unique<Session>(context_);
  context_.is_gathering_done = false;
  for (const Candidate& candidate : context_.locals.items()) {
    context_.Raise(LocalCandidateEvent{.candidate = candidate});
    if (candidate.type == CandidateType::kHost) {
      gatherer_.Start(candidate.base);
    }
  }
  Finish(now);
}

bool Agent::Core::HandleDatagram(Instant now, const PairKey& path,
                                 ByteView datagram) {
  const auto message = stun::Message::Parse(datagram);
  if (!message || message->type().method != stun::Method::kBinding) {
    return false;
  }
  bool is_ours = false;
  switch (message->type().message_class) {
    case stun::MessageClass::kRequest:
      is_ours = HandleRequest(now, path, *message);
      break;
    case stun::MessageClass::kSuccessResponse:
    case stun::MessageClass::kErrorResponse:
      is_ours = HandleResponse(now, path, *message);
      break;
    case stun::MessageClass::kIndication:
      break;  // keepalives of others; nothing to do
  }
  if (is_ours) {
    Finish(now);
  }
  return is_ours;
}

bool Agent::Core::HandleRequest(Instant now, const PairKey& path,
                                const stun::Message& message) {
  const auto ufrags = ReadUfrags(message);
  if (!ufrags) {
    return false;
  }
  Session* session = nullptr;
  if (ufrags->receiver == current_->local().ufrag) {
    session = current_.get();
  } else if (previous_ && ufrags->receiver == previous_->local().ufrag) {
    session = previous_.get();
  } else {
    return false;
  }
  if (!message.has_fingerprint()) {
    ++context_.counters.dropped_malformed;  // RFC 8445 section 7.1.2
    return true;
  }
  session->HandleRequest(now, path, *ufrags, message);
  return true;
}

bool Agent::Core::HandleResponse(Instant now, const PairKey& path,
                                 const stun::Message& message) {
  for (Session* session : {current_.get(), previous_.get()}) {
    if (session != nullptr && session->OwnsTransaction(message.id())) {
      session->HandleResponse(now, path, message);
      return true;
    }
  }
  if (!gatherer_.OwnsTransaction(message.id())) {
    return false;
  }
  const auto learnt = gatherer_.HandleResponse(path.base, path.remote, message);
  if (learnt) {
    (void)AddReflexive(now, learnt->mapped, learnt->job.base,
                       learnt->job.server.address);
  }
  return true;
}

void Agent::Core::HandleTimeout(Instant now) {
  gatherer_.HandleTimeout(now);
  current_->HandleTimeout(now);
  if (previous_) {
    previous_->HandleTimeout(now);
  }
  Finish(now);
}

void Agent::Core::NoteData(Instant now) {
  for (Session* session : {current_.get(), previous_.get()}) {
    if (session != nullptr && session->NoteData(now)) {
      Finish(now);
    }
  }
}

void Agent::Core::AbandonPrevious(Instant now) {
  is_previous_abandoned_ = true;
  Finish(now);
}

void Agent::Core::CheckAtRest(Instant now) {
  for (Session* session : {current_.get(), previous_.get()}) {
    if (session != nullptr && session->EndRest(now)) {
      Finish(now);
    }
  }
}

void Agent::Core::SetRecheckInterval(Duration interval) {
  context_.config.recheck_interval = interval;
  context_.config = WithFloors(std::move(context_.config));
}

void Agent::Core::SetKeepalive(Instant now,
                               const nat::KeepalivePolicy& policy) {
  context_.config.keepalive = policy;
  for (Session* session : {current_.get(), previous_.get()}) {
    if (session != nullptr) {
      session->OnKeepaliveChanged();
    }
  }
  Finish(now);
}

bool Agent::Core::is_resting() const {
  const Session* session = CarryingSession();
  return session != nullptr && session->is_resting();
}

void Agent::Core::Finish(Instant now) {
  last_now_ = std::max(last_now_, now);
  current_->Evaluate(now);
  SendPaced(now);
  RetirePrevious(now);
  RaiseGatheringDone();
  RaiseChanges(now);
}

void Agent::Core::SendPaced(Instant now) {
  // One new transaction per Ta (RFC 8445 section 14.2); the first is free.
  if (now < next_send_) {
    return;
  }
  if (gatherer_.SendNext(now) || current_->SendNextCheck(now)) {
    next_send_ = now + context_.config.pacing;
  }
}

void Agent::Core::RetirePrevious(Instant now) {
  if (!previous_) {
    return;
  }
  const bool carries_data = CarryingSession() == previous_.get();
  if (carries_data && !previous_ends_at_) {
    return;
  }
  if (!previous_ends_at_) {
    previous_ends_at_ = now + context_.config.old_session_linger;
  }
  if (now >= *previous_ends_at_) {
    previous_.reset();
    previous_ends_at_.reset();
  }
}

void Agent::Core::RaiseGatheringDone() {
  if (has_all_locals_ && !context_.is_gathering_done && gatherer_.is_idle()) {
    context_.is_gathering_done = true;
    context_.Raise(GatheringDoneEvent{});
  }
}

void Agent::Core::RaiseChanges(Instant now) {
  const Session* session = CarryingSession();
  std::optional<PairKey> pair;
  if (session != nullptr) {
    pair = session->selected()->key;
  }
  if (pair != reported_pair_) {
    if (!pair) {
      GatherAgain();
    }
    reported_pair_ = pair;
    reported_suspect_ = false;
    context_.Raise(SelectedPairEvent{.pair = selected()});
  }
  if (is_suspect() != reported_suspect_) {
    reported_suspect_ = !reported_suspect_;
    context_.Raise(SuspectEvent{.is_suspect = reported_suspect_});
    if (reported_suspect_) {
      GatherAgain();
    }
  }
  const AgentState state = ComputeState(now);
  if (state != state_) {
    state_ = state;
    context_.Raise(StateEvent{.state = state});
  }
}

void Agent::Core::GatherAgain() {
  if (context_.config.nomination != Nomination::kContinuous) {
    return;
  }
  for (const Candidate& candidate : context_.locals.items()) {
    if (candidate.type == CandidateType::kHost) {
      gatherer_.Start(candidate.base);
    }
  }
}

AgentState Agent::Core::ComputeState(Instant now) const {
  if (CarryingSession() != nullptr) {
    return AgentState::kConnected;
  }
  if (current_->HasFailed(now)) {
    return AgentState::kFailed;
  }
  if (current_->was_connected() || state_ == AgentState::kConnected ||
      state_ == AgentState::kDisconnected) {
    return AgentState::kDisconnected;
  }
  return current_->has_remote() && current_->has_pairs() ? AgentState::kChecking
                                                         : AgentState::kNew;
}

const Session* Agent::Core::CarryingSession() const {
  if (current_->selected() != nullptr) {
    return current_.get();
  }
  const bool may_carry =
      previous_ && !is_previous_abandoned_ && previous_->selected() != nullptr;
  return may_carry ? previous_.get() : nullptr;
}

std::optional<Instant> Agent::Core::NextTimeout() const {
  if (!context_.transmits.empty() || !context_.events.empty()) {
    return last_now_;
  }
  std::optional<Instant> next = gatherer_.NextTimeout();
  const auto keep_earliest = [&next](const std::optional<Instant>& other) {
    if (other) {
      next = std::min(next.value_or(Instant::max()), *other);
    }
  };
  keep_earliest(current_->NextTimeout());
  if (state_ != AgentState::kFailed) {
    keep_earliest(current_->FailureTime());
  }
  if (previous_) {
    keep_earliest(previous_->NextTimeout());
    keep_earliest(previous_ends_at_);
  }
  if (gatherer_.has_work() || current_->has_work()) {
    keep_earliest(std::max(next_send_, last_now_));
  }
  return next;
}

std::optional<SelectedPair> Agent::Core::selected() const {
  const Session* session = CarryingSession();
  if (session == nullptr) {
    return std::nullopt;
  }
  const Pair& pair = *session->selected();
  return SelectedPair{.local_base = pair.key.base,
                      .remote = pair.key.remote,
                      .local_mapped = pair.mapped.value_or(pair.key.base),
                      .remote_type = pair.remote_type,
                      .priority = pair.priority,
                      .rtt = pair.rtt.mean()};
}

std::vector<PathInfo> Agent::Core::paths() const {
  std::vector<PathInfo> out;
  const Session* carrying = CarryingSession();
  const Session& session = carrying != nullptr ? *carrying : *current_;
  for (const auto& [key, pair] : session.pairs()) {
    if (pair.state == PairState::kSucceeded || session.selected() == &pair) {
      out.push_back({.local_base = key.base,
                     .remote = key.remote,
                     .remote_type = pair.remote_type,
                     .priority = pair.priority,
                     .rtt = pair.rtt.mean(),
                     .rtt_variation = pair.rtt.variation(),
                     .rtt_samples = pair.rtt.samples(),
                     .is_selected = session.selected() == &pair});
    }
  }
  std::ranges::sort(out, std::greater{}, &PathInfo::priority);
  return out;
}

bool Agent::Core::is_suspect() const {
  const Session* session = CarryingSession();
  return session != nullptr && session->is_doubtful();
}

}  // namespace natkit::ice
