#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/agent_connection.h"
#include "natkit/mesh/agent/agent_hub.h"
#include "natkit/mesh/signal.h"
#include "natkit/nat/ice_mux.h"
#include "node/reflexive_prober.h"
#include "node/relay_link.h"

namespace natkit::mesh {

/// The hub behind AgentHub: shares sockets, relays and what STUN servers say
/// among its connections.
class AgentHub::Impl {
 public:
  Impl(AgentHubConfig config, Rng& rng);

  void SetLocalEndpoints(Instant now, std::vector<Endpoint> endpoints);
  void CheckNetwork(Instant now);
  void SetStunServers(Instant now, std::vector<Endpoint> servers);
  Result<RelayId> AddRelay(const RelayEntry& relay);
  Result<AgentId> Add(Instant now, const AgentOptions& options);
  bool Remove(Instant now, AgentId agent);
  Result<void> SetRemoteDescription(Instant now, AgentId agent,
                                    const AgentDescription& description);
  Result<void> Restart(Instant now, AgentId agent);
  DatagramClaim HandleDatagram(Instant now, const Endpoint& local,
                               const Endpoint& from, ByteView datagram);
  void HandleRelayOpen(Instant now, RelayId relay,
                       const std::optional<PublicKey>& server_key);
  void HandleRelayBytes(Instant now, RelayId relay, ByteView bytes);
  void HandleRelayClosed(Instant now, RelayId relay, std::string_view reason);
  void HandleTimeout(Instant now);
  Result<DataRoute> Route(Instant now, AgentId agent, ByteView data);
  Result<void> SendRelayed(Instant now, AgentId agent, ByteView data);

  std::optional<ice::AgentTransmit> PollTransmit();
  std::optional<RelayedData> PollRelayed();
  std::optional<RelayCommand> PollRelayCommand();
  size_t PollRelayBytes(Instant now, RelayId relay, MutableBytes out);
  std::optional<HubEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// nullptr: there is none.
  [[nodiscard]] const AgentConnection* Find(AgentId agent) const;

  [[nodiscard]] const PublicKey& public_key() const {
    return surroundings_.own_key;
  }

  [[nodiscard]] bool has_events() const { return !events_.empty(); }

  [[nodiscard]] const AgentHubCounters& counters() const { return counters_; }

  [[nodiscard]] size_t agent_count() const { return agents_.size(); }

 private:
  /// Checks whose answers may be under way when all agents search at once.
  static constexpr size_t kTransactionsOfAgent = 32;

  /// A connection and what the hub keeps for it.
  struct Member {
    Member(AgentId id, const AgentOptions& options,
           const HubSurroundings& surroundings, Rng& rng)
        : connection(id, options, surroundings, rng) {}

    AgentConnection connection;
    std::optional<PublicKey> peer;  ///< in by_peer_
    std::optional<uint64_t> hub;    ///< of the other side, in by_hub_
    std::optional<SignalBox> box;
    SignalReplayFilter replay;
    std::string ufrag;             ///< that the mux knows
    std::deque<Endpoint> remotes;  ///< in by_remote_, the newest last
    std::optional<Instant> deadline;
    bool is_waiting = false;  ///< in waiting_
  };

  void NoteRelay(const RelayEntry& relay);
  [[nodiscard]] Member* FindMember(AgentId agent);
  /// Begins or ends asking STUN servers and being at relays.
  void Wake(Instant now);
  void Rest();
  /// Asks servers and relays, as what they said may be true no more.
  void CheckShared(Instant now);
  void DrainProber(Instant now);
  /// What it sends, and what it found: true if that is news.
  bool TakeProbes(Instant now);
  /// Reflexive addresses may be others from now on: the description is not
  /// complete until servers have had their time.
  void BeginGathering(Instant now);
  void UpdateSurroundings(Instant now);
  void TellAll(Instant now);
  void NotePeer(Member& member);
  /// True if another agent leads to where this description is of.
  [[nodiscard]] bool IsTaken(AgentId agent,
                             const AgentDescription& description) const;
  void NoteHub(Member& member, std::optional<uint64_t> hub);
  void NoteRemotes(Member& member);
  void ForgetRemotes(Member& member);
  void NoteRemote(Member& member, const HeardRemote& heard);
  /// Whose data comes from there.
  [[nodiscard]] Member* FindByRemote(const Endpoint& from);
  bool TakeStun(Instant now, const Endpoint& local, const Endpoint& from,
                ByteView datagram);
  void DrainRelay(Instant now, RelayId relay);
  void HandleRelayEvent(Instant now, RelayId relay, RelayEvent& event);
  void TakeRelayed(Instant now, RelayId relay, RelayedPacket& packet);
  /// True if it was a signal.
  bool TakeSignal(Instant now, RelayId relay, Member& member, ByteView packet);
  /// Whether the relays have room for another one.
  [[nodiscard]] bool MaySignal(Instant now) const;
  /// When to call SendWaitingSignals(); never in the past once it was called.
  [[nodiscard]] std::optional<Instant> NextSignal() const;
  /// Sends what a connection has to tell its peer, or has it wait its turn.
  void SendSignals(Instant now, Member& member);
  void SendWaitingSignals(Instant now);
  void SendSignal(Instant now, Member& member,
                  AgentConnection::SignalBody body);
  /// Moves what a connection has to say to where it goes.
  void Drain(Instant now, Member& member);
  void PushEvent(HubEvent event);
  /// Takes events of removed agents from the front.
  void SkipDeadEvents();
  void UpdateDeadline(Member& member);

  AgentHubConfig config_;
  Rng& rng_;
  HubSurroundings surroundings_;
  std::vector<Endpoint> stun_servers_;
  ReflexiveProber prober_;
  bool is_awake_ = false;
  std::optional<Instant> gathered_at_;  ///< when nothing more is expected
  std::map<RelayId, RelayLink> relays_;
  AgentId last_id_ = 0;
  std::map<AgentId, std::unique_ptr<Member>> agents_;
  std::unordered_map<PublicKey, AgentId> by_peer_;
  std::unordered_map<uint64_t, AgentId> by_hub_;
  std::unordered_map<Endpoint, AgentId> by_remote_;
  ice::Mux mux_{ice::Mux::kDefaultTransactions, kTransactionsOfAgent};
  std::set<std::pair<Instant, AgentId>> deadlines_;
  uint64_t boot_;
  uint64_t sequence_ = 0;
  Instant signals_until_{};  ///< what was sent takes a relay so long
  std::deque<AgentId> waiting_;
  std::deque<ice::AgentTransmit> transmits_;
  std::deque<RelayedData> relayed_;
  std::deque<RelayCommand> commands_;
  std::deque<HubEvent> events_;
  AgentHubCounters counters_;
};

}  // namespace natkit::mesh
