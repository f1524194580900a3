#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "natkit/mesh/node.h"
#include "natkit/mesh/signal.h"
#include "natkit/nat/ice_mux.h"
#include "natkit/nat/inbound_prober.h"
#include "natkit/wg/device.h"
#include "node/hard_path.h"
#include "node/home_chooser.h"
#include "node/icmp_echo.h"
#include "node/lifetime_prober.h"
#include "node/local_addresses.h"
#include "node/path_watch.h"
#include "node/peer_link.h"
#include "node/reflexive_prober.h"
#include "node/relay_link.h"

namespace natkit::mesh {

/// One of a peer's keys, and its entry in the WireGuard device.
struct PeerKey {
  PublicKey key;
  wg::PeerId id = wg::kNoPeer;
};

/// Everything one peer needs.
struct NodePeer {
  NodePeer(PeerConfig config, const StaticPrivateKey& own_key,
           const LocalAddresses& local, Rng& rng)
      : entry(std::move(config.entry)),
        signalling_key(config.signalling_key.value_or(entry.public_key)),
        was_active(config.was_active),
        box(own_key, signalling_key),
        link({.own = DerivePublicKey(own_key),
              .peer = signalling_key,
              .fixed_endpoint = entry.endpoint},
             local, rng) {}

  NodeEntry entry;
  PublicKey signalling_key;
  bool was_active = false;  ///< since the start, or shortly before
  /// The peer's name within the node as long as it exists: the first of its
  /// device entries, which may be gone.
  wg::PeerId id = wg::kNoPeer;
  /// The device's entries of this peer: one, or two while its key changes.
  std::vector<PeerKey> keys;
  PeerKey active;  ///< the one of `keys` that has the prefixes
  /// The one that may take the prefixes over.
  std::optional<PublicKey> next_key;
  /// When keys other than the active one go.
  std::optional<Instant> retire_at;
  /// Our own key is new: until the peer answers, it is called again.
  std::optional<Instant> call_at;
  int calls = 0;
  Instant control_heard_at = Instant::min();
  std::optional<RelayId> home_relay;
  std::optional<RelayId> heard_on;  ///< relay of its last packet
  SignalBox box;
  SignalReplayFilter replay;
  PeerLink link;
  PathWatch watch;
  /// What was sent directly since the last direct answer, to be sent again over
  /// the relay if none comes: the oldest packets, few of them.
  PacketBatch held;
  size_t held_bytes = 0;
  Path reported;
  nat::HardPunchOutcome hard_outcome = nat::HardPunchOutcome::kNotTried;
  /// We begin no hard punch before that.
  Instant hard_not_before{Instant::min()};
  std::string ufrag;  ///< that the node's Mux knows
  std::optional<Instant> deadline;
  bool is_touched = false;
  bool needs_deadline = false;
};

/// The node engine behind Node. Split by concern over several files:
/// node_impl.cc (life cycle, outputs), node_peers.cc (peers that come and go),
/// node_rotation.cc (keys that change), node_relays.cc (relays that come and
/// go), node_data_path.cc (datagrams and packets), node_signalling.cc and
/// node_control.cc (signals).
class Node::Impl {
 public:
  Impl(NodeConfig config, const NodeEntry& self, Rng& rng);

  void Start(Instant now);
  void SetLocalEndpoints(Instant now, std::vector<Endpoint> endpoints);
  void SetStunServers(Instant now, std::vector<Endpoint> servers);
  void SetPortMapping(Instant now, PortMappingState state);
  void SetPowerMode(Instant now, nat::PowerMode power);
  void HandleUdp(Instant now, const PacketBatch& datagrams);
  void HandleTun(Instant now, const PacketBatch& packets);
  void HandleRelayOpen(Instant now, RelayId relay,
                       const std::optional<PublicKey>& server_key);
  void HandleRelayBytes(Instant now, RelayId relay, ByteView bytes);
  void HandleRelayClosed(Instant now, RelayId relay, std::string_view reason);
  void HandleSocketsOpened(Instant now, uint32_t request,
                           const std::vector<Endpoint>& sockets);
  void HandleTimeout(Instant now);
  Result<void> SetPeer(Instant now, PeerConfig config);
  bool RemovePeer(Instant now, const PublicKey& node_key);
  Result<void> Apply(Instant now, NodeUpdate update);
  Result<void> SetRelays(Instant now, const std::vector<RelayConfig>& relays,
                         std::optional<RelayId> home);
  void SetSelf(Instant now, NodeEntry self);
  Result<void> SetPrivateKey(Instant now, StaticPrivateKey next);
  void RetirePrivateKey(Instant now);
  void SetControlReach(Instant now, bool is_reachable);
  void HandleControlSignal(Instant now, const PublicKey& key, ByteView bytes);
  std::optional<ControlSignal> PollControlSignal();
  Result<void> SendPing(Instant now, std::string_view name, uint16_t sequence);

