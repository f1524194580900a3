#include "node/peer_link.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "natkit/base/queue.h"
#include "node/earlier.h"

namespace natkit::mesh {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kMaxForwardTries = 4;
/// All pairs have been checked by then, several times.
constexpr Duration kSearchTime = seconds(5);
/// How long an old session is given to work from new addresses.
constexpr Duration kMoveTime = seconds(2);
// Offers and requests travel over a relay that may drop them.
constexpr std::array<Duration, 6> kSignalRepeats = {
    milliseconds(500), seconds(1), seconds(2),
    seconds(4),        seconds(8), seconds(15)};
constexpr std::array<Duration, 6> kRetries = {seconds(15),  seconds(30),
                                              seconds(60),  seconds(120),
                                              seconds(240), seconds(300)};

Duration Step(const std::array<Duration, 6>& steps, int attempt) {
  return steps[std::min(static_cast<size_t>(attempt), steps.size() - 1)];
}

}  // namespace

PeerLink::PeerLink(const Config& config, const LocalAddresses& local, Rng& rng)
    : config_(config), local_(local), rng_(rng) {}

void PeerLink::NoteTraffic(Instant now) {
  const bool was_active = is_active();
  SetTraffic(now);
  if (!was_active) {
    retry_attempt_ = 0;
    BeginSession(now);
  }
}

void PeerLink::HandlePeerUp(Instant now, bool restarted) {
  if (!is_active() || (has_direct() && !restarted)) {
    return;
  }
  if (restarted) {
    KeepLessons();
    agent_.reset();  // the other end of its path is gone
  }
  retry_attempt_ = 0;
  BeginSession(now);
  DrainAgentEvents(now);
}

void PeerLink::BeginSession(Instant now) {
  events_.emplace_back(SearchBegunEvent{});
  ScheduleRetry(now);
  if (is_controlling()) {
    StartOffering(now);
  } else {
    StartRequesting(now);
  }
}

void PeerLink::StartOffering(Instant now) {
  session_ = rng_.NextU64();
  if (has_direct()) {
    agent_->Restart(now);  // the old pair carries data meanwhile
  } else {
    hints_first_ = hints_first_ || IsSecondAttempt(now);
    PrepareAgent(now);
  }
  is_negotiating_ = true;
  signal_attempt_ = 0;
  SendDueSignal(now);
  DrainAgentEvents(now);
}

void PeerLink::HandleRelayUp(Instant now) {
  if (signal_due_) {
    SendDueSignal(now);  // the last one was probably lost
  }
}

void PeerLink::StartRequesting(Instant now) {
  is_negotiating_ = true;
  signal_attempt_ = 0;
  SendDueSignal(now);
}

void PeerLink::SendDueSignal(Instant now) {
  if (is_controlling()) {
    QueueDescription();
  } else {
    signals_.emplace_back(RestartRequest{});
    requested_at_ = now;
  }
  signal_due_ = now + Step(kSignalRepeats, signal_attempt_++);
}

void PeerLink::PrepareAgent(Instant now) {
  ForgetDirect();
  const auto role =
      is_controlling() ? ice::Role::kControlling : ice::Role::kControlled;
  UpdateKeepalive(now);
  auto config = ice::AgentConfig::Mesh(role);
  config.keepalive = keepalive_;
  config.rest_after = seconds(15);
  agent_.emplace(std::move(config), rng_);
  agent_bases_.clear();
  remote_credentials_.reset();
  held_.reset();
  tried_since_.reset();
  uses_fresh_base_ = fresh_base_ && !awaits_fresh_address_;
  FeedAgent(now);
  if (config_.fixed_endpoint) {
    const ice::Candidate fixed{
        .type = ice::CandidateType::kHost,
        .endpoint = *config_.fixed_endpoint,
        .base = *config_.fixed_endpoint,
        .priority = ice::CandidatePriority(ice::CandidateType::kHost, 0),
        .foundation = "fixed"};
    (void)agent_->AddRemoteCandidate(now, fixed);
  }
}

