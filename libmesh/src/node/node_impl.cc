#include "node/node_impl.h"

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/base/queue.h"
#include "node/earlier.h"

namespace natkit::mesh {

namespace {

wg::DeviceConfig MakeDeviceConfig(const NodeConfig& config) {
  wg::DeviceConfig device;
  device.wall_clock_offset = config.wall_clock_offset;
  device.endpoints = wg::EndpointPolicy::kByOwner;
  device.tunnel_mtu = config.mesh.mtu;
  device.reports_keepalives = true;
  return device;
}

}  // namespace

Node::Impl::Impl(NodeConfig config, const NodeEntry& self, Rng& rng)
    : config_(std::move(config)),
      self_(self),
      rng_(rng),
      device_(MakeDeviceConfig(config_), rng),
      prober_(rng),
      lifetime_(rng),
      inbound_(rng),
      hard_(self_.hard_nat, rng),
      boot_(rng.NextU64()),
      ping_identifier_(static_cast<uint16_t>(rng.NextU32())) {
  device_.SetPrivateKey(Instant{}, config_.private_key.Clone());
  if (config_.filter) {
    filter_.emplace(*config_.filter, rng_);
  }
  home_relay_ = FindRelay(self_.relay);
  for (RelayId id = 0; id < config_.mesh.relays.size(); ++id) {
    OpenRelay(Instant{}, {.id = id, .entry = config_.mesh.relays[id]});
  }
  power_ = self_.power;
  local_.network.power = power_;
  local_.mapping_lifetime = self_.mapping_lifetime;
  prober_.SetPower(power_);
  SetRelayChecks();
  for (const NodeEntry& entry : config_.mesh.nodes) {
    if (entry.name != self_.name) {
      PeerConfig peer;
      peer.entry = entry;
      peer.home_relay = FindRelay(entry.relay);
      // The mesh file check rules bad keys out.
      NATKIT_CHECK(PutPeer(Instant{}, std::move(peer)).has_value());
    }
  }
}

NodePeer* Node::Impl::FindPeer(wg::PeerId id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

NodePeer* Node::Impl::FindPeer(const PublicKey& key) {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? nullptr : found->second;
}

void Node::Impl::Start(Instant now) {
  is_started_ = true;
  TellFilterTheTime(now);
  for (auto& [stream, relay] : relays_) {
    relay.Start(now);
  }
  TouchAll();
  Settle(now);
}

void Node::Impl::SetLocalEndpoints(Instant now,
                                   std::vector<Endpoint> endpoints) {
  std::ranges::sort(endpoints);
  if (endpoints == local_.bases) {
    return;
  }
  const bool is_change = !local_.bases.empty();
  // A relay's stream that used an address which is gone would be silent for
  // minutes before TCP says so.
  const bool is_gone = !std::ranges::includes(endpoints, local_.bases);
  for (auto& [stream, relay] : relays_) {
    if (is_gone) {
      relay.Reconnect(now);
    } else {
      relay.Probe(now);
    }
  }
  local_.bases = std::move(endpoints);
  if (is_change) {
    hard_.Abort();
    home_.HandleNetworkChange(now);
  }
  std::erase_if(local_.reflexive, [this](const ReflexiveAddress& address) {
    return !IsProbed(address.base);
  });
  prober_.ForgetUdp();
  prober_.SetBases(now, ProbedBases());
  UpdateMapped(now);
  for (const auto& [id, peer] : peers_) {
    Touch(*peer);
    peer->link.HandleLocalAddresses(now);
    if (is_change) {
      peer->watch.Doubt(now);
      peer->link.HandleNetworkChange(now);
    }
  }
  Settle(now);
}

void Node::Impl::SetStunServers(Instant now, std::vector<Endpoint> servers) {
  prober_.SetServers(now, servers);
  lifetime_.SetServers(servers);
  inbound_.SetServers(now, servers);
  stun_servers_ = std::move(servers);
  UpdateMapped(now);
  Settle(now);
}

void Node::Impl::HandleTimeout(Instant now) {
  device_.HandleTimeout(now, wg_out_);
  if (filter_) {
    filter_->HandleTimeout(now);
  }
  prober_.HandleTimeout(now);
  inbound_.HandleTimeout(now);
  hard_.HandleTimeout(now);
  lifetime_.HandleTimeout(now);
  home_.HandleTimeout(now);
  for (auto& [stream, relay] : relays_) {
    relay.HandleTimeout(now);
  }
  if (retire_own_at_ && now >= *retire_own_at_) {
    RetirePrivateKey(now);
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    NodePeer& peer = *FindPeer(deadlines_.begin()->second);
    deadlines_.erase(deadlines_.begin());
    peer.deadline.reset();
    peer.link.HandleTimeout(now);
    peer.watch.HandleTimeout(now);
    CheckKeys(now, peer);
    Touch(peer);
  }
  Settle(now);
}

/// Moves what every part has to say to where it goes. Relays come first: they
/// may bring signals and datagrams; then what those caused goes out.
void Node::Impl::Settle(Instant now) {
  DrainRelays(now);
  RunDevice(now);
  DrainDevice(now);
  DrainProber(now);
  DrainInbound();
  DrainHardPath(now);
  DrainLifetime(now);
  while (!touched_.empty()) {
    NodePeer& peer = *touched_.back();
    touched_.pop_back();
    peer.is_touched = false;
    DrainLink(now, peer);
  }
  DrainDevice(now);
  RouteDatagrams(now);
  DrainHardPath(now);
  UpdateDeadlines(now);
}

void Node::Impl::Touch(NodePeer& peer) {
  if (!peer.is_touched) {
    peer.is_touched = true;
    touched_.push_back(&peer);
  }
  if (!peer.needs_deadline) {
    peer.needs_deadline = true;
    undated_.push_back(&peer);
  }
}

void Node::Impl::TouchAll() {
  for (const auto& [id, peer] : peers_) {
    Touch(*peer);
  }
}

void Node::Impl::UpdateDeadlines(Instant now) {
  for (NodePeer* peer : undated_) {
    peer->needs_deadline = false;
    const auto next = Earlier(
        Earlier(Earlier(peer->link.NextTimeout(), peer->watch.NextTimeout()),
                HardDue(now, *peer)),
        Earlier(peer->retire_at, peer->call_at));
    if (next == peer->deadline) {
      continue;
    }
    if (peer->deadline) {
      deadlines_.erase({*peer->deadline, peer->id});
    }
    if (next) {
      deadlines_.emplace(*next, peer->id);
    }
    peer->deadline = next;
  }
  undated_.clear();
}

void Node::Impl::DrainLink(Instant now, NodePeer& peer) {
  ++counters_.peer_visits;
  peer.was_active = peer.was_active || peer.link.is_active();
  while (const auto event = peer.link.PollEvent()) {
    HandleLinkEvent(now, peer, *event);
  }
  DrainWatch(now, peer);
  while (auto body = peer.link.PollSignal()) {
    SendSignal(now, peer, std::move(*body));
  }
  const std::string_view ufrag = peer.link.ufrag();
  if (!ufrag.empty() && ufrag != peer.ufrag) {
    peer.ufrag = ufrag;
    mux_.SetUfrag(peer.id, peer.ufrag);
  }
  while (const auto transmit = peer.link.PollTransmit()) {
    mux_.NoteSent(peer.id, transmit->payload);
    PacketBatch& out = transmit->ttl ? openers_out_ : udp_out_;
    out.AppendCopy(transmit->payload, {.remote = transmit->to,
                                       .local = transmit->from_base,
                                       .tag = transmit->ttl.value_or(0)});
  }
  BeginHardPunch(now, peer);
  if (peer.link.is_resting()) {
    MeasureLifetime(now);
  }
  ReportPath(peer);
}

void Node::Impl::HandleLinkEvent(Instant now, NodePeer& peer,
                                 const LinkEvent& event) {
  if (const auto* path = std::get_if<DirectPathEvent>(&event)) {
    std::optional<PathWatch::PathId> id;
    if (path->pair) {
      id = {.local = path->pair->local_base, .remote = path->pair->remote};
      peer.watch.HandleRtt(path->pair->rtt);
    } else {
      prober_.ForgetUdp();  // whoever still gets through says so soon
    }
    peer.watch.HandlePath(now, id);
    if (path->pair && !RelayFor(peer)) {
      CallPeer(now, peer);  // no handshake could reach it before
    }
    peer.held.Clear();
    peer.held_bytes = 0;
  } else if (std::holds_alternative<SearchBegunEvent>(event)) {
    if (power_ != nat::PowerMode::kMains) {
      prober_.Refresh(now);  // it is seldom asked otherwise
      DrainProber(now);
    }
  } else if (std::holds_alternative<DirectRecoveredEvent>(event)) {
    peer.watch.HandleRecovery(now);
  } else if (std::holds_alternative<DirectSuspectEvent>(event)) {
    ProbeRelays(now);
    prober_.Refresh(now);
    DrainProber(now);
  } else if (const auto* released = std::get_if<SocketReleasedEvent>(&event)) {
    CloseSocket(now, released->socket);
  } else if (const auto* wanted = std::get_if<FreshSocketWantedEvent>(&event)) {
    OpenFreshSocket(peer, wanted->address);
  }
}

void Node::Impl::DrainDevice(Instant now) {
  while (const auto event = device_.PollEvent()) {
    if (const auto* done = std::get_if<wg::HandshakeCompleted>(&*event)) {
      HandleHandshake(now, done->peer);
    }
  }
}

void Node::Impl::DrainProber(Instant now) {
  while (auto transmit = prober_.PollTransmit()) {
    udp_out_.AppendCopy(
        transmit->datagram.payload,
        {.remote = transmit->datagram.to, .local = transmit->from});
  }
  const auto change = prober_.PollChange();
  if (!change) {
    return;
  }
  const bool is_new_address = local_.reflexive != *change;
  local_.reflexive = *change;
  UpdateNetwork(now);
  if (!is_new_address) {
    return;
  }
  ProbeRelays(now);  // their streams may have had the old one
  for (const auto& [id, peer] : peers_) {
    peer->link.HandleLocalAddresses(now);
    Touch(*peer);
  }
  ReflexiveChanged event;
  for (const ReflexiveAddress& address : local_.reflexive) {
    event.mapped.push_back(address.mapped);
  }
  events_.emplace_back(std::move(event));
}

Path Node::Impl::CurrentPath(const NodePeer& peer) const {
  const PathChoice choice = peer.link.Path();
  if (choice.direct && peer.watch.trust() != PathWatch::Trust::kBroken) {
    return {.kind = PathKind::kDirect,
            .remote = choice.direct->remote,
            .local = choice.direct->local_base,
            .rtt = choice.direct->rtt,
            .loss = peer.watch.loss()};
  }
  if (const auto relay = RelayFor(peer)) {
    return {.kind = PathKind::kRelay, .relay = RelayName(RelayOf(*relay))};
  }
  return {};
}

void Node::Impl::ReportPath(NodePeer& peer) {
  Path path = CurrentPath(peer);
  path.rtt.reset();  // not a reason to report
  path.loss.reset();
  if (path == peer.reported) {
    return;
  }
  peer.reported = path;
  events_.emplace_back(
      PathChanged{.peer = peer.entry.name, .path = std::move(path)});
}

std::optional<RelayCommand> Node::Impl::PollRelayCommand() {
  return TakeFront(commands_);
}

size_t Node::Impl::PollRelayBytes(Instant now, RelayId relay,
                                  MutableBytes out) {
  const auto found = relays_.find(relay);
  return found == relays_.end() ? 0 : found->second.PollTransmit(now, out);
}

std::optional<NodeEvent> Node::Impl::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> Node::Impl::NextTimeout() const {
  auto next = Earlier(device_.NextTimeout(), prober_.NextTimeout());
  next = Earlier(next, inbound_.NextTimeout());
  next = Earlier(next, hard_.NextTimeout());
  next = Earlier(next, lifetime_.NextTimeout());
  next = Earlier(next, home_.NextTimeout());
  for (const auto& [stream, relay] : relays_) {
    next = Earlier(next, relay.NextTimeout());
  }
  next = Earlier(next, retire_own_at_);
  if (filter_) {
    next = Earlier(next, filter_->NextTimeout());
  }
  if (!deadlines_.empty()) {
    next = Earlier(next, deadlines_.begin()->first);
  }
  return next;
}

PeerState Node::Impl::DescribePeer(const NodePeer& peer) const {
  PeerState state{.name = peer.entry.name,
                  .public_key = peer.entry.public_key,
                  .addresses = peer.entry.addresses,
                  .path = CurrentPath(peer)};
  if (peer.link.Path().direct) {
    state.is_suspect = peer.link.is_suspect() ||
                       peer.watch.trust() != PathWatch::Trust::kTrusted;
    state.is_resting = peer.link.is_resting();
    state.keepalive_interval = peer.link.keepalive_interval();
  }
  if (const auto status = device_.GetPeer(peer.active.id)) {
    state.last_handshake = status->last_handshake;
    state.rx_bytes = status->rx_bytes;
    state.tx_bytes = status->tx_bytes;
  }
  return state;
}

NodeState Node::Impl::Snapshot() const {
  NodeState state{.mesh = config_.mesh.name,
                  .name = self_.name,
                  .public_key = self_.public_key,
                  .addresses = self_.addresses,
                  .local_endpoints = local_.bases,
                  .mapping_lifetime = local_.mapping_lifetime,
                  .port_mapping = port_mapping_};
  for (const ReflexiveAddress& address : local_.reflexive) {
    if (!fresh_.contains(address.base)) {
      state.reflexive.push_back(address.mapped);
    }
  }
  for (const auto& [stream, relay] : relays_) {
    if (IsCurrent(stream)) {
      state.relays.push_back({.name = relay.name(),
                              .is_up = UpStream(RelayOf(stream)).has_value(),
                              .is_home = relay.is_home()});
    }
  }
  for (const auto& [id, peer] : peers_) {
    state.peers.push_back(DescribePeer(*peer));
  }
  return state;
}

}  // namespace natkit::mesh
