#include "agent/agent_connection.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <utility>

#include "natkit/base/queue.h"
#include "node/earlier.h"

namespace natkit::mesh {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// All pairs have been checked by then, several times.
constexpr Duration kSearchTime = seconds(5);
constexpr Duration kFailTime = seconds(30);
constexpr Duration kRestAfter = seconds(15);
/// Without data for this long, and without a direct path, none is looked for.
constexpr Duration kIdleAfter = seconds(60);
/// A side follows the other to the relay of its last packet, but the one with
/// the greater key only if the old one has been quiet for so long: two sides
/// that follow each other at once would change places for ever.
constexpr Duration kRelayQuiet = seconds(2);
/// Remembered until the hub takes them.
constexpr size_t kMaxHeardRemotes = 64;
/// Offers travel over a relay that may drop them. A peer that is not there
/// offers a connection itself when it comes.
constexpr std::array kOfferRepeats = std::to_array<Duration>(
    {milliseconds(500), seconds(1), seconds(2), seconds(4), seconds(8),
     seconds(15), seconds(30), seconds(60), seconds(120), seconds(300)});
constexpr std::array kRetries =
    std::to_array<Duration>({seconds(15), seconds(30), seconds(60),
                             seconds(120), seconds(240), seconds(300)});

Duration Step(std::span<const Duration> steps, int attempt) {
  return steps[std::min(static_cast<size_t>(attempt), steps.size() - 1)];
}

}  // namespace

std::string_view ConnectionStateName(ConnectionState state) {
  switch (state) {
    case ConnectionState::kNew:
      return "new";
    case ConnectionState::kConnecting:
      return "connecting";
    case ConnectionState::kConnected:
      return "connected";
    case ConnectionState::kDisconnected:
      return "disconnected";
    case ConnectionState::kFailed:
      return "failed";
  }
  return "unknown";
}

AgentConnection::AgentConnection(AgentId id, const AgentOptions& options,
                                 const HubSurroundings& hub, Rng& rng)
    : id_(id),
      hub_(hub),
      relay_use_(options.relay_use),
      peer_(options.peer),
      is_peer_fixed_(options.peer.has_value()),
      ice_(MakeIceConfig(options), rng) {}

ice::AgentConfig AgentConnection::MakeIceConfig(
    const AgentOptions& options) const {
  const ice::Role by_key = options.peer && *options.peer > hub_.own_key
                               ? ice::Role::kControlled
                               : ice::Role::kControlling;
  ice::AgentConfig config =
      ice::AgentConfig::Mesh(options.role.value_or(by_key));
  config.rest_after = kRestAfter;
  config.keepalive.SetPower(hub_.local.network.power);
  return config;
}

void AgentConnection::Start(Instant now) {
  FeedIce(now);
  DrainIce(now);
  ChangeDescription(now);
  Settle(now);
}

void AgentConnection::FeedIce(Instant now) {
  for (const Endpoint& base : fed_bases_) {
    if (std::ranges::find(hub_.local.bases, base) == hub_.local.bases.end()) {
      ice_.RemoveHostBase(now, base);
    }
  }
  // An address that the agent has already, or cannot take, changes nothing.
  for (const Endpoint& base : hub_.local.bases) {
    (void)ice_.AddHostBase(now, base);
  }
  for (const ReflexiveAddress& address : hub_.local.reflexive) {
    (void)ice_.AddReflexiveCandidate(now, address.mapped, address.base);
  }
  fed_bases_ = hub_.local.bases;
}

Result<void> AgentConnection::TakePlace(const RelayPlace& place) {
  const bool is_other = peer_ && *peer_ != place.key;
  if (place.key == hub_.own_key || (is_other && is_peer_fixed_)) {
    return Fail(Errc::kBadValue);
  }
  if (is_other) {  // it has started anew, without keeping its key
    heard_on_.reset();
    answered_version_.reset();
  }
  peer_ = place.key;
  return {};
}

