#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string_view>
#include <variant>

#include "natkit/base/keys.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/signal.h"
#include "natkit/nat/ice_agent.h"
#include "node/local_addresses.h"

namespace natkit::mesh {

/// Which ways the next datagram to a peer takes; both while the direct path is
/// suspect or rests: WireGuard's replay window drops the second copy.
struct PathChoice {
  std::optional<ice::SelectedPair> direct;
  bool over_relay = true;
};

/// The direct path changed; nullopt: there is none, the relay carries all.
struct DirectPathEvent {
  std::optional<ice::SelectedPair> pair;
};

/// The direct path stopped answering: what STUN said may be out of date.
struct DirectSuspectEvent {};

/// It answers again.
struct DirectRecoveredEvent {};

/// The socket of an earlier HandleHardHit() is not needed any more.
struct SocketReleasedEvent {
  Endpoint socket;
};

/// A socket on another port of `address` is wanted; HandleFreshSocket()
/// answers.
struct FreshSocketWantedEvent {
  IpAddress address;
};

/// A search begins: addresses should be fresh.
struct SearchBegunEvent {};

using LinkEvent = std::variant<SearchBegunEvent, DirectPathEvent,
                               DirectSuspectEvent, DirectRecoveredEvent,
                               SocketReleasedEvent, FreshSocketWantedEvent>;

/// What both sides of the current session know.
struct SessionSecrets {
  ice::Role role = ice::Role::kControlling;
  ice::Credentials local;
  ice::Credentials remote;
};

using SignalBody = decltype(Signal::body);

/// The search for a direct path to one peer: an ICE agent, and the signalling
/// that starts and restarts its sessions.
///
/// The node with the greater public key controls: it makes sessions (Offer),
/// the other side answers (Answer) or asks for one (RestartRequest). A session
/// begins with traffic and ends three minutes after the last, or an hour if it
/// found a path: that rests meanwhile, and is kept as
/// ice::AgentConfig::keepalive says for the side that minds packets more. While
/// there is no direct path, a new session is tried after 15 s, 30 s, ... 5 min.
///
/// A NAT may have moved a mapping because the other side's packet came before
/// our own (poisoning; stock Linux does it). Then nothing arrives although both
/// NATs map independently of endpoints. After three seconds of that the
/// controlled side takes a socket on another port and asks for a new session;
/// the controlling side takes one as well, since a moved mapping takes new
/// flows of its port with it. Both then begin to send at the same time. At most
/// twice.
///
/// Pure; `local` and `rng` must outlive it.
class PeerLink {
 public:
  struct Config {
    PublicKey own;
    PublicKey peer;
    std::optional<Endpoint> fixed_endpoint;  ///< from the inventory
  };

  PeerLink(const Config& config, const LocalAddresses& local, Rng& rng);

  // Inputs. After each one, drain all outputs.
  /// Data passed in either direction.
  void NoteTraffic(Instant now);
  /// The peer has just started, or came back to the relay.
  void HandlePeerUp(Instant now, bool restarted);
  /// A relay can be used that could not before.
  void HandleRelayUp(Instant now);
  void HandleSignal(Instant now, const Offer& offer);
  void HandleSignal(Instant now, const Answer& answer);
  void HandleSignal(Instant now, const RestartRequest& request);
  /// LocalAddresses changed.
  void HandleLocalAddresses(Instant now);
  /// Interfaces changed: whatever path there is may be dead or not the best.
  void HandleNetworkChange(Instant now);
  bool HandleDatagram(Instant now, const Endpoint& local_base,
                      const Endpoint& from, ByteView datagram);
  /// A hard punch came through from `local`, which may be a socket of its own,
  /// to `remote`: they are checked like any other pair.
  void HandleHardHit(Instant now, const Endpoint& local,
                     const Endpoint& remote);
  /// The answer to a FreshSocketWantedEvent; nullopt: there is none.
  void HandleFreshSocket(Instant now, const std::optional<Endpoint>& socket);

  /// The peer is about to be forgotten: gives back what it holds.
  void Stop(Instant now) { Deactivate(now); }

  /// Of the next session.
  void SetFixedEndpoint(const std::optional<Endpoint>& endpoint) {
    config_.fixed_endpoint = endpoint;
  }

  /// What we last asked of the peer was asked before, without an answer.
  [[nodiscard]] bool is_unanswered() const {
    return signal_due_ && signal_attempt_ > 1;
  }

  /// Keeps the session, as far as it is only a retry that would end it.
  void HoldSession(Instant until);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<ice::AgentTransmit> PollTransmit();
  [[nodiscard]] std::optional<SignalBody> PollSignal();
  [[nodiscard]] std::optional<LinkEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] PathChoice Path() const;

  /// The direct path does not answer, or has not been asked for long.
  [[nodiscard]] bool is_suspect() const {
    return agent_ && agent_->is_suspect();
  }

  /// The direct path carries no data and is only kept alive.
  [[nodiscard]] bool is_resting() const {
    return agent_ && agent_->is_resting();
  }

  /// Between two packets of a direct path that rests; nullopt: none are sent.
  [[nodiscard]] std::optional<Duration> keepalive_interval() const {
    return agent_ ? agent_->keepalive().Interval(/*is_assured=*/true)
                  : std::nullopt;
  }

  /// The direct path runs between what STUN servers saw of both NATs: nothing
  /// but ordinary hole punching had a part in it.
  [[nodiscard]] bool is_plain_punch() const;

  /// What the peer has told of its network; unset until it has.
  [[nodiscard]] const std::optional<nat::PathSide>& remote_network() const {
    return remote_network_;
  }