  PacketFilter* filter() { return filter_ ? &*filter_ : nullptr; }

  PacketBatch& udp_out() { return udp_out_; }

  PacketBatch& openers_out() { return openers_out_; }

  PacketBatch& tun_out() { return tun_out_; }

  std::optional<RelayCommand> PollRelayCommand();

  std::optional<SocketCommand> PollSocketCommand();

  size_t PollRelayBytes(Instant now, RelayId relay, MutableBytes out);
  std::optional<NodeEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  [[nodiscard]] NodeState Snapshot() const;

  [[nodiscard]] std::optional<RelayId> home_relay() const {
    return home_relay_;
  }

  [[nodiscard]] Result<nat::PathDiagnosis> Explain(Instant now,
                                                   std::string_view name) const;

  [[nodiscard]] const NodeCounters& counters() const { return counters_; }

 private:
  // node_peers.cc
  [[nodiscard]] const StaticPrivateKey& SignallingKey() const;
  [[nodiscard]] Result<void> CheckPeer(const PeerConfig& config,
                                       const NodePeer* known) const;
  Result<void> PutPeer(Instant now, PeerConfig config);
  Result<void> PutEntries(Instant now, NodePeer& peer, PeerConfig& config);
  void UpdateEntries(Instant now, NodePeer& peer);
  Result<void> AddEntry(Instant now, NodePeer& peer, const PublicKey& key);
  void DropEntry(NodePeer& peer, const PublicKey& key);
  void ChangePeer(NodePeer& peer, PeerConfig& config);
  NodePeer* FindKnown(const PeerConfig& config);
  NodePeer* FindSignalling(const PublicKey& key);
  NodePeer* FindPeer(std::string_view name) const;
  void DropPeer(Instant now, NodePeer& peer);
  void DropPeerSockets(Instant now, NodePeer& peer);

  // node_rotation.cc
  void ActivateKey(Instant now, NodePeer& peer, const PeerKey& key);
  void HandleHandshake(Instant now, wg::PeerId id);
  void RetireKeys(Instant now, NodePeer& peer);
  void CallPeer(Instant now, NodePeer& peer);
  void CheckKeys(Instant now, NodePeer& peer);

  // node_relays.cc
  [[nodiscard]] RelayId FindRelay(const std::string& name) const;
  [[nodiscard]] std::string RelayName(RelayId relay) const;
  [[nodiscard]] RelayId StreamOf(RelayId relay) const;
  [[nodiscard]] bool IsCurrent(RelayId stream) const;
  [[nodiscard]] std::optional<RelayId> UpStream(RelayId relay) const;
  /// Does what home_ has chosen.
  void UpdateHome();
  [[nodiscard]] bool HasRelay() const;
  void OpenRelay(Instant now, const RelayConfig& relay);
  void CloseStream(RelayId stream);
  void CloseRelay(RelayId relay);

  // node_control.cc
  void PushControl(const NodePeer& peer, std::vector<uint8_t> packet);
  [[nodiscard]] bool NeedsControl(Instant now, const NodePeer& peer) const;

  // node_impl.cc
  void Settle(Instant now);
  /// The peer has something to say, or may have: Settle() will look.
  void Touch(NodePeer& peer);
  void TouchAll();
  void UpdateDeadlines(Instant now);
  void DrainLink(Instant now, NodePeer& peer);
  void HandleLinkEvent(Instant now, NodePeer& peer, const LinkEvent& event);
  void DrainDevice(Instant now);
  void DrainProber(Instant now);
  void ReportPath(NodePeer& peer);
  [[nodiscard]] Path CurrentPath(const NodePeer& peer) const;
  [[nodiscard]] PeerState DescribePeer(const NodePeer& peer) const;
  NodePeer* FindPeer(wg::PeerId id);
  NodePeer* FindPeer(const PublicKey& key);