void PeerLink::FeedAgent(Instant now) {
  for (const Endpoint& base : agent_bases_) {
    if (std::ranges::find(local_.bases, base) == local_.bases.end()) {
      agent_->RemoveHostBase(now, base);
    }
  }
  // An address that the agent has already, or cannot take, changes nothing.
  for (const Endpoint& base : local_.bases) {
    if (!uses_fresh_base_ || base.address != fresh_base_->address) {
      (void)agent_->AddHostBase(now, base);
    }
  }
  if (uses_fresh_base_) {  // in place of the one that it was taken for
    (void)agent_->AddHostBase(now, *fresh_base_);
  }
  for (const ReflexiveAddress& address : local_.reflexive) {
    (void)agent_->AddReflexiveCandidate(now, address.mapped, address.base);
  }
  const auto add = [&](const std::optional<ReflexiveAddress>& address) {
    if (address) {
      (void)agent_->AddReflexiveCandidate(now, address->mapped, address->base);
    }
  };
  add(local_.mapped);
  if (shares_nat_) {
    add(local_.middle);
  }
  agent_bases_ = local_.bases;
  if (hard_pair_) {
    (void)agent_->AddHostBase(now, hard_pair_->local);
    const auto type = ice::CandidateType::kServerReflexive;
    (void)agent_->AddRemoteCandidate(now, {.type = type,
                                           .endpoint = hard_pair_->remote,
                                           .base = hard_pair_->remote,
                                           .priority = ice::CandidatePriority(
                                               type, ice::kMaxLocalPreference),
                                           .foundation = "hard"});
  }
}

/// The peer is seen from outside under an address that is ours, too.
void PeerLink::NoteSharedNat(const IceDescription& description) {
  const auto is_ours = [this](const ice::Candidate& candidate) {
    return candidate.type == ice::CandidateType::kServerReflexive &&
           std::ranges::any_of(
               local_.reflexive, [&](const ReflexiveAddress& ours) {
                 return ours.mapped.address == candidate.endpoint.address;
               });
  };
  shares_nat_ = std::ranges::any_of(description.candidates, is_ours);
}

template <class Description>
void PeerLink::FillDescription(Description& description) const {
  description.session = session_;
  description.credentials = agent_->local_credentials();
  description.candidates = agent_->local_candidates();
  description.network = local_.network;
  std::erase_if(description.candidates, [](const ice::Candidate& candidate) {
    return candidate.type == ice::CandidateType::kPeerReflexive;
  });
  if (description.candidates.size() > kMaxSignalCandidates) {
    description.candidates.resize(kMaxSignalCandidates);
  }
}

void PeerLink::QueueDescription() {
  told_network_ = local_.network;
  // A newer description says all that an unsent older one would.
  std::erase_if(signals_, [](const SignalBody& body) {
    return std::holds_alternative<Offer>(body) ||
           std::holds_alternative<Answer>(body);
  });
  if (is_controlling()) {
    Offer offer;
    FillDescription(offer);
    signals_.emplace_back(std::move(offer));
  } else {
    Answer answer;
    FillDescription(answer);
    signals_.emplace_back(std::move(answer));
  }
}

void PeerLink::HandleSignal(Instant now, const Offer& offer) {
  if (is_controlling()) {
    return;
  }
  if (!is_active()) {
    active_until_ = now + kIdleAfter;
  }
  if (!agent_ || (offer.session != session_ && !has_direct())) {
    PrepareAgent(now);
  }
  const bool is_new = offer.session != session_;
  NoteSignalRtt(now);
  if (is_new) {
    session_ = offer.session;
    ScheduleRetry(now);
  }
  is_negotiating_ = false;
  signal_due_.reset();
  if ((!is_new && !held_) || !HoldOffer(now, offer)) {
    TakeDescription(now, offer);
  }
  DrainAgentEvents(now);
  QueueDescription();
}

void PeerLink::HandleSignal(Instant now, const Answer& answer) {
  if (!is_controlling() || !agent_ || answer.session != session_) {
    return;
  }
  is_negotiating_ = false;
  signal_due_.reset();
  TakeDescription(now, answer);
  DrainAgentEvents(now);
}

void PeerLink::HandleSignal(Instant now, const RestartRequest& /*request*/) {
  if (!is_controlling()) {
    return;
  }
  active_until_ = std::max(active_until_.value_or(now), now + kIdleAfter);
  if (is_negotiating_) {
    QueueDescription();  // both began at once: one session is enough
    return;
  }
  if (IsSecondAttempt(now) && MayTakeFreshSocket()) {
    // The peer learns from this how long signals take; the new session begins
    // once our new port is known.
    QueueDescription();
    WantFreshSocket(now);
    return;
  }
  if (awaits_fresh_address_) {
    return;
  }
  BeginSession(now);
}

void PeerLink::TryForwardedPorts(Instant now,
                                 const IceDescription& description) {
  int tries = 0;
  for (const ice::Candidate& mapped : description.candidates) {
    for (const ice::Candidate& host : description.candidates) {
      const Endpoint guess{mapped.endpoint.address, host.endpoint.port};
      const bool is_guess =
          mapped.type == ice::CandidateType::kServerReflexive &&
          host.type == ice::CandidateType::kHost && guess.address.is_v4() &&
          host.endpoint.address.is_v4() && guess != mapped.endpoint;
      if (!is_guess || tries == kMaxForwardTries) {
        continue;
      }
      ++tries;
      // The least of all server-reflexive candidates; a known one stays.
      (void)agent_->AddRemoteCandidate(
          now, {.type = ice::CandidateType::kServerReflexive,
                .endpoint = guess,
                .base = guess,
                .priority = ice::CandidatePriority(
                    ice::CandidateType::kServerReflexive, 0),
                .foundation = "forward"});
    }
  }
}