Result<void> AgentConnection::SetRemote(Instant now,
                                        const AgentDescription& description) {
  if (!description.credentials && !has_remote_credentials_) {
    return Fail(Errc::kInvalidState);
  }
  if (description.credentials) {
    const auto usable = ice::CheckCredentials(*description.credentials);
    if (!usable) {
      return usable;
    }
    if (description.credentials->ufrag == ice_.local_credentials().ufrag) {
      return Fail(Errc::kBadValue);  // our own, come back to us
    }
  }
  if (!description.credentials && description.hub &&
      description.hub != remote_hub_) {
    return Fail(Errc::kBadValue);  // candidates of somebody else
  }
  const std::optional<PublicKey> known_peer = peer_;
  if (description.place) {
    if (const auto taken = TakePlace(*description.place); !taken) {
      return taken;
    }
  }
  if (const auto taken = TakeCredentials(now, description); !taken) {
    return taken;
  }
  for (const ice::Candidate& candidate : description.candidates) {
    (void)ice_.AddRemoteCandidate(now, candidate);  // over its bound: dropped
  }
  if (description.end_of_candidates) {
    ice_.SetRemoteEndOfCandidates(now);
  }
  if (description.network) {
    remote_network_ = description.network;
  }
  if (peer_ && peer_ != known_peer) {
    offer_attempt_ = 0;
    SendOffer(now);
  }
  NoteDescribed(now);
  DrainIce(now);
  Settle(now);
  return {};
}

Result<void> AgentConnection::TakeCredentials(
    Instant now, const AgentDescription& description) {
  if (!description.credentials) {
    return {};
  }
  has_remote_credentials_ = true;
  // Two sides whose descriptions crossed would restart each other for ever if
  // each took the other's answer for a restart.
  const bool answers_ours = description.peer_ufrag == ufrag();
  const auto taken =
      answers_ours
          ? ice_.ReplaceRemoteCredentials(now, *description.credentials)
          : ice_.SetRemoteCredentials(now, *description.credentials);
  // A late copy of an older description changes nothing.
  if (taken && ice_.remote_ufrag() == description.credentials->ufrag) {
    NoteRemoteHub(now, description.hub);
  }
  return taken;
}

void AgentConnection::NoteRemoteHub(Instant now, std::optional<uint64_t> hub) {
  if (remote_hub_ && hub && remote_hub_ != hub) {
    ice_.AbandonPrevious(now);  // data must not go to the one before
  }
  remote_hub_ = hub;
}

void AgentConnection::NoteDescribed(Instant now) {
  if (!described_at_) {
    described_at_ = now;
    fail_at_ = now + kFailTime;
    ScheduleRetry(now);
  }
}

void AgentConnection::Restart(Instant now) {
  described_at_.reset();
  ice_.Restart(now);
  DrainIce(now);
  ChangeDescription(now);
  Settle(now);
}

bool AgentConnection::HandleDatagram(Instant now, const Endpoint& local,
                                     const Endpoint& from, ByteView datagram) {
  const ice::AgentCounters before = ice_.counters();
  if (!ice_.HandleDatagram(now, local, from, datagram)) {
    return false;
  }
  const ice::AgentCounters& after = ice_.counters();
  const bool is_answer = after.responses_accepted != before.responses_accepted;
  if (is_answer || after.requests_answered != before.requests_answered) {
    heard_remotes_.push_back({.from = from, .is_answer = is_answer});
    if (heard_remotes_.size() > kMaxHeardRemotes) {
      heard_remotes_.pop_front();
    }
  }
  DrainIce(now);
  Settle(now);
  return true;
}

std::vector<HeardRemote> AgentConnection::TakeHeardRemotes() {
  std::vector<HeardRemote> out(heard_remotes_.begin(), heard_remotes_.end());
  heard_remotes_.clear();
  return out;
}

void AgentConnection::TakeSignalled(Instant now,
                                    const IceDescription& description) {
  const AgentDescription remote{
      .credentials = description.credentials,
      .peer_ufrag = description.peer_ufrag,
      .candidates = description.candidates,
      .end_of_candidates = description.end_of_candidates,
      .place = std::nullopt,
      .network = description.network,
      .hub = remote_hub_};  // the key says that it is the same peer
  // What the peer cannot use itself harms nobody else.
  (void)SetRemote(now, remote);
}