  // node_keepalive.cc
  /// How often relays are asked for a sign of life, by what power costs.
  void SetRelayChecks();
  /// Somebody could make use of a lifetime.
  void MeasureLifetime(Instant now);
  [[nodiscard]] std::optional<LifetimeProber::Place> FindPlace() const;
  void DrainLifetime(Instant now);

  // node_port_mapping.cc
  /// Tells the links what the router maps to one of our bases now.
  void UpdateMapped(Instant now);
  /// What peers are told of our network, after anything of it changed.
  void UpdateNetwork(Instant now);
  [[nodiscard]] std::optional<ReflexiveAddress> FindMapped(
      bool is_middle) const;
  [[nodiscard]] std::optional<ReflexiveAddress> GuessMiddle() const;
  /// The UDP mapping that leads to one of our bases.
  [[nodiscard]] const nat::PortMapping* FindOwnMapping() const;
  [[nodiscard]] Endpoint BaseOf(const nat::PortMapping& mapping) const;
  /// Has strangers try the mapping that there is.
  void ProbeMapping(Instant now);
  void DrainInbound();
  [[nodiscard]] nat::MappedPort DescribeMappedPort() const;

  // node_hard_path.cc
  /// When to try a hard punch with this peer, as far as we may begin one.
  [[nodiscard]] std::optional<Instant> HardDue(Instant now,
                                               const NodePeer& peer) const;
  [[nodiscard]] bool MayHardPunchHelp(const NodePeer& peer) const;
  [[nodiscard]] std::optional<HardPathTask> MakeHardTask(
      const NodePeer& peer) const;
  void BeginHardPunch(Instant now, NodePeer& peer);
  void TakePunch(Instant now, NodePeer& peer, const nat::PunchOffer& offer);
  void DrainHardPath(Instant now);
  void HandleHardEvent(Instant now, NodePeer& peer, const HardPathEvent& event);
  void NoteHardFailure(Instant now, NodePeer& peer, nat::PunchFailure reason);
  [[nodiscard]] nat::HardPunchOutcome HardOutcome(const NodePeer& peer) const;

  // node_fresh_sockets.cc
  void OpenFreshSocket(const NodePeer& peer, const IpAddress& address);
  /// False if that was not asked for by OpenFreshSocket().
  bool TakeFreshSocket(Instant now, uint32_t request,
                       const std::vector<Endpoint>& sockets);
  /// The socket of a hit that nobody can use any more.
  void CloseUnlessMain(const Endpoint& socket);
  void CloseSocket(Instant now, const Endpoint& socket);
  /// What STUN servers are asked from.
  [[nodiscard]] std::vector<Endpoint> ProbedBases() const;
  [[nodiscard]] bool IsProbed(const Endpoint& base) const;

  // node_filter.cc
  /// Those of `packets` that may leave; in `packets` or in filtered_.
  const PacketBatch& FilterOutbound(Instant now, const PacketBatch& packets);
  [[nodiscard]] bool MayEnter(Instant now, ByteView packet, wg::PeerId peer);
  void TellFilterTheTime(Instant now);

  // node_data_path.cc
  void TakeDatagram(Instant now, ByteView bytes, const PacketBatch::Meta& meta);
  void TakeStun(Instant now, ByteView bytes, const PacketBatch::Meta& meta);
  void RunDevice(Instant now);
  void TakePlaintext(Instant now);
  bool TakePingReply(Instant now, NodePeer& peer, ByteView packet,
                     const PacketBatch::Meta& meta);
  void RouteDatagrams(Instant now);
  void RouteToPeer(Instant now, NodePeer& peer, ByteView datagram);
  void SendDirect(Instant now, NodePeer& peer, const ice::SelectedPair& pair,
                  ByteView datagram);
  void RouteReply(Instant now, ByteView datagram,
                  const PacketBatch::Meta& meta);
  void SendOverRelay(Instant now, NodePeer& peer, ByteView datagram);
  [[nodiscard]] std::optional<RelayId> RelayFor(const NodePeer& peer) const;
  [[nodiscard]] Path PathOf(const Endpoint& remote,
                            const Endpoint& local) const;

