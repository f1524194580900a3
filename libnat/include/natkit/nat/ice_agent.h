#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/ice_config.h"
#include "natkit/nat/ice_credentials.h"
#include "natkit/nat/keepalive_policy.h"

namespace natkit::ice {

/// The pair that carries data.
struct SelectedPair {
  Endpoint local_base;    ///< send from here
  Endpoint remote;        ///< send to here
  Endpoint local_mapped;  ///< our address as the remote sees it
  CandidateType remote_type = CandidateType::kHost;
  uint64_t priority = 0;
  /// Smoothed round-trip time of its checks; zero until one was measured.
  Duration rtt{};

  bool operator==(const SelectedPair&) const = default;
};

/// A pair over which checks succeed.
struct PathInfo {
  Endpoint local_base;
  Endpoint remote;
  CandidateType remote_type = CandidateType::kHost;
  uint64_t priority = 0;
  Duration rtt{};            ///< smoothed; zero until measured
  Duration rtt_variation{};  ///< mean deviation
  uint32_t rtt_samples = 0;
  bool is_selected = false;  ///< it carries data

  bool operator==(const PathInfo&) const = default;
};

/// Where a session stands.
enum class AgentState : uint8_t {
  kNew,           ///< no pair can be formed yet
  kChecking,      ///< pairs are being checked
  kConnected,     ///< a pair is selected
  kDisconnected,  ///< consent on the selected pair expired; checks go on
  kFailed,        ///< every pair failed, and no more will come
};

/// One datagram to send from the socket bound to `from_base`.
struct AgentTransmit {
  Endpoint from_base;
  Endpoint to;
  std::vector<uint8_t> payload;
  /// The IP time to live or hop limit to send it with; nullopt: the system's.
  /// Where that cannot be set the datagram is better not sent.
  std::optional<uint8_t> ttl;
};

/// A local candidate to tell the other side about (RFC 8838).
struct LocalCandidateEvent {
  Candidate candidate;
};

/// No more local candidates: tell the other side end-of-candidates.
struct GatheringDoneEvent {};

struct StateEvent {
  AgentState state = AgentState::kNew;
};

/// Data goes over another pair; nullopt: over none.
struct SelectedPairEvent {
  std::optional<SelectedPair> pair;
};

/// The selected pair has not answered for AgentConfig::suspect_after, or, at
/// rest, for 1.5 s after a keepalive; or it answers again. Data may keep using
/// it until a SelectedPairEvent.
struct SuspectEvent {
  bool is_suspect = false;
};

/// A role conflict was resolved by changing our role.
struct RoleEvent {
  Role role = Role::kControlling;
};

/// The other side restarted, so this agent did too: signal its new
/// local_credentials(); LocalCandidateEvents follow.
struct RestartedEvent {};

using AgentEvent =
    std::variant<LocalCandidateEvent, GatheringDoneEvent, StateEvent,
                 SelectedPairEvent, SuspectEvent, RoleEvent, RestartedEvent>;

/// What an agent has seen; only ever grows.
struct AgentCounters {
  uint64_t checks_sent = 0;  ///< transactions, retransmits not counted
  uint64_t retransmits = 0;
  uint64_t consent_checks_sent = 0;
  uint64_t probes_sent = 0;      ///< checks of working pairs without data
  uint64_t keepalives_sent = 0;  ///< on a selected pair that rests
  uint64_t rests = 0;            ///< how often one began to
  uint64_t requests_answered = 0;
  uint64_t responses_accepted = 0;
  uint64_t role_conflicts = 0;
  uint64_t dropped_malformed = 0;        ///< our ufrag, but not an ICE check
  uint64_t dropped_unauthenticated = 0;  ///< integrity missing or wrong
  uint64_t dropped_replayed = 0;         ///< a copy of a check, another source
  uint64_t dropped_asymmetric = 0;       ///< response not from where we asked
  uint64_t dropped_over_limit = 0;       ///< a bound of AgentConfig was reached

  bool operator==(const AgentCounters&) const = default;
};

/// A full ICE agent for one peer and one component over UDP (RFC 8445) with
/// trickle (RFC 8838), consent freshness (RFC 7675) and restarts.
///
/// Life cycle: add host bases (in any order with everything else), signal
/// local_credentials() and each LocalCandidateEvent, feed what the other side
/// signals, and pass it datagrams and time; a SelectedPairEvent says where data
/// goes. Local and remote candidates may come at any time. Checks that arrive
/// before the remote credentials are answered, and remembered.
///
/// Pure: owns no socket, clock or random source; `rng` must outlive it. After
/// each input, drain PollTransmit() and PollEvent() and arm NextTimeout().
/// Memory is bounded by the limits of AgentConfig. Not thread-safe.
class Agent {
 public:
  Agent(AgentConfig config, Rng& rng);
  Agent(Agent&& other) noexcept;
  Agent& operator=(Agent&& other) noexcept;
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;
  ~Agent();

  /// What the other side needs for its checks. Changes with a restart.
  [[nodiscard]] const Credentials& local_credentials() const;

