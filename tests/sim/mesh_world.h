#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/rng.h"
#include "natkit/mesh/node.h"
#include "natkit/nat/port_mapper.h"
#include "node/icmp_echo.h"
#include "sim_network.h"
#include "sim_relay.h"

namespace natkit::mesh {

/// A machine that runs one node; its TUN device records echo requests.
class MeshHost : public sim::SimActor {
 public:
  MeshHost(sim::SimWorld& world, std::vector<SimRelay*> relays, uint64_t seed)
      : world_(world),
        rng_(seed),
        links_(std::move(relays), node_, [this](Instant now) { Pump(now); }) {
    private_key_ = GeneratePrivateKey(rng_);
    id_ = world.network().AddHost(
        [this](Instant now, const Endpoint& local, const Endpoint& from,
               ByteView payload) { OnDatagram(now, local, from, payload); });
    world.Add(*this);
  }

  void AddBase(sim::SimNetwork::RealmId realm, const std::string& base) {
    bases_.push_back(*Endpoint::Parse(base));
    world_.network().AddAddress(id_, realm, bases_.back().address);
  }

  /// Moves to another address; the node is told of the new one only.
  void ReplaceBase(sim::SimNetwork::RealmId realm, const std::string& base) {
    ReplaceBases({{realm, base}});
  }

  void ReplaceBases(
      const std::vector<std::pair<sim::SimNetwork::RealmId, std::string>>&
          bases) {
    for (const Endpoint& base : bases_) {
      world_.network().RemoveAddress(id_, base.address);
    }
    bases_.clear();
    for (const auto& [realm, base] : bases) {
      AddBase(realm, base);
    }
    node_->SetLocalEndpoints(world_.now(), bases_);
    Pump(world_.now());
  }

  void Start(const MeshFile& mesh, const std::string& name,
             std::vector<Endpoint> stun_servers) {
    links_.Forget();
    self_ = *mesh.FindNode(name);
    NodeConfig config{.mesh = mesh,
                      .name = name,
                      .private_key = private_key_.Clone(),
                      .preshared_key = std::nullopt,
                      .wall_clock_offset = std::chrono::hours(24 * 365 * 50)};
    if (signalling_key_) {
      config.signalling_key = signalling_key_->Clone();
      config.greets = GreetPolicy::kActivePeers;
    }
    config.filter = filter_;
    config.pair_keys = pair_keys_;
    auto node = Node::Create(std::move(config), rng_);
    NATKIT_CHECK(node.has_value());
    node_ = std::move(*node);
    const Instant now = world_.now();
    node_->SetLocalEndpoints(now, bases_);
    node_->SetStunServers(now, std::move(stun_servers));
    node_->Start(now);
    Pump(now);
  }

  /// Before Start(): has a signalling key, and tells only active peers that it
  /// is there.
  PublicKey UseSignallingKey() {
    signalling_key_ = GeneratePrivateKey(rng_);
    return DerivePublicKey(*signalling_key_);
  }

  /// Before Start().
  void UseFilter(const std::optional<FilterConfig>& filter) {
    filter_ = filter;
  }

  /// Before Start().
  void UsePairKeys(std::shared_ptr<PresharedKeyProvider> provider) {
    pair_keys_ = std::move(provider);
  }

  /// Does something to the node and carries what comes of it.
  template <class Action>
  auto Do(Action action) {
    const auto result = action(*node_, world_.now());
    Pump(world_.now());
    return result;
  }

  /// A new node key, which is used at once.
  void Rotate(StaticPrivateKey key) {
    NATKIT_CHECK(node_->SetPrivateKey(world_.now(), std::move(key)));
    Pump(world_.now());
  }

  /// Where signals for the coordination server go.
  using Control = std::function<void(const ControlSignal& signal)>;

  void UseControl(Control control) {
    control_ = std::move(control);
    node_->SetControlReach(world_.now(), control_ != nullptr);
    Pump(world_.now());
  }

  void TakeControl(const PublicKey& from, ByteView bytes) {
    node_->HandleControlSignal(world_.now(), from, bytes);
    Pump(world_.now());
  }

  /// Bytes given to relays.
  [[nodiscard]] uint64_t relay_bytes() const { return links_.bytes(); }