  // node_path_watch.cc
  void DrainWatch(Instant now, NodePeer& peer);
  [[nodiscard]] PathChoice ChoosePath(Instant now, const NodePeer& peer) const;
  /// Keeps a copy of what is sent over a path that may be dead.
  void Hold(NodePeer& peer, ByteView datagram);
  /// Forgets what Hold() kept: it has arrived.
  static void ReleaseHeld(NodePeer& peer);
  void NoteReceived(Instant now, NodePeer& peer, const PacketBatch::Meta& meta,
                    size_t size);
  void ProbeRelays(Instant now);
  void SendKeepaliveDirectly(Instant now, NodePeer& peer);
  void HandlePathQuery(Instant now, NodePeer& peer, const PathQuery& query);

  // node_signalling.cc
  void DrainRelays(Instant now);
  void HandleRelayEvent(Instant now, RelayId relay, RelayEvent event);
  void TakeRelayed(Instant now, RelayId relay, const RelayedPacket& packet);
  void TakeSignal(Instant now, NodePeer& peer, ByteView packet);
  void SendSignal(Instant now, NodePeer& peer, SignalBody body);
  void GreetPeers(Instant now);
  void HandleHello(Instant now, NodePeer& peer);

  NodeConfig config_;
  NodeEntry self_;
  Rng& rng_;
  wg::Device device_;
  std::optional<PacketFilter> filter_;
  LocalAddresses local_;
  ReflexiveProber prober_;
  PortMappingState port_mapping_;
  nat::PowerMode power_ = nat::PowerMode::kMains;
  LifetimeProber lifetime_;
  nat::InboundProber inbound_;
  nat::InboundReach told_reach_ = nat::InboundReach::kUnknown;
  HardPath hard_;
  /// Sockets beside the main ones, each of one link (PeerLink).
  std::set<Endpoint> fresh_;
  std::map<uint32_t, wg::PeerId> fresh_requests_;
  uint32_t last_fresh_request_ = 0;
  std::deque<SocketCommand> socket_commands_;
  std::vector<Endpoint> stun_servers_;
  std::map<RelayId, RelayConfig> relay_configs_;
  std::optional<RelayId> home_relay_;
  HomeChooser home_;  ///< without relays where the owner names the home
  std::map<RelayId, RelayLink> relays_;  ///< by stream
  /// Counts our keys; a part of the names of streams.
  uint16_t generation_ = 0;
  std::optional<Instant> retire_own_at_;
  bool is_started_ = false;
  bool has_control_ = false;
  std::deque<ControlSignal> control_signals_;
  std::map<wg::PeerId, std::unique_ptr<NodePeer>> peers_;
  std::unordered_map<wg::PeerId, NodePeer*> by_id_;
  std::unordered_map<PublicKey, NodePeer*> by_key_;
  std::unordered_map<PublicKey, NodePeer*> by_signalling_key_;
  /// Whose STUN a datagram is; agents are named by PeerId.
  ice::Mux mux_;
  std::vector<NodePeer*> touched_;
  std::vector<NodePeer*> undated_;  ///< whose deadline may have changed
  std::set<std::pair<Instant, wg::PeerId>> deadlines_;
  uint64_t boot_;
  uint64_t sequence_ = 0;
  uint16_t ping_identifier_;
  std::map<std::pair<std::string, uint16_t>, Instant> pings_;
  // Working memory of the data path, reused from call to call.
  PacketBatch filtered_;
  PacketBatch wg_in_;
  PacketBatch wg_out_;
  PacketBatch keepalive_;
  PacketBatch plaintext_;
  PacketBatch udp_out_;
  PacketBatch openers_out_;
  PacketBatch tun_out_;
  std::deque<RelayCommand> commands_;
  std::deque<NodeEvent> events_;
  NodeCounters counters_;
};

/// Whether a WireGuard datagram is no part of a handshake.
[[nodiscard]] bool IsTransportData(ByteView datagram);

/// Relayed datagrams have no UDP endpoint; WireGuard's cookies and rate limits
/// need one for each sender, in a /64 of its own. These are in a reserved part
/// of the address space and never reach a socket. `relay` is below 65536.
[[nodiscard]] Endpoint RelayedEndpoint(RelayId relay, wg::PeerId peer);

struct RelayedSender {
  RelayId relay;
  wg::PeerId peer;
};

/// The reverse; nullopt for a real endpoint.
[[nodiscard]] std::optional<RelayedSender> ParseRelayedEndpoint(
    const Endpoint& endpoint);

}  // namespace natkit::mesh