void AgentConnection::HandleSignal(Instant now, RelayId relay,
                                   const Offer& offer) {
  NoteRelayed(now, relay);
  answer_due_ = offer.session;
  TakeSignalled(now, offer);
}

void AgentConnection::HandleSignal(Instant now, RelayId relay,
                                   const Answer& answer) {
  NoteRelayed(now, relay);
  if (answer.session == version_) {
    answered_version_ = version_;
    offer_at_.reset();
    offer_attempt_ = 0;
  }
  TakeSignalled(now, answer);
}

bool AgentConnection::IsFresh(const Signal& signal) const {
  return std::visit(
      [this](const auto& body) {
        if constexpr (requires { body.peer_ufrag; }) {
          return body.peer_ufrag == ufrag();
        } else {
          return false;
        }
      },
      signal.body);
}

void AgentConnection::AskAgain(Instant now) {
  if (!offer_at_) {
    offer_attempt_ = 0;
    SendOffer(now);
  }
}

void AgentConnection::NoteRelayed(Instant now, RelayId relay) {
  const bool leads = peer_ && hub_.own_key > *peer_;
  const bool stays = heard_on_ && leads && now < heard_at_ + kRelayQuiet;
  if (stays && heard_on_ != relay) {
    return;
  }
  heard_at_ = now;
  if (heard_on_ != relay) {
    heard_on_ = relay;
    Settle(now);
  }
}

void AgentConnection::HandlePeerGone(Instant now, RelayId relay) {
  if (heard_on_ == relay) {
    heard_on_.reset();
    Settle(now);
  }
}

void AgentConnection::HandleSurroundings(Instant now) {
  if (heard_on_ && !hub_.relays_up.contains(*heard_on_)) {
    heard_on_.reset();
  }
  FeedIce(now);
  DrainIce(now);
  ChangeDescription(now);
  Settle(now);
}

void AgentConnection::CheckPath(Instant now) {
  ice_.CheckAtRest(now);
  DrainIce(now);
  Settle(now);
}

void AgentConnection::HandleRelayUp(Instant now) {
  if (peer_ && (offer_at_ || !heard_on_)) {
    offer_attempt_ = 0;
    SendOffer(now);
  }
}

void AgentConnection::HandleTimeout(Instant now) {
  ice_.HandleTimeout(now);
  DrainIce(now);
  if (offer_at_ && now >= *offer_at_) {
    SendOffer(now);
  }
  if (retry_at_ && now >= *retry_at_) {
    is_retry_waiting_ = IsIdle(now);
    if (is_retry_waiting_) {
      retry_at_.reset();
    } else {
      if (!HasDirect() && heard_on_) {
        Restart(now);
      }
      ScheduleRetry(now);
    }
  }
  Settle(now);
}

void AgentConnection::NoteData(Instant now) {
  const bool was_idle = IsIdle(now);
  last_data_at_ = now;
  ice_.NoteData(now);
  if (was_idle) {
    if (std::exchange(is_retry_waiting_, false)) {
      retry_at_ = now;
    }
    Settle(now);
  }
}

bool AgentConnection::IsIdle(Instant now) const {
  const Instant busy_at =
      std::max(last_data_at_, described_at_.value_or(last_data_at_));
  return now >= busy_at + kIdleAfter && Route().kind == PathKind::kRelay &&
         !HasDirect();
}

Duration AgentConnection::RecheckInterval(Instant now) const {
  if (IsIdle(now)) {
    return Duration::zero();
  }
  switch (hub_.local.network.power) {
    case nat::PowerMode::kBattery:
      return seconds(120);
    case nat::PowerMode::kMobileIdle:
      return seconds(600);
    case nat::PowerMode::kMains:
      break;
  }
  return seconds(30);
}

