#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_event.h"
#include "natkit/mesh/node_update.h"
#include "natkit/mesh/packet_filter.h"
#include "natkit/nat/path_diagnosis.h"

namespace natkit::mesh {

/// Whom a node tells that it is there when a relay comes up.
enum class GreetPolicy : uint8_t {
  kAllPeers,
  /// Only whom it has talked with: idle peers cost no packets.
  kActivePeers,
};

/// Where the pre-shared keys of pairs come from, such as a key exchange that a
/// quantum computer does not break, or a file that only both ends have.
class PresharedKeyProvider {
 public:
  PresharedKeyProvider() = default;
  virtual ~PresharedKeyProvider() = default;
  PresharedKeyProvider(const PresharedKeyProvider&) = delete;
  PresharedKeyProvider& operator=(const PresharedKeyProvider&) = delete;

  /// What we share with a peer; none: the mesh's key. Asked at each
  /// Node::SetPeer() and Node::Apply(), so a caller that has a new key says the
  /// peer again. `peer` is its signalling key, or its node key if it has none:
  /// what names it while node keys change, for the key is the pair's.
  [[nodiscard]] virtual std::optional<PresharedKey> FindPresharedKey(
      const PublicKey& peer) = 0;
};

/// Everything a node needs to know in advance.
struct NodeConfig {
  /// At least ourselves; the others may come by Node::SetPeer().
  MeshFile mesh;
  std::string name;  ///< which node of `mesh` we are
  StaticPrivateKey private_key;
  /// Mixed into every handshake of the mesh, the same on every node.
  std::optional<PresharedKey> preshared_key;
  /// Signals are sealed with it; none: the private key. Its public part stays
  /// what it is while the private key changes.
  std::optional<StaticPrivateKey> signalling_key = std::nullopt;
  GreetPolicy greets = GreetPolicy::kAllPeers;
  /// Packets to and from the tunnel pass filter(), which allows nothing until
  /// it has rules; none: WireGuard's AllowedIPs are all there is.
  std::optional<FilterConfig> filter = std::nullopt;
  /// Wall clock time (since the Unix epoch) at Instant{}.
  Duration wall_clock_offset{0};
  /// None: all pairs have the mesh's pre-shared key, if there is one.
  std::shared_ptr<PresharedKeyProvider> pair_keys = nullptr;
};

/// One node of a mesh: a WireGuard device, and for each peer the way its
/// packets take. Packets flow over the relay at once, move to a direct path
/// when ICE confirms one, and fall back when it dies; the WireGuard session
/// does not notice.
///
/// Pure: owns no socket, clock or random source. The owner binds one UDP
/// socket per family, opens the relay streams it is asked for, and carries
/// packets between this and a TUN device. After each input, drain udp_out(),
/// openers_out() and tun_out() (and clear them), PollRelayCommand(),
/// PollSocketCommand(), PollRelayBytes() of each open relay,
/// PollControlSignal() and PollEvent(), then arm one timer at NextTimeout().
/// Not thread-safe.
class Node {
 public:
  /// Errors: kNotFound (no such node), kBadValue (the private key is not the
  /// one of the node's public key).
  static Result<std::unique_ptr<Node>> Create(NodeConfig config, Rng& rng);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Inputs.
  /// Connects the relays.
  void Start(Instant now);
  /// The addresses that the UDP sockets are reachable at, at start and after
  /// every change of the interfaces.
  void SetLocalEndpoints(Instant now, std::vector<Endpoint> endpoints);
  /// Resolved addresses of the mesh's STUN servers, relays' included.
  void SetStunServers(Instant now, std::vector<Endpoint> servers);
  /// What a router maps to our UDP port, after every change; peers are told of
  /// it if it is verified, or if there is no STUN server that could do so.
  void SetPortMapping(Instant now, PortMappingState state);
  /// How much packets cost us, from now on; it begins with the inventory's
  /// value. Decides how often idle paths are kept alive, and how often STUN
  /// servers are asked; peers are told.
  void SetPowerMode(Instant now, nat::PowerMode power);
  /// Datagrams with Meta::remote and, as far as known, Meta::local.
  void HandleUdp(Instant now, const PacketBatch& datagrams);
  /// IP packets from the TUN device.
  void HandleTun(Instant now, const PacketBatch& packets);
  /// The stream is there; `server_key` from the meta certificate, if any,
  /// allows DERP fast start.
  void HandleRelayOpen(Instant now, RelayId relay,
                       const std::optional<PublicKey>& server_key);
  void HandleRelayBytes(Instant now, RelayId relay, ByteView bytes);
  void HandleRelayClosed(Instant now, RelayId relay, std::string_view reason);
  /// The sockets that a SocketsOpen asked for, by the addresses they have; none
  /// if none could be bound.
  void HandleSocketsOpened(Instant now, uint32_t request,
                           const std::vector<Endpoint>& sockets);
  void HandleTimeout(Instant now);

