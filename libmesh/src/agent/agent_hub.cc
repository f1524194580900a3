#include "natkit/mesh/agent/agent_hub.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/agent_hub_impl.h"
#include "natkit/base/queue.h"
#include "natkit/nat/demux.h"
#include "node/earlier.h"

namespace natkit::mesh {

namespace {

constexpr size_t kMaxAgents = 65536;
/// Events that wait for an owner who does not poll; the oldest go first.
constexpr size_t kMaxEvents = 65536;
/// Addresses that one peer's data comes from; the newest are kept.
constexpr size_t kMaxRemotes = 16;
/// STUN servers have answered by then, or do not.
constexpr Duration kGatherTime = std::chrono::seconds(3);
/// After one has answered, the others are near.
constexpr Duration kGatherMore = std::chrono::milliseconds(300);
constexpr Duration kRelayCheck = std::chrono::seconds(20);

bool IsGlobalV6(const Endpoint& base) {
  const IpAddress& ip = base.address;
  return ip.is_v6() && !ip.is_link_local() && !ip.is_private() &&
         !ip.is_loopback();
}

}  // namespace

AgentHub::Impl::Impl(AgentHubConfig config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      prober_(rng),
      boot_(rng.NextU64()) {
  surroundings_.own_key = DerivePublicKey(config_.private_key);
  surroundings_.number = boot_;
  surroundings_.local.network.power = config_.power;
  for (const RelayEntry& relay : config_.relays) {
    NoteRelay(relay);
  }
  prober_.SetPower(config_.power);
}

const AgentConnection* AgentHub::Impl::Find(AgentId agent) const {
  const auto found = agents_.find(agent);
  return found == agents_.end() ? nullptr : &found->second->connection;
}

AgentHub::Impl::Member* AgentHub::Impl::FindMember(AgentId agent) {
  const auto found = agents_.find(agent);
  return found == agents_.end() ? nullptr : found->second.get();
}

void AgentHub::Impl::SetLocalEndpoints(Instant now,
                                       std::vector<Endpoint> endpoints) {
  if (endpoints == surroundings_.local.bases) {
    return;
  }
  surroundings_.local.bases = std::move(endpoints);
  if (is_awake_) {
    prober_.SetBases(now, surroundings_.local.bases);
    CheckShared(now);
    (void)TakeProbes(now);
    BeginGathering(now);
  }
  UpdateSurroundings(now);
  TellAll(now);
}

void AgentHub::Impl::CheckShared(Instant now) {
  prober_.ForgetUdp();
  prober_.Refresh(now);
  for (auto& [id, relay] : relays_) {
    relay.Probe(now);  // its stream may have used an address that is gone
  }
}

void AgentHub::Impl::CheckNetwork(Instant now) {
  if (!is_awake_) {
    return;
  }
  CheckShared(now);
  DrainProber(now);
  for (const auto& [id, member] : agents_) {
    member->connection.CheckPath(now);
    Drain(now, *member);
  }
}

void AgentHub::Impl::SetStunServers(Instant now,
                                    std::vector<Endpoint> servers) {
  if (servers == stun_servers_) {
    return;
  }
  stun_servers_ = std::move(servers);
  if (is_awake_) {
    prober_.SetServers(now, stun_servers_);
    const bool is_news = TakeProbes(now);
    BeginGathering(now);
    if (is_news) {
      TellAll(now);
    }
  }
}

void AgentHub::Impl::BeginGathering(Instant now) {
  if (!stun_servers_.empty()) {
    surroundings_.has_gathered = false;
    gathered_at_ = now + kGatherTime;
  } else if (gathered_at_) {
    gathered_at_ = now;
  }
}

void AgentHub::Impl::Wake(Instant now) {
  if (std::exchange(is_awake_, true)) {
    return;
  }
  prober_.SetBases(now, surroundings_.local.bases);
  prober_.SetServers(now, stun_servers_);
  gathered_at_ = now;
  BeginGathering(now);
  for (RelayId id = 0; id < config_.relays.size(); ++id) {
    RelayLink& relay =
        relays_
            .try_emplace(id, config_.private_key, config_.relays[id],
                         /*is_home=*/id == 0, rng_)
            .first->second;
    relay.SetIdleCheck(config_.power == nat::PowerMode::kMains
                           ? std::optional<Duration>(kRelayCheck)
                           : std::nullopt);
    relay.Start(now);
  }
  DrainProber(now);
  UpdateSurroundings(now);
}

void AgentHub::Impl::Rest() {
  is_awake_ = false;
  prober_.SetServers(Instant{}, {});
  prober_.SetBases(Instant{}, {});
  for (const auto& [id, relay] : relays_) {
    if (relay.has_stream()) {
      commands_.emplace_back(RelayClose{id});
    }
  }
  relays_.clear();
  for (const RelayId relay : std::exchange(surroundings_.relays_up, {})) {
    PushEvent(HubRelayChanged{
        .relay = relay, .is_up = false, .reason = "no agent needs it"});
  }
  surroundings_.local.reflexive.clear();
  surroundings_.has_gathered = false;
  gathered_at_.reset();
}

Result<AgentId> AgentHub::Impl::Add(Instant now, const AgentOptions& options) {
  if (options.peer &&
      (options.peer->is_zero() || *options.peer == public_key())) {
    return Fail(Errc::kBadValue);
  }
  if (options.peer && by_peer_.contains(*options.peer)) {
    return Fail(Errc::kAlreadyExists);
  }
  if (agents_.size() >= kMaxAgents) {
    return Fail(Errc::kLimitExceeded);
  }
  Wake(now);
  const AgentId id = ++last_id_;
  auto& member = *(
      agents_[id] = std::make_unique<Member>(id, options, surroundings_, rng_));
  member.connection.Start(now);
  Drain(now, member);
  return id;
}

bool AgentHub::Impl::Remove(Instant /*now*/, AgentId agent) {
  Member* const member = FindMember(agent);
  if (member == nullptr) {
    return false;
  }
  mux_.Remove(agent);
  if (member->peer) {
    by_peer_.erase(*member->peer);
  }
  NoteHub(*member, std::nullopt);
  ForgetRemotes(*member);
  if (member->deadline) {
    deadlines_.erase({*member->deadline, agent});
  }
  std::erase_if(relayed_,
                [&](const RelayedData& data) { return data.agent == agent; });
  agents_.erase(agent);
  SkipDeadEvents();
  if (agents_.empty()) {
    Rest();
  }
  return true;
}

Result<void> AgentHub::Impl::SetRemoteDescription(
    Instant now, AgentId agent, const AgentDescription& description) {
  Member* const member = FindMember(agent);
  if (member == nullptr) {
    return Fail(Errc::kNotFound);
  }
  if (description.hub == boot_) {
    return Fail(Errc::kBadValue);
  }
  if (IsTaken(agent, description)) {
    return Fail(Errc::kAlreadyExists);
  }
  auto set = member->connection.SetRemote(now, description);
  Drain(now, *member);
  return set;
}

// Two agents of one hub that lead to one hub would get each other's data.
bool AgentHub::Impl::IsTaken(AgentId agent,
                             const AgentDescription& description) const {
  const auto is_anothers = [agent](const auto& agents, const auto& key) {
    const auto found = agents.find(key);
    return found != agents.end() && found->second != agent;
  };
  return (description.place && is_anothers(by_peer_, description.place->key)) ||
         (description.hub && is_anothers(by_hub_, *description.hub));
}

void AgentHub::Impl::NoteHub(Member& member, std::optional<uint64_t> hub) {
  if (hub == member.hub) {
    return;
  }
  if (member.hub) {
    by_hub_.erase(*member.hub);
    ForgetRemotes(member);
  }
  member.hub = hub;
  if (hub) {
    by_hub_.emplace(*hub, member.connection.id());
  }
}

Result<void> AgentHub::Impl::Restart(Instant now, AgentId agent) {
  Member* const member = FindMember(agent);
  if (member == nullptr) {
    return Fail(Errc::kNotFound);
  }
  member->connection.Restart(now);
  Drain(now, *member);
  return {};
}

DatagramClaim AgentHub::Impl::HandleDatagram(Instant now, const Endpoint& local,
                                             const Endpoint& from,
                                             ByteView datagram) {
  // What is nobody's is no data, either: checks of a session that has ended.
  const bool may_be_data = MayBeData(datagram);
  if (!may_be_data && TakeStun(now, local, from, datagram)) {
    return {.owner = DatagramOwner::kHub};
  }
  Member* const member = may_be_data ? FindByRemote(from) : nullptr;
  if (member == nullptr) {
    ++counters_.dropped_unknown;
    return {.owner = DatagramOwner::kNobody};
  }
  member->connection.NoteData(now);
  Drain(now, *member);
  return {.owner = DatagramOwner::kAgent, .agent = member->connection.id()};
}

bool AgentHub::Impl::TakeStun(Instant now, const Endpoint& local,
                              const Endpoint& from, ByteView datagram) {
  if (prober_.HandleDatagram(now, local, from, datagram)) {
    DrainProber(now);
    return true;
  }
  const auto agent = mux_.Route(datagram);
  Member* const member =
      agent ? FindMember(static_cast<AgentId>(*agent)) : nullptr;
  if (member == nullptr ||
      !member->connection.HandleDatagram(now, local, from, datagram)) {
    return false;
  }
  prober_.NoteUdp();
  Drain(now, *member);
  return true;
}

AgentHub::Impl::Member* AgentHub::Impl::FindByRemote(const Endpoint& from) {
  const auto found = by_remote_.find(from);
  return found == by_remote_.end() ? nullptr : FindMember(found->second);
}

void AgentHub::Impl::NoteRemotes(Member& member) {
  for (const HeardRemote& heard : member.connection.TakeHeardRemotes()) {
    NoteRemote(member, heard);
  }
}

void AgentHub::Impl::ForgetRemotes(Member& member) {
  for (const Endpoint& remote : member.remotes) {
    by_remote_.erase(remote);
  }
  member.remotes.clear();
}

void AgentHub::Impl::NoteRemote(Member& member, const HeardRemote& heard) {
  const AgentId id = member.connection.id();
  const auto [place, is_new] = by_remote_.try_emplace(heard.from, id);
  if (place->second != id) {
    // A NAT gave the address of one peer to another. A request that says so may
    // have a false source; an answer does not.
    if (!heard.is_answer) {
      return;
    }
    std::erase(FindMember(place->second)->remotes, heard.from);
    place->second = id;
  } else if (!is_new) {
    if (member.remotes.back() == heard.from) {
      return;
    }
    std::erase(member.remotes, heard.from);  // it is the newest again
  }
  member.remotes.push_back(heard.from);
  if (member.remotes.size() > kMaxRemotes) {
    by_remote_.erase(member.remotes.front());
    member.remotes.pop_front();
  }
}

void AgentHub::Impl::HandleTimeout(Instant now) {
  prober_.HandleTimeout(now);
  if (gathered_at_ && now >= *gathered_at_) {
    gathered_at_.reset();
    surroundings_.has_gathered = true;
    TellAll(now);
  }
  DrainProber(now);
  for (RelayId id = 0; id < config_.relays.size(); ++id) {
    if (const auto relay = relays_.find(id); relay != relays_.end()) {
      relay->second.HandleTimeout(now);
      DrainRelay(now, id);
    }
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const AgentId id = deadlines_.begin()->second;
    Member& member = *FindMember(id);
    deadlines_.erase(deadlines_.begin());
    member.deadline.reset();
    member.connection.HandleTimeout(now);
    Drain(now, member);
  }
  SendWaitingSignals(now);
}

void AgentHub::Impl::DrainProber(Instant now) {
  if (TakeProbes(now)) {
    TellAll(now);
  }
}

bool AgentHub::Impl::TakeProbes(Instant now) {
  while (auto probe = prober_.PollTransmit()) {
    transmits_.push_back({.from_base = probe->from,
                          .to = probe->datagram.to,
                          .payload = std::move(probe->datagram.payload),
                          .ttl = std::nullopt});
  }
  auto change = prober_.PollChange();
  if (!change) {
    return false;
  }
  surroundings_.local.reflexive = std::move(*change);
  if (gathered_at_) {
    gathered_at_ = std::min(*gathered_at_, now + kGatherMore);
  }
  UpdateSurroundings(now);
  return true;
}

void AgentHub::Impl::UpdateSurroundings(Instant /*now*/) {
  nat::PathSide& network = surroundings_.local.network;
  network.traits = prober_.Observe();
  network.may_be_address_dependent = prober_.MayBeAddressDependent();
  network.has_ipv6 = std::ranges::any_of(surroundings_.local.bases, IsGlobalV6);
}

void AgentHub::Impl::TellAll(Instant now) {
  for (const auto& [id, member] : agents_) {
    member->connection.HandleSurroundings(now);
    Drain(now, *member);
  }
}

void AgentHub::Impl::NotePeer(Member& member) {
  const auto& peer = member.connection.peer();
  if (peer == member.peer) {
    return;
  }
  if (member.peer) {
    by_peer_.erase(*member.peer);
  }
  member.peer = peer;
  member.replay = {};
  by_peer_.emplace(*peer, member.connection.id());
  member.box.emplace(config_.private_key, *peer);
}

void AgentHub::Impl::Drain(Instant now, Member& member) {
  AgentConnection& connection = member.connection;
  NotePeer(member);
  NoteHub(member, connection.remote_hub());
  NoteRemotes(member);
  if (connection.ufrag() != member.ufrag) {
    member.ufrag = connection.ufrag();
    mux_.SetUfrag(connection.id(), member.ufrag);
  }
  while (auto transmit = connection.PollTransmit()) {
    mux_.NoteSent(connection.id(), transmit->payload);
    transmits_.push_back(std::move(*transmit));
  }
  SendSignals(now, member);
  while (auto event = connection.PollEvent()) {
    PushEvent(std::move(*event));
  }
  UpdateDeadline(member);
}

void AgentHub::Impl::PushEvent(HubEvent event) {
  events_.push_back(std::move(event));
  if (events_.size() > kMaxEvents) {
    events_.pop_front();
    ++counters_.events_lost;
    SkipDeadEvents();
  }
}

void AgentHub::Impl::SkipDeadEvents() {
  const auto is_dead = [this](const HubEvent& event) {
    return std::visit(
        [this](const auto& body) {
          if constexpr (requires { body.agent; }) {
            return !agents_.contains(body.agent);
          } else {
            return false;
          }
        },
        event);
  };
  while (!events_.empty() && is_dead(events_.front())) {
    events_.pop_front();
  }
}

void AgentHub::Impl::UpdateDeadline(Member& member) {
  const auto next = member.connection.NextTimeout();
  if (next == member.deadline) {
    return;
  }
  const AgentId id = member.connection.id();
  if (member.deadline) {
    deadlines_.erase({*member.deadline, id});
  }
  if (next) {
    deadlines_.emplace(*next, id);
  }
  member.deadline = next;
}

Result<DataRoute> AgentHub::Impl::Route(Instant now, AgentId agent,
                                        ByteView data) {
  Member* const member = FindMember(agent);
  if (member == nullptr) {
    return Fail(Errc::kNotFound);
  }
  if (!MayBeData(data)) {
    return Fail(Errc::kBadValue);
  }
  const DataRoute route = member->connection.Route();
  if (route.kind == PathKind::kNone) {
    return Fail(Errc::kInvalidState);
  }
  member->connection.NoteData(now);
  Drain(now, *member);
  return route;
}

std::optional<ice::AgentTransmit> AgentHub::Impl::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<RelayedData> AgentHub::Impl::PollRelayed() {
  return TakeFront(relayed_);
}

std::optional<RelayCommand> AgentHub::Impl::PollRelayCommand() {
  return TakeFront(commands_);
}

std::optional<HubEvent> AgentHub::Impl::PollEvent() {
  auto event = TakeFront(events_);
  SkipDeadEvents();
  return event;
}

std::optional<Instant> AgentHub::Impl::NextTimeout() const {
  std::optional<Instant> next = Earlier(prober_.NextTimeout(), gathered_at_);
  for (const auto& [id, relay] : relays_) {
    next = Earlier(next, relay.NextTimeout());
  }
  next = Earlier(next, NextSignal());
  return deadlines_.empty() ? next : Earlier(next, deadlines_.begin()->first);
}

AgentHub::AgentHub(AgentHubConfig config, Rng& rng)
    : impl_(std::make_unique<Impl>(std::move(config), rng)) {}

AgentHub::~AgentHub() = default;

const PublicKey& AgentHub::public_key() const {
  return impl_->public_key();
}

void AgentHub::SetLocalEndpoints(Instant now, std::vector<Endpoint> endpoints) {
  impl_->SetLocalEndpoints(now, std::move(endpoints));
}

void AgentHub::CheckNetwork(Instant now) {
  impl_->CheckNetwork(now);
}

void AgentHub::SetStunServers(Instant now, std::vector<Endpoint> servers) {
  impl_->SetStunServers(now, std::move(servers));
}

Result<RelayId> AgentHub::AddRelay(const RelayEntry& relay) {
  return impl_->AddRelay(relay);
}

Result<AgentId> AgentHub::Add(Instant now, const AgentOptions& options) {
  return impl_->Add(now, options);
}

bool AgentHub::Remove(Instant now, AgentId agent) {
  return impl_->Remove(now, agent);
}

Result<void> AgentHub::SetRemoteDescription(
    Instant now, AgentId agent, const AgentDescription& description) {
  return impl_->SetRemoteDescription(now, agent, description);
}

Result<void> AgentHub::Restart(Instant now, AgentId agent) {
  return impl_->Restart(now, agent);
}

DatagramClaim AgentHub::HandleDatagram(Instant now, const Endpoint& local,
                                       const Endpoint& from,
                                       ByteView datagram) {
  return impl_->HandleDatagram(now, local, from, datagram);
}

void AgentHub::HandleRelayOpen(Instant now, RelayId relay,
                               const std::optional<PublicKey>& server_key) {
  impl_->HandleRelayOpen(now, relay, server_key);
}

void AgentHub::HandleRelayBytes(Instant now, RelayId relay, ByteView bytes) {
  impl_->HandleRelayBytes(now, relay, bytes);
}

void AgentHub::HandleRelayClosed(Instant now, RelayId relay,
                                 std::string_view reason) {
  impl_->HandleRelayClosed(now, relay, reason);
}

void AgentHub::HandleTimeout(Instant now) {
  impl_->HandleTimeout(now);
}

bool AgentHub::MayBeData(ByteView datagram) {
  return nat::Classify(datagram) != nat::DatagramKind::kStun;
}

Result<DataRoute> AgentHub::Route(Instant now, AgentId agent, ByteView data) {
  return impl_->Route(now, agent, data);
}

Result<void> AgentHub::SendRelayed(Instant now, AgentId agent, ByteView data) {
  return impl_->SendRelayed(now, agent, data);
}

std::optional<ice::AgentTransmit> AgentHub::PollTransmit() {
  return impl_->PollTransmit();
}

std::optional<RelayedData> AgentHub::PollRelayed() {
  return impl_->PollRelayed();
}

std::optional<RelayCommand> AgentHub::PollRelayCommand() {
  return impl_->PollRelayCommand();
}

size_t AgentHub::PollRelayBytes(Instant now, RelayId relay, MutableBytes out) {
  return impl_->PollRelayBytes(now, relay, out);
}

std::optional<HubEvent> AgentHub::PollEvent() {
  return impl_->PollEvent();
}

bool AgentHub::has_events() const {
  return impl_->has_events();
}

std::optional<Instant> AgentHub::NextTimeout() const {
  return impl_->NextTimeout();
}

Result<AgentDescription> AgentHub::LocalDescription(AgentId agent) const {
  const AgentConnection* found = impl_->Find(agent);
  if (found == nullptr) {
    return Fail(Errc::kNotFound);
  }
  return found->Describe();
}

Result<ConnectionState> AgentHub::State(AgentId agent) const {
  const AgentConnection* found = impl_->Find(agent);
  if (found == nullptr) {
    return Fail(Errc::kNotFound);
  }
  return found->state();
}

Result<Path> AgentHub::CurrentPath(AgentId agent) const {
  const AgentConnection* found = impl_->Find(agent);
  if (found == nullptr) {
    return Fail(Errc::kNotFound);
  }
  return found->CurrentPath();
}

Result<nat::PathDiagnosis> AgentHub::Explain(Instant now, AgentId agent) const {
  const AgentConnection* found = impl_->Find(agent);
  if (found == nullptr) {
    return Fail(Errc::kNotFound);
  }
  return found->Explain(now);
}

const AgentHubCounters& AgentHub::counters() const {
  return impl_->counters();
}

size_t AgentHub::agent_count() const {
  return impl_->agent_count();
}

}  // namespace natkit::mesh