void PeerLink::TakeDescription(Instant now, const IceDescription& description) {
  if (!agent_->SetRemoteCredentials(now, description.credentials)) {
    return;
  }
  remote_credentials_ = description.credentials;
  HintReflexive(now, description);
  for (const ice::Candidate& candidate : description.candidates) {
    (void)agent_->AddRemoteCandidate(now, candidate);
  }
  TryForwardedPorts(now, description);
  if (description.end_of_candidates) {
    agent_->SetRemoteEndOfCandidates(now);
  }
  if (description.network) {
    remote_network_ = description.network;
    UpdateKeepalive(now);
  }
  described_at_ = described_at_.value_or(now);
  tried_since_ = tried_since_.value_or(now);
  NoteSharedNat(description);
  FeedAgent(now);
}

void PeerLink::HandleHardHit(Instant now, const Endpoint& local,
                             const Endpoint& remote) {
  ReleaseHardSocket(now);
  hard_pair_ = HardPair{local, remote};
  if (!agent_) {
    ReleaseHardSocket(now);
    return;
  }
  FeedAgent(now);
  DrainAgentEvents(now);
}

void PeerLink::ReleaseHardSocket(Instant now) {
  if (!hard_pair_) {
    return;
  }
  const Endpoint socket = hard_pair_->local;
  hard_pair_.reset();
  if (std::ranges::find(local_.bases, socket) != local_.bases.end()) {
    return;
  }
  if (agent_) {
    agent_->RemoveHostBase(now, socket);
  }
  events_.emplace_back(SocketReleasedEvent{socket});
}

void PeerLink::HoldSession(Instant until) {
  if (retry_at_) {
    retry_at_ = std::max(*retry_at_, until);
  }
}

std::optional<SessionSecrets> PeerLink::secrets() const {
  if (!agent_ || !remote_credentials_) {
    return std::nullopt;
  }
  return SessionSecrets{.role = agent_->role(),
                        .local = agent_->local_credentials(),
                        .remote = *remote_credentials_};
}

void PeerLink::HandleLocalAddresses(Instant now) {
  if (hard_pair_ && std::ranges::none_of(local_.bases, [&](const auto& base) {
        return base.address == hard_pair_->local.address;
      })) {
    ReleaseHardSocket(now);
  }
  if (fresh_base_ && std::ranges::none_of(local_.bases, [&](const auto& base) {
        return base.address == fresh_base_->address;
      })) {
    ReleaseFreshSocket(now);
  }
  UpdateKeepalive(now);
  if (!agent_) {
    return;
  }
  FeedAgent(now);
  DrainAgentEvents(now);
  UseFreshSocket(now);
  const bool is_news = told_network_ && *told_network_ != local_.network;
  if (is_news && (is_controlling() || !is_negotiating_)) {
    QueueDescription();
  }
}

bool PeerLink::has_searched(Instant now) const {
  return described_at_ && now >= *described_at_ + kSearchTime;
}

void PeerLink::HandleNetworkChange(Instant now) {
  if (!is_active()) {
    return;
  }
  retry_attempt_ = 0;
  fresh_tries_ = 0;
  tried_since_.reset();  // until the peer answers to what we are now
  if (is_controlling() && remote_credentials_ && !has_direct()) {
    // The path went with our address, and the peer is probably where it was: go
    // on from the new address, which needs no relay.
    retry_at_ = now + kMoveTime;
    is_negotiating_ = true;
    signal_attempt_ = 0;
    SendDueSignal(now);
  } else {
    BeginSession(now);
  }
  DrainAgentEvents(now);
}

bool PeerLink::HandleDatagram(Instant now, const Endpoint& local_base,
                              const Endpoint& from, ByteView datagram) {
  if (!agent_ || !agent_->HandleDatagram(now, local_base, from, datagram)) {
    return false;
  }
  DrainAgentEvents(now);
  return true;
}

void PeerLink::HandleTimeout(Instant now) {
  if (active_until_ && now >= *active_until_) {
    Deactivate(now);
    return;
  }
  if (signal_due_ && now >= *signal_due_) {
    SendDueSignal(now);
  }
  if (retry_at_ && now >= *retry_at_ && !has_direct()) {
    BeginSession(now);
  }
  TakeHeldOffer(now);
  if (const auto due = FreshDue(); due && now >= *due) {
    WantFreshSocket(now);
  }
  if (agent_) {
    agent_->HandleTimeout(now);
    DrainAgentEvents(now);
  }
}