  // Changes. Each is effective when it returns and costs what the peer or the
  // relay concerned costs.
  /// Adds a peer, or changes the one with this signalling key, node key or next
  /// key. A prefix that another peer has moves here. Errors, with nothing
  /// changed: kBadValue for our own or a zero key, for a key of another peer,
  /// or for a next key without a signalling key; kLimitExceeded.
  [[nodiscard]] Result<void> SetPeer(Instant now, PeerConfig peer);
  /// Removes the peer of this node key with all that belongs to it. False if
  /// there is none.
  bool RemovePeer(Instant now, const PublicKey& node_key);
  /// All changes without a packet between them: removals, then peers in their
  /// order. Errors as SetPeer(); the other changes are made nevertheless.
  [[nodiscard]] Result<void> Apply(Instant now, NodeUpdate update);
  /// The relays from now on: others are closed, new and changed ones are
  /// connected. Without `home` the nearest of them is home, which may change
  /// (HomeChanged). Errors, with nothing changed: kBadValue for a number used
  /// twice or above 65535.
  [[nodiscard]] Result<void> SetRelays(Instant now,
                                       const std::vector<RelayConfig>& relays,
                                       std::optional<RelayId> home);
  /// Our own name, addresses, fixed endpoint and hard NAT policy from now on;
  /// the public key stays what it is.
  void SetSelf(Instant now, NodeEntry self);
  /// Changes our node key (mesh.md 4.4): handshakes with all active peers
  /// begin at once. Relays are connected under both keys until
  /// RetirePrivateKey(), at most three minutes. Errors: kInvalidState (no
  /// signalling key of its own), kBadValue (a peer's key, or zero).
  [[nodiscard]] Result<void> SetPrivateKey(Instant now, StaticPrivateKey next);
  void RetirePrivateKey(Instant now);
  /// Whether the coordination server can carry signals.
  void SetControlReach(Instant now, bool is_reachable);
  /// A signal that it has carried; `peer` is the sender's node or signalling
  /// key.
  void HandleControlSignal(Instant now, const PublicKey& peer, ByteView bytes);

  /// The packet filter, for its rules and counters; nullptr if there is none.
  /// Its time is kept by this.
  [[nodiscard]] PacketFilter* filter();

  /// Sends an echo request to a peer's first address; the reply is an event.
  /// Errors: kNotFound (no such peer, or no address of a common family).
  [[nodiscard]] Result<void> SendPing(Instant now, std::string_view peer,
                                      uint16_t sequence);

  // Outputs.
  /// Datagrams to send from Meta::local to Meta::remote.
  [[nodiscard]] PacketBatch& udp_out();
  /// Datagrams as udp_out(), but to be sent with the time to live
  /// (IPv6: hop limit) that is their Meta::tag, or not at all.
  [[nodiscard]] PacketBatch& openers_out();
  /// IP packets for the TUN device.
  [[nodiscard]] PacketBatch& tun_out();
  [[nodiscard]] std::optional<RelayCommand> PollRelayCommand();
  /// Many where NodeEntry::hard_nat allows it; else one at a time: for a link
  /// whose mapping a NAT may have moved, and one to measure how long it keeps
  /// mappings.
  [[nodiscard]] std::optional<SocketCommand> PollSocketCommand();
  /// Writes the next bytes for a relay's stream to `out` and returns their
  /// number. Give it no more room than the stream takes at once: what waits
  /// here is bounded, oldest packets first to go.
  [[nodiscard]] size_t PollRelayBytes(Instant now, RelayId relay,
                                      MutableBytes out);
  /// For the coordination server, while SetControlReach() says so: what cannot
  /// go over a relay, and what has found no answer there.
  [[nodiscard]] std::optional<ControlSignal> PollControlSignal();
  [[nodiscard]] std::optional<NodeEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] NodeState Snapshot() const;
  /// nullopt: there is no relay.
  [[nodiscard]] std::optional<RelayId> home_relay() const;
  /// Why the path to a peer is direct or is not, and what would make it so.
  /// Errors: kNotFound (no such peer).
  [[nodiscard]] Result<nat::PathDiagnosis> Explain(Instant now,
                                                   std::string_view peer) const;
  [[nodiscard]] const NodeCounters& counters() const;

 private:
  class Impl;
  explicit Node(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::mesh
