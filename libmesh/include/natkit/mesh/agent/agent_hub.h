#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/agent/description.h"
#include "natkit/mesh/mesh_file.h"
#include "natkit/mesh/node_event.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/path_diagnosis.h"

namespace natkit::mesh {

/// Names an agent of a hub: from 1, never used again.
using AgentId = uint32_t;

struct AgentHubConfig {
  /// Who we are at the relays. Agents that are reached over a relay know the
  /// hub by its public key.
  StaticPrivateKey private_key;
  /// Connected while there are agents. Both sides of a connection need one with
  /// the same name. Their order is that of preference.
  std::vector<RelayEntry> relays;
  nat::PowerMode power = nat::PowerMode::kMains;
  /// Wall clock time (since the Unix epoch) at Instant{}: peers tell old
  /// signals from new ones by it.
  Duration wall_clock_offset{0};
};

/// Whether our data may take a relay while there is no direct path. What comes
/// over one is taken in any case.
enum class RelayUse : uint8_t { kDataAndSignals, kSignalsOnly };

/// One connection's part.
struct AgentOptions {
  /// The public key of the other side's hub: descriptions are then exchanged
  /// over the relays, sealed, and the owner need not carry them. Unset: known
  /// once the other side's description says so.
  std::optional<PublicKey> peer;
  /// Unset: the side with the greater public key controls; where the peer's is
  /// not given, we do. Roles that collide are mended (RFC 8445
  /// section 7.3.1.1).
  std::optional<ice::Role> role;
  RelayUse relay_use = RelayUse::kDataAndSignals;
};

/// Where a connection stands.
enum class ConnectionState : uint8_t {
  kNew,           ///< nothing is known of the other side
  kConnecting,    ///< a path is looked for
  kConnected,     ///< there is a path
  kDisconnected,  ///< there was one; another is looked for
  kFailed,        ///< none was found in half a minute; it is looked for still
};

/// "new", "connecting", "connected", "disconnected", "failed".
[[nodiscard]] std::string_view ConnectionStateName(ConnectionState state);

struct AgentStateChanged {
  AgentId agent = 0;
  ConnectionState state = ConnectionState::kNew;
};

/// Data takes another way.
struct AgentPathChanged {
  AgentId agent = 0;
  Path path;
};

/// The round-trip time of the direct path was measured, or is another one: by
/// 2 ms and a quarter, at least.
struct AgentRttChanged {
  AgentId agent = 0;
  Duration rtt{};
};

/// LocalDescription() has changed. Unless the agents talk over a relay, the
/// owner takes it to the other side.
struct AgentDescriptionChanged {
  AgentId agent = 0;
  bool is_complete = false;  ///< nothing is expected to be added
};

/// Why there is no direct path, or what would make one, is another than
/// before: see Explain(). Not raised while the path is direct.
struct AgentDiagnosisChanged {
  AgentId agent = 0;
  nat::PathReason reason = nat::PathReason::kSearching;
};

/// A relay is up or down, or left because there is no agent any more.
struct HubRelayChanged {
  RelayId relay = 0;
  bool is_up = false;
  std::string reason;  ///< why it went down; no secrets
};

using HubEvent = std::variant<AgentStateChanged, AgentPathChanged,
                              AgentRttChanged, AgentDescriptionChanged,
                              AgentDiagnosisChanged, HubRelayChanged>;

/// How to send a datagram of the owner's data.
struct DataRoute {
  PathKind kind = PathKind::kNone;
  Endpoint local;   ///< kDirect: from this base
  Endpoint remote;  ///< kDirect: to here
};

/// Data that came over a relay.
struct RelayedData {
  AgentId agent = 0;
  std::vector<uint8_t> bytes;
};

/// Whose a datagram is that came in.
enum class DatagramOwner : uint8_t {
  kHub,     ///< the hub's own; it is dealt with
  kAgent,   ///< data for an agent's owner
  kNobody,  ///< of another protocol, or late; counted
};

struct DatagramClaim {
  DatagramOwner owner = DatagramOwner::kNobody;
  AgentId agent = 0;  ///< kAgent

  bool operator==(const DatagramClaim&) const = default;
};

struct AgentHubCounters {
  uint64_t dropped_unknown = 0;      ///< datagrams of nobody
  uint64_t dropped_relayed = 0;      ///< relayed packets of nobody
  uint64_t dropped_bad_signals = 0;  ///< did not open, or were replayed
  uint64_t dropped_queued = 0;       ///< SendRelayed(): the stream was slower
  uint64_t events_lost = 0;          ///< the owner did not poll
};

/// Any number of connections, each to one peer, over one set of UDP sockets and
/// relays. Each finds its path by itself: over a relay at once, if both sides
/// have one, and directly (ICE, hole punching) as soon as that works; it falls
/// back and comes back. Data are datagrams as they are: nothing is added, and
/// nothing encrypted.
///
/// A datagram is told to be a connection's by where it comes from, so two
/// connections of one hub cannot lead to the same socket of another.
///
/// Pure: owns no socket, clock or random source. After each input, drain
/// PollTransmit(), PollRelayed(), PollRelayCommand(), PollRelayBytes() of each
/// open relay and PollEvent(), then arm one timer at NextTimeout(). Not
/// thread-safe.
class AgentHub {
 public:
  /// `rng` must outlive the hub.
  AgentHub(AgentHubConfig config, Rng& rng);
  ~AgentHub();
  AgentHub(const AgentHub&) = delete;
  AgentHub& operator=(const AgentHub&) = delete;