void AgentConnection::ScheduleRetry(Instant now) {
  retry_at_ = HasDirect()
                  ? std::nullopt
                  : std::optional(now + Step(kRetries, retry_attempt_++));
}

void AgentConnection::DrainIce(Instant now) {
  while (const auto event = ice_.PollEvent()) {
    HandleIceEvent(now, *event);
  }
}

void AgentConnection::HandleIceEvent(Instant now,
                                     const ice::AgentEvent& event) {
  if (std::holds_alternative<ice::LocalCandidateEvent>(event) ||
      std::holds_alternative<ice::RestartedEvent>(event)) {
    ChangeDescription(now);
  } else if (const auto* selected =
                 std::get_if<ice::SelectedPairEvent>(&event)) {
    if (selected->pair) {
      retry_at_.reset();
      retry_attempt_ = 0;
    } else {
      described_at_ = now;  // a new search
      ScheduleRetry(now);
    }
  }
}

AgentDescription AgentConnection::Describe() const {
  AgentDescription description{.credentials = ice_.local_credentials(),
                               .peer_ufrag = std::string(ice_.remote_ufrag()),
                               .candidates = ice_.local_candidates(),
                               .end_of_candidates = hub_.has_gathered,
                               .place = hub_.place,
                               .network = hub_.local.network,
                               .hub = hub_.number};
  std::erase_if(description.candidates, [](const ice::Candidate& candidate) {
    return candidate.type == ice::CandidateType::kPeerReflexive;
  });
  if (description.candidates.size() > kMaxDescriptionCandidates) {
    description.candidates.resize(kMaxDescriptionCandidates);
  }
  return description;
}

void AgentConnection::FillDescription(IceDescription& description) const {
  AgentDescription ours = Describe();
  description.credentials = *ours.credentials;
  description.peer_ufrag = *ours.peer_ufrag;
  description.candidates = std::move(ours.candidates);
  description.end_of_candidates = ours.end_of_candidates;
  description.network = std::move(ours.network);
}

void AgentConnection::ChangeDescription(Instant now) {
  ++version_;
  std::erase_if(events_, [](const HubEvent& event) {
    return std::holds_alternative<AgentDescriptionChanged>(event);
  });
  events_.emplace_back(
      AgentDescriptionChanged{.agent = id_, .is_complete = hub_.has_gathered});
  if (peer_) {
    offer_attempt_ = 0;
    offer_at_ = now;  // several changes at once are one offer
  }
}

void AgentConnection::SendOffer(Instant now) {
  offer_at_ = now + Step(kOfferRepeats, offer_attempt_++);
  is_offer_due_ = true;
}

std::optional<AgentConnection::SignalBody> AgentConnection::PollSignal() {
  if (answer_due_) {
    Answer answer;
    FillDescription(answer);
    answer.session = *std::exchange(answer_due_, std::nullopt);
    return answer;
  }
  if (std::exchange(is_offer_due_, false)) {
    Offer offer;
    FillDescription(offer);
    offer.session = version_;
    return offer;
  }
  return std::nullopt;
}

std::optional<ice::AgentTransmit> AgentConnection::PollTransmit() {
  return ice_.PollTransmit();
}

std::optional<HubEvent> AgentConnection::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> AgentConnection::NextTimeout() const {
  const bool waits_for_search =
      described_at_ && !HasDirect() && !has_told_search_;
  return Earlier(
      Earlier(Earlier(ice_.NextTimeout(), offer_at_), retry_at_),
      Earlier(fail_at_, waits_for_search
                            ? std::optional(*described_at_ + kSearchTime)
                            : std::nullopt));
}

std::optional<RelayId> AgentConnection::relay() const {
  return heard_on_;
}

DataRoute AgentConnection::Route() const {
  const auto pair = ice_.selected();
  const bool can_relay =
      heard_on_.has_value() && relay_use_ == RelayUse::kDataAndSignals;
  if (pair && !(ice_.is_suspect() && can_relay)) {
    return {.kind = PathKind::kDirect,
            .local = pair->local_base,
            .remote = pair->remote};
  }
  return {.kind = can_relay ? PathKind::kRelay : PathKind::kNone};
}