  /// The peer's addresses have been known for long enough to try them all.
  [[nodiscard]] bool has_searched(Instant now) const;

  /// Since when all addresses of the peer have been tried, for traffic and
  /// without success.
  [[nodiscard]] std::optional<Instant> searching_since() const {
    return is_active() && !has_direct() ? described_at_ : std::nullopt;
  }

  /// Sockets on other ports that were tried since there was a direct path.
  [[nodiscard]] int fresh_tries() const { return fresh_tries_; }

  /// nullopt until the peer has answered in this session.
  [[nodiscard]] std::optional<SessionSecrets> secrets() const;

  [[nodiscard]] bool is_controlling() const {
    return config_.own > config_.peer;
  }

  /// Names our current session in its checks; empty while there is none.
  [[nodiscard]] std::string_view ufrag() const {
    return agent_ ? std::string_view(agent_->local_credentials().ufrag)
                  : std::string_view();
  }

  /// The current session, as the controlling side numbers them.
  [[nodiscard]] uint64_t session() const { return session_; }

  [[nodiscard]] bool is_active() const { return active_until_.has_value(); }

 private:
  [[nodiscard]] bool has_direct() const {
    return agent_ && agent_->selected().has_value();
  }

  void BeginSession(Instant now);
  void StartOffering(Instant now);
  void StartRequesting(Instant now);
  void PrepareAgent(Instant now);
  void FeedAgent(Instant now);
  /// Tries the peer's reflexive addresses with its own port as well: free where
  /// its router forwards that port without our knowing.
  void TryForwardedPorts(Instant now, const IceDescription& description);
  void TakeDescription(Instant now, const IceDescription& description);
  void NoteSharedNat(const IceDescription& description);
  void QueueDescription();
  template <class Description>
  void FillDescription(Description& description) const;
  void SendDueSignal(Instant now);
  void ScheduleRetry(Instant now);
  void Deactivate(Instant now);
  void ForgetDirect();
  void ReleaseHardSocket(Instant now);
  // peer_link_fresh.cc
  [[nodiscard]] bool MayBePoisoned() const;
  /// Whose port is to be replaced.
  [[nodiscard]] const Endpoint* MappedBase() const;
  [[nodiscard]] bool MayTakeFreshSocket() const;
  [[nodiscard]] std::optional<Instant> FreshDue() const;
  void WantFreshSocket(Instant now);
  void ReleaseFreshSocket(Instant now);
  /// Begins the new session once outside is known where the socket is.
  void UseFreshSocket(Instant now);
  /// True if a session's description is kept until both sides may begin.
  bool HoldOffer(Instant now, const Offer& offer);
  void NoteSignalRtt(Instant now);
  void TakeHeldOffer(Instant now);
  /// In a session that begins at one time, the first packet must be the right
  /// one: where the peer is seen from outside, if new since the last session.
  void HintReflexive(Instant now, const IceDescription& description);
  /// Whether a session that begins now is a second attempt of both sides.
  [[nodiscard]] bool IsSecondAttempt(Instant now) const;
  void DrainAgentEvents(Instant now);
  void HandleAgentEvent(Instant now, const ice::AgentEvent& event);
  void HandleSelected(Instant now,
                      const std::optional<ice::SelectedPair>& pair);

  // peer_link_keepalive.cc
  static constexpr Duration kIdleAfter = std::chrono::seconds(180);
  static constexpr Duration kPathKept = std::chrono::hours(1);
  void SetTraffic(Instant now);
  void UpdateKeepalive(Instant now);
  /// Before the agent goes.
  void KeepLessons();
  /// A path was found or lost.
  void ExtendActivity(Instant now, bool has_path);

  Config config_;
  const LocalAddresses& local_;
  Rng& rng_;
  std::optional<ice::Agent> agent_;
  std::vector<Endpoint> agent_bases_;
  std::optional<ice::Credentials> remote_credentials_;  ///< of this session

  struct HardPair {
    Endpoint local;
    Endpoint remote;
  };

  std::optional<HardPair> hard_pair_;  ///< what a hard punch has found

  /// An offer that is not acted on before `until`.
  struct HeldOffer {
    Offer offer;
    Instant until;
  };

  std::optional<Endpoint> fresh_base_;
  int fresh_tries_ = 0;
  bool awaits_fresh_address_ = false;
  /// Not before the new session: a packet of the old one would be too early.
  bool uses_fresh_base_ = false;
  bool is_resync_ = false;  ///< the session we ask for begins at one time
  Instant requested_at_{};  ///< when we last asked for a session
  bool hints_first_ = false;
  /// Between our request and the first answer to it; 0: not known.
  std::chrono::duration<int32_t, std::milli> signal_rtt_{0};
  std::vector<Endpoint> remote_reflexive_;  ///< by the last description
  std::optional<HeldOffer> held_;
  std::optional<Instant> tried_since_;  ///< all addresses of this session
  uint64_t session_ = 0;
  bool is_negotiating_ = false;  ///< our offer or request has no answer yet
  int signal_attempt_ = 0;
  std::optional<Instant> signal_due_;
  int retry_attempt_ = 0;
  std::optional<Instant> retry_at_;
  std::optional<Instant> active_until_;
  Instant last_traffic_{};
  nat::KeepalivePolicy keepalive_;
  bool had_direct_ = false;
  bool shares_nat_ = false;  ///< with the peer, by the last description
  std::optional<nat::PathSide> remote_network_;
  std::optional<nat::PathSide> told_network_;  ///< in our last description
  std::optional<Instant> described_at_;  ///< by the peer, in this activity
  std::deque<SignalBody> signals_;
  std::deque<LinkEvent> events_;
};

}  // namespace natkit::mesh