  [[nodiscard]] const PublicKey& public_key() const;

  // Inputs.
  /// The addresses that the UDP sockets are reachable at, at start and after
  /// every change of the interfaces.
  void SetLocalEndpoints(Instant now, std::vector<Endpoint> endpoints);
  /// The network may be another although our addresses are the same, as after
  /// sleep: asks STUN servers, relays and peers for a sign of life.
  void CheckNetwork(Instant now);
  /// Asked what they see of us while there are agents.
  void SetStunServers(Instant now, std::vector<Endpoint> servers);

  /// Adds a relay after those of the configuration, before the first agent.
  /// Errors: kInvalidState, kAlreadyExists (its name), kBadValue (the name has
  /// spaces, or more than kMaxRelayName bytes, or none).
  [[nodiscard]] Result<RelayId> AddRelay(const RelayEntry& relay);

  /// Errors: kBadValue (the peer's key is our own or zero), kAlreadyExists
  /// (another agent has this peer), kLimitExceeded (65,536 agents).
  [[nodiscard]] Result<AgentId> Add(Instant now, const AgentOptions& options);
  /// False if there is none.
  bool Remove(Instant now, AgentId agent);

  /// Takes what the other side says of itself, all of it or more candidates; it
  /// may come any number of times. Other credentials than before begin a new
  /// session. Errors: kNotFound, kBadCredentials, kBadValue (the key is our
  /// own, or the credentials are), kAlreadyExists (another agent has this
  /// peer); kInvalidState (more candidates for credentials that never came).
  [[nodiscard]] Result<void> SetRemoteDescription(
      Instant now, AgentId agent, const AgentDescription& description);
  /// Begins a new ICE session with new credentials; the path there is goes on.
  /// Errors: kNotFound.
  [[nodiscard]] Result<void> Restart(Instant now, AgentId agent);

  /// A datagram that arrived on the base `local`. Says whose it is.
  DatagramClaim HandleDatagram(Instant now, const Endpoint& local,
                               const Endpoint& from, ByteView datagram);
  void HandleRelayOpen(Instant now, RelayId relay,
                       const std::optional<PublicKey>& server_key);
  void HandleRelayBytes(Instant now, RelayId relay, ByteView bytes);
  void HandleRelayClosed(Instant now, RelayId relay, std::string_view reason);
  void HandleTimeout(Instant now);

  // Data.
  /// False for what has the form of a STUN message: it is never taken for data.
  [[nodiscard]] static bool MayBeData(ByteView datagram);
  /// Which way a datagram for the peer goes now, and notes that it goes.
  /// It holds until the next call that is not const. kRelay: give it to
  /// SendRelayed(). Errors: kNotFound; kInvalidState while
  /// there is no path; kBadValue for one that has the form of a STUN message,
  /// which is never taken for data.
  [[nodiscard]] Result<DataRoute> Route(Instant now, AgentId agent,
                                        ByteView data);
  /// 256 packets wait for a relay's stream, PollRelayBytes(); the oldest go.
  /// Errors: kNotFound, kInvalidState (no relay leads there), kFrameTooLarge;
  /// kLimitExceeded where the relay's limits drop it.
  [[nodiscard]] Result<void> SendRelayed(Instant now, AgentId agent,
                                         ByteView data);

  // Outputs.
  [[nodiscard]] std::optional<ice::AgentTransmit> PollTransmit();
  [[nodiscard]] std::optional<RelayedData> PollRelayed();
  [[nodiscard]] std::optional<RelayCommand> PollRelayCommand();
  /// As Node::PollRelayBytes().
  [[nodiscard]] size_t PollRelayBytes(Instant now, RelayId relay,
                                      MutableBytes out);
  [[nodiscard]] std::optional<HubEvent> PollEvent();
  /// True if PollEvent() has one.
  [[nodiscard]] bool has_events() const;
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Errors: kNotFound.
  [[nodiscard]] Result<AgentDescription> LocalDescription(AgentId agent) const;
  [[nodiscard]] Result<ConnectionState> State(AgentId agent) const;
  [[nodiscard]] Result<Path> CurrentPath(AgentId agent) const;
  [[nodiscard]] Result<nat::PathDiagnosis> Explain(Instant now,
                                                   AgentId agent) const;
  [[nodiscard]] const AgentHubCounters& counters() const;
  [[nodiscard]] size_t agent_count() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::mesh