  /// Adds a socket's address; it becomes a host candidate and is asked for
  /// reflexive ones from AgentConfig::stun_servers. Earlier bases get a higher
  /// local preference. Errors: kAlreadyExists, kLimitExceeded, kBadCandidate
  /// (unspecified address or port 0).
  [[nodiscard]] Result<void> AddHostBase(Instant now, const Endpoint& base);
  /// Forgets a base with its candidates and pairs. If it carried the selected
  /// pair, the next best takes over or a SelectedPairEvent says none.
  void RemoveHostBase(Instant now, const Endpoint& base);
  /// Adds a server-reflexive candidate learnt elsewhere, such as a mapping that
  /// a router granted or another STUN client measured. The last four of a base
  /// are kept. Errors: kNotFound (no such base), kAlreadyExists,
  /// kLimitExceeded, kBadCandidate.
  [[nodiscard]] Result<void> AddReflexiveCandidate(Instant now,
                                                   const Endpoint& mapped,
                                                   const Endpoint& base);
  /// Says that no more bases or reflexive candidates will be added; once the
  /// STUN servers are done too, GatheringDoneEvent is raised.
  void SetLocalEndOfCandidates(Instant now);

  /// Takes the other side's credentials. The same again: no effect. Others than
  /// before: the other side restarted, and this agent restarts as well unless
  /// Restart() came first. Those of the session before a restart are ignored.
  /// Errors: kBadCredentials.
  [[nodiscard]] Result<void> SetRemoteCredentials(Instant now,
                                                  const Credentials& remote);
  /// Takes the other side's credentials where they are known to answer
  /// local_credentials() as they are: the session goes on with these, and what
  /// was tried with others is forgotten. Errors: kBadCredentials.
  [[nodiscard]] Result<void> ReplaceRemoteCredentials(
      Instant now, const Credentials& remote);
  /// Whose credentials the current session has; empty before the first.
  [[nodiscard]] std::string_view remote_ufrag() const;
  /// Takes one candidate of the other side; known ones have no effect.
  /// Errors: kBadCandidate, kLimitExceeded.
  [[nodiscard]] Result<void> AddRemoteCandidate(Instant now,
                                                const Candidate& candidate);
  void SetRemoteEndOfCandidates(Instant now);
  /// Has an address of the other side checked at once, before all others, that
  /// was guessed or measured and not signalled. Errors: as
  /// AddRemoteCandidate().
  [[nodiscard]] Result<void> AddRemoteEndpointHint(Instant now,
                                                   const Endpoint& remote);

  /// Starts a new session: new credentials, all local candidates are raised
  /// again. The selected pair keeps carrying data until the new session has one
  /// (RFC 8445 section 9).
  void Restart(Instant now);

  /// Takes a datagram that arrived on `local_base`. Returns false, without any
  /// effect, if it is not for this agent: not STUN, a request for another
  /// ufrag, or a response to nobody's transaction.
  bool HandleDatagram(Instant now, const Endpoint& local_base,
                      const Endpoint& from, ByteView datagram);
  void HandleTimeout(Instant now);
  /// Says that data passes over the selected pair, in either direction; cheap
  /// enough for each packet. Wakes a pair that rests (AgentConfig::rest_after):
  /// it is checked at once, and suspect until it answers if its last answer is
  /// older than AgentConfig::suspect_after.
  void NoteData(Instant now);
  /// The other side is not who it was before the last restart: what worked then
  /// is no path to it.
  void AbandonPrevious(Instant now);
  /// Has a pair that rests checked at once, without data: something suggests
  /// that it works no more. A pair that does not rest is checked anyway.
  void CheckAtRest(Instant now);
  /// Replaces AgentConfig::recheck_interval: 0, or 100 ms at least.
  void SetRecheckInterval(Duration interval);
  /// Replaces the keepalive policy: the network or the power supply changed.
  void SetKeepalive(Instant now, const nat::KeepalivePolicy& policy);
  /// The policy with what this agent has learnt.
  [[nodiscard]] const nat::KeepalivePolicy& keepalive() const;

  [[nodiscard]] std::optional<AgentTransmit> PollTransmit();
  [[nodiscard]] std::optional<AgentEvent> PollEvent();
  /// When to call HandleTimeout() next; nullopt if nothing is pending.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// The pair for data; nullopt while there is none.
  [[nodiscard]] std::optional<SelectedPair> selected() const;
  /// All working pairs, highest priority first. Those that do not carry data
  /// are measured if AgentConfig::reprobe_interval says so.
  [[nodiscard]] std::vector<PathInfo> paths() const;
  [[nodiscard]] bool is_suspect() const;
  /// The selected pair carries no data and is only kept alive.
  [[nodiscard]] bool is_resting() const;
  [[nodiscard]] AgentState state() const;
  [[nodiscard]] Role role() const;
  [[nodiscard]] const AgentCounters& counters() const;
  /// All current local candidates, highest priority first.
  [[nodiscard]] std::vector<Candidate> local_candidates() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace natkit::ice