  /// Asks the router at `router` for a mapping of the port of the first base.
  /// Before Start().
  void UsePortMapping(const IpAddress& router) {
    mapper_.emplace(nat::PortMapperConfig{.uses_upnp = false}, rng_);
    const Instant now = world_.now();
    mapper_->SetGateway(now, nat::PortMapperGateway{router, bases_[0].address});
    (void)mapper_->Map(now, {.internal_port = bases_[0].port});
  }

  /// The process dies: nothing is said to anybody.
  void Crash() {
    links_.Cut(world_.now());
    node_.reset();
  }

  void SetPowerMode(nat::PowerMode power) {
    node_->SetPowerMode(world_.now(), power);
    Pump(world_.now());
  }

  /// `padding` is added to the packet.
  void SendEcho(const IpAddress& to, uint16_t sequence, size_t padding = 0) {
    PacketBatch batch;
    auto packet = BuildEchoRequest({.source = self_.addresses[0],
                                    .destination = to,
                                    .identifier = 1,
                                    .sequence = sequence});
    packet.resize(packet.size() + padding);
    packet[2] = static_cast<uint8_t>(packet.size() >> 8U);
    packet[3] = static_cast<uint8_t>(packet.size());
    batch.AppendCopy(packet, {});
    node_->HandleTun(world_.now(), batch);
    Pump(world_.now());
  }

  void Ping(const std::string& peer, uint16_t sequence) {
    NATKIT_CHECK(node_->SendPing(world_.now(), peer, sequence).has_value());
    Pump(world_.now());
  }

  /// Sequence numbers of the echo requests that arrived, and how often.
  [[nodiscard]] const std::map<uint16_t, int>& arrived() const {
    return arrived_;
  }

  /// The longest time without an arrival between `from` and `to`.
  [[nodiscard]] Duration LongestPause(Instant from, Instant to) const {
    Duration longest{};
    for (const Instant at : arrival_times_) {
      if (at > from && at <= to) {
        longest = std::max(longest, at - from);
        from = at;
      }
    }
    return std::max(longest, to - from);
  }

  [[nodiscard]] Path PathTo(const std::string& peer) const {
    for (const PeerState& state : node_->Snapshot().peers) {
      if (state.name == peer) {
        return state.path;
      }
    }
    return {};
  }

  [[nodiscard]] bool IsDirectTo(const std::string& peer) const {
    return PathTo(peer).kind == PathKind::kDirect;
  }

  [[nodiscard]] Node& node() { return *node_; }

  [[nodiscard]] const std::vector<NodeEvent>& events() const { return events_; }

  template <class Event>
  [[nodiscard]] size_t CountEvents() const {
    return static_cast<size_t>(
        std::ranges::count_if(events_, [](const NodeEvent& event) {
          return std::holds_alternative<Event>(event);
        }));
  }

  /// Sockets that the node has asked for, now and at most.
  [[nodiscard]] size_t socket_count() const { return sockets_.size(); }

  [[nodiscard]] size_t most_sockets() const { return most_sockets_; }

  [[nodiscard]] PublicKey public_key() const {
    return DerivePublicKey(private_key_);
  }

  [[nodiscard]] sim::SimNetwork::HostId id() const { return id_; }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    auto next = node_ ? node_->NextTimeout() : std::nullopt;
    const auto mapping = mapper_ ? mapper_->NextTimeout() : std::nullopt;
    return mapping && (!next || *mapping < *next) ? mapping : next;
  }

  void HandleTimeout(Instant now) override {
    if (mapper_) {
      mapper_->HandleTimeout(now);
    }
    node_->HandleTimeout(now);
    Pump(now);
  }

 private:
  static constexpr uint16_t kMapperPort = 50001;

