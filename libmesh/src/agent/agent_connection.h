#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/agent/agent_hub.h"
#include "natkit/mesh/agent/description.h"
#include "natkit/mesh/signal.h"
#include "natkit/nat/ice_agent.h"
#include "natkit/nat/path_diagnosis.h"
#include "node/local_addresses.h"

namespace natkit::mesh {

/// What the hub knows that all connections share.
struct HubSurroundings {
  PublicKey own_key;
  uint64_t number = 0;  ///< see AgentDescription::hub
  LocalAddresses local;
  /// Where peers reach us; nullopt: there is no relay.
  std::optional<RelayPlace> place;
  std::vector<std::string> relay_names;  ///< by RelayId
  std::set<RelayId> relays_up;
  /// No reflexive address is expected any more.
  bool has_gathered = false;
};

/// Where an authentic check came from: data may follow.
struct HeardRemote {
  Endpoint from;
  /// It was an answer: who sends from there receives there as well.
  bool is_answer = false;
};

/// One connection of a hub: an ICE agent, the exchange of descriptions over
/// relays, and the choice between the paths that there are.
///
/// With the peer's key known, each side sends its description (Offer) over
/// every relay that is up until the other one answers it (Answer, with the
/// description of who answers), and again after each change. Sessions are
/// numbered by the version of the sender's description. Whoever changes its
/// credentials makes the other side change its own, except where the change is
/// itself an answer: each description names the credentials that it is made
/// for. While there is no direct path, a new ICE session begins after 15 s,
/// 30 s, ... 5 min, if a relay can carry its credentials. It rests while a
/// relay has nothing to carry: the next datagram has a path looked for again.
///
/// Pure; `hub` and `rng` must outlive it.
class AgentConnection {
 public:
  AgentConnection(AgentId id, const AgentOptions& options,
                  const HubSurroundings& hub, Rng& rng);

  // Inputs. After each one, drain all outputs.
  void Start(Instant now);
  [[nodiscard]] Result<void> SetRemote(Instant now,
                                       const AgentDescription& description);
  void Restart(Instant now);
  /// A STUN message; false if it is not for this connection.
  bool HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView datagram);
  void HandleSignal(Instant now, RelayId relay, const Offer& offer);
  void HandleSignal(Instant now, RelayId relay, const Answer& answer);
  /// Whether a signal names credentials of ours that are new: it is no old one.
  [[nodiscard]] bool IsFresh(const Signal& signal) const;
  /// A signal came that seems to be old, but may be of a peer whose clock was
  /// set back: offers a connection, as the answer to that is fresh.
  void AskAgain(Instant now);
  /// Anything from the peer came over `relay`.
  void NoteRelayed(Instant now, RelayId relay);
  void HandlePeerGone(Instant now, RelayId relay);
  /// HubSurroundings changed.
  void HandleSurroundings(Instant now);
  /// Has a direct path that rests checked.
  void CheckPath(Instant now);
  /// A relay came up: what was sent before is lost.
  void HandleRelayUp(Instant now);
  void HandleTimeout(Instant now);
  /// Data passes to or from the peer.
  void NoteData(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<ice::AgentTransmit> PollTransmit();
  [[nodiscard]] std::optional<HubEvent> PollEvent();

  using SignalBody = decltype(Signal::body);

  [[nodiscard]] bool has_signal() const { return answer_due_ || is_offer_due_; }

  /// As things are now, so it may wait as long as has_signal().
  [[nodiscard]] std::optional<SignalBody> PollSignal();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] AgentId id() const { return id_; }

  /// Of the peer's hub; nullopt while it is not known.
  [[nodiscard]] const std::optional<PublicKey>& peer() const { return peer_; }

  /// Whose credentials it has; nullopt: not said.
  [[nodiscard]] std::optional<uint64_t> remote_hub() const {
    return remote_hub_;
  }

  [[nodiscard]] std::string_view ufrag() const {
    return ice_.local_credentials().ufrag;
  }

  /// Since the last call.
  [[nodiscard]] std::vector<HeardRemote> TakeHeardRemotes();

  [[nodiscard]] AgentDescription Describe() const;

  [[nodiscard]] ConnectionState state() const { return state_; }

  [[nodiscard]] DataRoute Route() const;
  [[nodiscard]] Path CurrentPath() const;
  /// The relay that data and signals take; nullopt: none leads to the peer.
  [[nodiscard]] std::optional<RelayId> relay() const;
  [[nodiscard]] nat::PathDiagnosis Explain(Instant now) const;

 private:
  [[nodiscard]] ice::AgentConfig MakeIceConfig(
      const AgentOptions& options) const;
  void FeedIce(Instant now);
  void DrainIce(Instant now);
  void HandleIceEvent(Instant now, const ice::AgentEvent& event);
  /// Errors: kBadCredentials.
  [[nodiscard]] Result<void> TakeCredentials(
      Instant now, const AgentDescription& description);
  void NoteRemoteHub(Instant now, std::optional<uint64_t> hub);
  void NoteDescribed(Instant now);
  [[nodiscard]] Result<void> TakePlace(const RelayPlace& place);
  void TakeSignalled(Instant now, const IceDescription& description);
  void FillDescription(IceDescription& description) const;
  /// Our description is another: tell the owner, and the peer.
  void ChangeDescription(Instant now);
  void SendOffer(Instant now);
  void ScheduleRetry(Instant now);
  /// The path, the state and the diagnosis, as they are now.
  void Settle(Instant now);
  void SettleState(Instant now, PathKind kind);
  void SettleRtt(const Path& path);
  void SettleDiagnosis(Instant now);

  /// A relay is the path, and no data has passed for a while.
  [[nodiscard]] bool IsIdle(Instant now) const;
  /// How often pairs that failed are checked again; zero: not at all.
  [[nodiscard]] Duration RecheckInterval(Instant now) const;

  [[nodiscard]] bool HasDirect() const { return ice_.selected().has_value(); }

  [[nodiscard]] bool HasSearched(Instant now) const;

  AgentId id_;
  const HubSurroundings& hub_;
  RelayUse relay_use_;
  std::optional<PublicKey> peer_;
  bool is_peer_fixed_;  ///< the owner named it
  ice::Agent ice_;
  std::vector<Endpoint> fed_bases_;
  std::deque<HeardRemote> heard_remotes_;

  bool has_remote_credentials_ = false;
  std::optional<uint64_t> remote_hub_;
  std::optional<nat::PathSide> remote_network_;
  std::optional<Instant> described_at_;  ///< by the peer, in this search
  std::optional<RelayId> heard_on_;      ///< a relay of the peer's packets
  Instant heard_at_{};                   ///< when last on that one

  uint64_t version_ = 0;  ///< of our description
  std::optional<uint64_t> answered_version_;
  std::optional<Instant> offer_at_;
  int offer_attempt_ = 0;
  bool is_offer_due_ = false;
  std::optional<uint64_t> answer_due_;  ///< version of the offer to answer
  std::optional<Instant> retry_at_;
  int retry_attempt_ = 0;
  bool is_retry_waiting_ = false;  ///< for data
  Instant last_data_at_{};
  Duration recheck_interval_{};
  std::optional<Instant> fail_at_;

  ConnectionState state_ = ConnectionState::kNew;
  Path told_path_;
  std::optional<Duration> told_rtt_;
  std::optional<nat::PathReason> told_reason_;
  bool has_told_search_ = false;  ///< that it has had its time
  std::deque<HubEvent> events_;
};

}  // namespace natkit::mesh
