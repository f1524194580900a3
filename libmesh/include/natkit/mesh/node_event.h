#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/time.h"
#include "natkit/nat/port_mapper.h"

namespace natkit::mesh {

/// Names a relay of the mesh, below 65536: its position in MeshFile::relays, or
/// the number that Node::SetRelays() gave it. In RelayCommand and the inputs
/// that answer it, it names one of the relay's streams: RelayOf() is the relay,
/// and what is above tells streams of one relay apart while our key changes.
using RelayId = uint32_t;

/// The relay that a stream leads to.
[[nodiscard]] constexpr RelayId RelayOf(RelayId stream) {
  return stream & 0xffffU;
}

/// How packets to a peer travel.
enum class PathKind : uint8_t { kNone, kRelay, kDirect };

/// "none", "relay" or "direct".
[[nodiscard]] std::string_view PathKindName(PathKind kind);

/// One way to a peer: over a relay, or between two UDP endpoints.
struct Path {
  PathKind kind = PathKind::kNone;
  std::string relay;               ///< its name; kRelay only
  std::optional<Endpoint> remote;  ///< kDirect only
  std::optional<Endpoint> local;   ///< kDirect only
  std::optional<Duration> rtt;     ///< of the direct path's checks
  std::optional<double> loss;      ///< share of what we sent directly, 0 to 1
  bool operator==(const Path&) const = default;
};

/// "direct 203.0.113.7:41641", "relay eu", "none".
[[nodiscard]] std::string DescribePath(const Path& path);

struct PathChanged {
  std::string peer;
  Path path;
};

struct RelayChanged {
  RelayId relay = 0;
  bool is_up = false;
  std::string reason;  ///< why it went down; no secrets
};

/// Another relay is home: peers are to be told, by whoever tells them of it.
struct HomeChanged {
  RelayId relay = 0;
  std::optional<Duration> round_trip;  ///< to it and back
};

struct HandshakeCompleted {
  std::string peer;
};

/// An echo reply to Node::SendPing.
struct PingReply {
  std::string peer;
  uint16_t sequence = 0;
  Duration rtt{};
  Path path;  ///< the way the reply came
};

/// What our STUN servers see us as, after a change.
struct ReflexiveChanged {
  std::vector<Endpoint> mapped;
};

/// Whether strangers reach a mapping of the PortMappingState, for its
/// nat::PortMapper (SetInboundReach()).
struct MappingProbed {
  nat::PortMappingKey key;
  Endpoint external;
  nat::InboundReach reach = nat::InboundReach::kUnknown;
};

/// RemovePeer() or Apply() took a peer away.
struct PeerRemoved {
  std::string peer;
  PublicKey public_key;
};

/// Data to this peer goes to its next key from now on (mesh.md 4.4).
struct PeerKeyChanged {
  std::string peer;
  PublicKey public_key;
};

using NodeEvent = std::variant<PathChanged, RelayChanged, HandshakeCompleted,
                               PingReply, ReflexiveChanged, MappingProbed,
                               PeerRemoved, PeerKeyChanged, HomeChanged>;

/// Opens a byte stream (TCP, with TLS unless plain) to a relay.
struct RelayConnect {
  RelayId relay = 0;
};

/// Closes it; HandleRelayClosed is not expected.
struct RelayClose {
  RelayId relay = 0;
};

using RelayCommand = std::variant<RelayConnect, RelayClose>;

/// Binds `count` UDP sockets to free ports of `address`. Answered by one
/// Node::HandleSocketsOpened() with the same number, also if fewer could be
/// bound. Their datagrams pass as those of the other sockets do, told apart by
/// PacketBatch::Meta::local.
struct SocketsOpen {
  uint32_t request = 0;
  IpAddress address;
  uint32_t count = 0;
};

/// Closes sockets that were opened so.
struct SocketsClose {
  std::vector<Endpoint> sockets;
};

using SocketCommand = std::variant<SocketsOpen, SocketsClose>;

/// One peer as `meshnode status` shows it.
struct PeerState {
  std::string name;
  PublicKey public_key;
  std::vector<IpAddress> addresses;
  Path path;
  bool is_suspect = false;  ///< the direct path does not answer at present
  bool is_resting = false;  ///< it carries no data and is only kept alive
  /// Between two packets that keep the direct path while it rests; nullopt:
  /// none are sent.
  std::optional<Duration> keepalive_interval;
  std::optional<Duration> last_handshake;  ///< since the Unix epoch
  uint64_t rx_bytes = 0;
  uint64_t tx_bytes = 0;
};

struct RelayState {
  std::string name;
  bool is_up = false;
  bool is_home = false;
};

/// What the owner's nat::PortMapper says, as far as a node and its users care.
struct PortMappingState {
  bool is_enabled = false;
  std::optional<nat::PortMappingService> service;
  std::optional<IpAddress> local;   ///< our address toward the router
  std::optional<IpAddress> router;  ///< the router's address on its outside
  std::vector<nat::PortMapping> mappings;
  std::vector<nat::PortMappingAttempt> attempts;
  /// Why there is no mapping; unset if nobody has refused one.
  std::optional<nat::PortMappingError> error;
};

[[nodiscard]] PortMappingState DescribePortMapper(
    const nat::PortMapper& mapper);

/// A snapshot of a node; no secrets.
struct NodeState {
  std::string mesh;
  std::string name;
  PublicKey public_key;
  std::vector<IpAddress> addresses;
  std::vector<Endpoint> local_endpoints;
  std::vector<Endpoint> reflexive;
  /// How long our IPv4 NAT keeps a UDP mapping in use: the inventory's word, or
  /// measured, at most nat::LifetimeSearch::kLongest.
  std::optional<Duration> mapping_lifetime;
  PortMappingState port_mapping;
  std::vector<RelayState> relays;
  std::vector<PeerState> peers;
};

/// What a node has dropped or seen; only ever grows.
struct NodeCounters {
  uint64_t dropped_unknown_datagrams = 0;  ///< no protocol of ours
  uint64_t dropped_foreign_stun = 0;       ///< STUN that belongs to no session
  uint64_t dropped_unknown_senders = 0;    ///< relayed from outside the mesh
  uint64_t dropped_removed_peers = 0;  ///< under way when the peer was removed
  uint64_t dropped_bad_signals = 0;
  uint64_t dropped_replayed_signals = 0;
  uint64_t dropped_no_relay = 0;  ///< no path at all to the peer
  uint64_t sent_control_signals = 0;
  uint64_t sent_direct = 0;  ///< WireGuard datagrams
  uint64_t sent_relayed = 0;
  uint64_t hard_attempts = 0;   ///< at hard NATs, as either side
  uint64_t hard_datagrams = 0;  ///< sent for them
  /// Taken because a NAT may have moved a mapping.
  uint64_t fresh_sockets = 0;
  uint64_t resent = 0;  ///< over the relay, after no answer came directly
  uint64_t received_direct = 0;   ///< data that proved to be a peer's
  uint64_t received_relayed = 0;  ///< from peers, as the relays say
  /// How often a peer's state was looked at for something to do.
  uint64_t peer_visits = 0;
};

}  // namespace natkit::mesh