Path AgentConnection::CurrentPath() const {
  const DataRoute route = Route();
  Path path{.kind = route.kind};
  if (route.kind == PathKind::kDirect) {
    path.local = route.local;
    path.remote = route.remote;
    const Duration rtt = ice_.selected()->rtt;
    if (rtt != Duration::zero()) {
      path.rtt = rtt;
    }
  } else if (route.kind == PathKind::kRelay) {
    path.relay = hub_.relay_names[*heard_on_];
  }
  return path;
}

void AgentConnection::Settle(Instant now) {
  if (const Duration interval = RecheckInterval(now);
      interval != recheck_interval_) {
    recheck_interval_ = interval;
    ice_.SetRecheckInterval(interval);
  }
  Path path = CurrentPath();
  const bool is_other =
      path.kind != told_path_.kind || path.relay != told_path_.relay ||
      path.remote != told_path_.remote || path.local != told_path_.local;
  if (is_other) {
    told_path_ = path;
    told_rtt_.reset();
    events_.emplace_back(AgentPathChanged{.agent = id_, .path = path});
  }
  SettleState(now, path.kind);
  SettleRtt(path);
  SettleDiagnosis(now);
}

void AgentConnection::SettleState(Instant now, PathKind kind) {
  ConnectionState next = state_;
  if (kind != PathKind::kNone) {
    next = ConnectionState::kConnected;
    fail_at_.reset();
  } else if (state_ == ConnectionState::kConnected) {
    next = ConnectionState::kDisconnected;
    fail_at_ = now + kFailTime;
  } else if (fail_at_ && now >= *fail_at_) {
    next = ConnectionState::kFailed;
    fail_at_.reset();
  } else if (state_ == ConnectionState::kNew && described_at_) {
    next = ConnectionState::kConnecting;
  }
  if (next != state_) {
    state_ = next;
    events_.emplace_back(AgentStateChanged{.agent = id_, .state = next});
  }
}

void AgentConnection::SettleRtt(const Path& path) {
  if (!path.rtt) {
    return;
  }
  const Duration change =
      told_rtt_ ? std::chrono::abs(*path.rtt - *told_rtt_) : *path.rtt;
  const bool is_news =
      !told_rtt_ || (change >= milliseconds(2) && change * 4 >= *told_rtt_);
  if (is_news) {
    told_rtt_ = path.rtt;
    events_.emplace_back(AgentRttChanged{.agent = id_, .rtt = *path.rtt});
  }
}

bool AgentConnection::HasSearched(Instant now) const {
  return described_at_ && now >= *described_at_ + kSearchTime;
}

nat::PathDiagnosis AgentConnection::Explain(Instant now) const {
  nat::PathDiagnosis diagnosis = nat::DiagnosePath(
      {.ours = hub_.local.network,
       .theirs = remote_network_,
       .is_direct = HasDirect(),
       .is_active = true,
       .has_searched = HasSearched(now),
       // Descriptions may travel otherwise: if one came, nothing is missing.
       .has_relay = !hub_.relays_up.empty() || has_remote_credentials_ ||
                    !peer_.has_value(),
       .uses_relays = peer_.has_value()});
  // What a hub does not do is no advice.
  std::erase_if(diagnosis.fixes, [](const nat::Fix& fix) {
    return fix.code == nat::FixCode::kAllowHardPunch ||
           fix.code == nat::FixCode::kRaiseHardPunchBudget;
  });
  return diagnosis;
}

void AgentConnection::SettleDiagnosis(Instant now) {
  has_told_search_ = HasSearched(now);
  if (HasDirect()) {
    told_reason_ = nat::PathReason::kDirect;
    return;
  }
  const nat::PathReason reason = Explain(now).reason;
  if (told_reason_ != reason) {
    told_reason_ = reason;
    events_.emplace_back(AgentDiagnosisChanged{.agent = id_, .reason = reason});
  }
}

}  // namespace natkit::mesh