void PeerLink::ScheduleRetry(Instant now) {
  // The controlled side waits longer, so that both do not restart at once.
  const Duration extra = is_controlling() ? Duration::zero() : seconds(5);
  retry_at_ = now + Step(kRetries, retry_attempt_++) + extra;
}

void PeerLink::Deactivate(Instant now) {
  KeepLessons();
  agent_.reset();
  ReleaseHardSocket(now);
  ReleaseFreshSocket(now);
  fresh_tries_ = 0;
  held_.reset();
  tried_since_.reset();
  remote_credentials_.reset();
  agent_bases_.clear();
  is_negotiating_ = false;
  signal_due_.reset();
  retry_at_.reset();
  active_until_.reset();
  described_at_.reset();
  ForgetDirect();
}

void PeerLink::ForgetDirect() {
  if (had_direct_) {
    had_direct_ = false;
    events_.emplace_back(DirectPathEvent{});
  }
}

void PeerLink::DrainAgentEvents(Instant now) {
  while (agent_) {
    const auto event = agent_->PollEvent();
    if (!event) {
      return;
    }
    HandleAgentEvent(now, *event);
  }
}

void PeerLink::HandleAgentEvent(Instant now, const ice::AgentEvent& event) {
  if (std::holds_alternative<ice::LocalCandidateEvent>(event) ||
      std::holds_alternative<ice::RestartedEvent>(event)) {
    // Before the first offer arrives there is nobody to answer.
    if (is_controlling() || !is_negotiating_) {
      QueueDescription();
    }
  } else if (const auto* selected =
                 std::get_if<ice::SelectedPairEvent>(&event)) {
    HandleSelected(now, selected->pair);
  } else if (const auto* suspect = std::get_if<ice::SuspectEvent>(&event)) {
    if (suspect->is_suspect) {
      events_.emplace_back(DirectSuspectEvent{});
    } else {
      events_.emplace_back(DirectRecoveredEvent{});
    }
  }
}

void PeerLink::HandleSelected(Instant now,
                              const std::optional<ice::SelectedPair>& pair) {
  const bool lost = had_direct_ && !pair;
  had_direct_ = pair.has_value();
  ExtendActivity(now, pair.has_value());
  described_at_ = now;  // if it is lost, the search begins again
  tried_since_.reset();
  events_.emplace_back(DirectPathEvent{pair});
  if (pair) {
    UpdateKeepalive(now);
    fresh_tries_ = 0;
    if (pair->local_base != fresh_base_) {
      ReleaseFreshSocket(now);
    }
    retry_at_.reset();
    retry_attempt_ = 0;
  } else if (lost) {
    retry_attempt_ = 0;
    retry_at_ = now;  // the next HandleTimeout begins a new session
  }
}

std::optional<ice::AgentTransmit> PeerLink::PollTransmit() {
  return agent_ ? agent_->PollTransmit() : std::nullopt;
}

std::optional<SignalBody> PeerLink::PollSignal() {
  return TakeFront(signals_);
}

std::optional<LinkEvent> PeerLink::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> PeerLink::NextTimeout() const {
  auto next = Earlier(active_until_, signal_due_);
  if (held_) {
    next = Earlier(next, held_->until);
  }
  if (!has_direct()) {
    next = Earlier(Earlier(next, retry_at_), FreshDue());
  }
  return agent_ ? Earlier(next, agent_->NextTimeout()) : next;
}

PathChoice PeerLink::Path() const {
  if (!agent_ || !agent_->selected()) {
    return {};
  }
  // What is sent over a path that rests is the first in a while.
  return {.direct = agent_->selected(),
          .over_relay = agent_->is_suspect() || agent_->is_resting()};
}

bool PeerLink::is_plain_punch() const {
  if (!has_direct() || hard_pair_ || shares_nat_ || !remote_network_) {
    return false;
  }
  const std::optional<ice::SelectedPair> selected = agent_->selected();
  const ice::SelectedPair& pair = *selected;
  const auto is_ours = [&](const ReflexiveAddress& address) {
    return address.base == pair.local_base &&
           address.mapped == pair.local_mapped;
  };
  const auto has_mapped_port = [](const nat::PathSide& side) {
    return side.mapped_port != nat::MappedPort::kNone;
  };
  return pair.remote.address.is_v4() && !has_mapped_port(local_.network) &&
         !has_mapped_port(*remote_network_) &&
         std::ranges::any_of(local_.reflexive, is_ours) &&
         std::ranges::find(remote_reflexive_, pair.remote) !=
             remote_reflexive_.end();
}

}  // namespace natkit::mesh