  void OnDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                  ByteView payload) {
    if (!node_) {
      return;
    }
    if (mapper_ && mapper_->HandleDatagram(now, from, payload)) {
      Pump(now);
      return;
    }
    PacketBatch batch;
    batch.AppendCopy(payload, {.remote = from, .local = local});
    node_->HandleUdp(now, batch);
    Pump(now);
  }

  void PumpMapper(Instant now) {
    if (!mapper_) {
      return;
    }
    while (const auto transmit = mapper_->PollTransmit()) {
      world_.network().Send(now, id_, {bases_[0].address, kMapperPort},
                            transmit->to, transmit->payload);
    }
    bool has_changed = false;
    while (mapper_->PollEvent()) {
      has_changed = true;
    }
    if (has_changed) {
      node_->SetPortMapping(now, DescribePortMapper(*mapper_));
    }
  }

  void NoteProbed(Instant now, const MappingProbed& event) {
    mapper_->SetInboundReach(now, event.key, event.external, event.reach);
  }

  void NoteReflexive(Instant now, const ReflexiveChanged& event) {
    std::vector<IpAddress> addresses;
    for (const Endpoint& mapped : event.mapped) {
      addresses.push_back(mapped.address);
    }
    mapper_->SetReflexiveAddresses(now, std::move(addresses));
  }

  void Pump(Instant now) {
    PumpMapper(now);
    PumpPackets(now);
    links_.Obey(now);
    PumpSockets(now);
    links_.Carry(now);
    while (const auto signal = node_->PollControlSignal()) {
      if (control_) {
        control_(*signal);
      }
    }
    while (auto event = node_->PollEvent()) {
      const auto* seen = std::get_if<ReflexiveChanged>(&*event);
      if (mapper_ && seen != nullptr) {
        NoteReflexive(now, *seen);
      }
      const auto* probed = std::get_if<MappingProbed>(&*event);
      if (mapper_ && probed != nullptr) {
        NoteProbed(now, *probed);
      }
      events_.push_back(std::move(*event));
    }
  }

  void PumpPackets(Instant now) {
    PacketBatch& udp = node_->udp_out();
    for (size_t i = 0; i < udp.size(); ++i) {
      world_.network().Send(now, id_, udp.meta(i).local, udp.meta(i).remote,
                            udp.bytes(i));
    }
    udp.Clear();
    PacketBatch& openers = node_->openers_out();
    for (size_t i = 0; i < openers.size(); ++i) {
      const PacketBatch::Meta& meta = openers.meta(i);
      world_.network().Send(now, id_, meta.local, meta.remote, openers.bytes(i),
                            static_cast<uint8_t>(meta.tag));
    }
    openers.Clear();
    PacketBatch& tun = node_->tun_out();
    for (size_t i = 0; i < tun.size(); ++i) {
      if (const auto echo = ParseEcho(tun.bytes(i))) {
        ++arrived_[echo->sequence];
        arrival_times_.push_back(now);
      }
    }
    tun.Clear();
  }

  /// Any port of an address that the host has can send and receive.
  void PumpSockets(Instant now) {
    while (const auto command = node_->PollSocketCommand()) {
      if (const auto* close = std::get_if<SocketsClose>(&*command)) {
        for (const Endpoint& socket : close->sockets) {
          NATKIT_CHECK(sockets_.erase(socket) == 1);
        }
        continue;
      }
      const auto& open = std::get<SocketsOpen>(*command);
      std::vector<Endpoint> opened;
      for (uint32_t i = 0; i < open.count; ++i) {
        opened.push_back({open.address, ++last_port_});
      }
      sockets_.insert(opened.begin(), opened.end());
      most_sockets_ = std::max(most_sockets_, sockets_.size());
      node_->HandleSocketsOpened(now, open.request, opened);
    }
    PumpPackets(now);
  }

  sim::SimWorld& world_;
  SeededRng rng_;
  StaticPrivateKey private_key_;
  std::optional<StaticPrivateKey> signalling_key_;
  std::optional<FilterConfig> filter_;
  std::shared_ptr<PresharedKeyProvider> pair_keys_;
  Control control_;
  sim::SimNetwork::HostId id_ = 0;
  std::vector<Endpoint> bases_;
  NodeEntry self_;
  std::unique_ptr<Node> node_;
  SimRelayLinks<Node> links_;
  std::optional<nat::PortMapper> mapper_;
  std::set<Endpoint> sockets_;
  uint16_t last_port_ = 20000;
  size_t most_sockets_ = 0;
  std::map<uint16_t, int> arrived_;
  std::vector<Instant> arrival_times_;
  std::vector<NodeEvent> events_;
};

}  // namespace natkit::mesh
