#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ice/agent_context.h"
#include "ice/gatherer.h"
#include "ice/session.h"
#include "natkit/nat/ice_agent.h"

namespace natkit::ice {

/// Behind the Agent: the current session, the one before a restart, gathering,
/// pacing, and the events that follow from their state.
class Agent::Core {
 public:
  Core(AgentConfig config, Rng& rng);

  Result<void> AddHostBase(Instant now, const Endpoint& base);
  void RemoveHostBase(Instant now, const Endpoint& base);
  Result<void> AddReflexive(Instant now, const Endpoint& mapped,
                            const Endpoint& base,
                            const std::optional<IpAddress>& server);
  void SetLocalEndOfCandidates(Instant now);
  Result<void> SetRemoteCredentials(Instant now, const Credentials& remote);
  Result<void> ReplaceRemoteCredentials(Instant now, const Credentials& remote);
  Result<void> AddRemoteCandidate(Instant now, const Candidate& candidate);
  Result<void> AddRemoteHint(Instant now, const Endpoint& remote);
  void SetRemoteEndOfCandidates(Instant now);
  void Restart(Instant now);
  bool HandleDatagram(Instant now, const PairKey& path, ByteView datagram);
  void HandleTimeout(Instant now);
  void NoteData(Instant now);
  void AbandonPrevious(Instant now);
  void CheckAtRest(Instant now);
  void SetRecheckInterval(Duration interval);
  void SetKeepalive(Instant now, const nat::KeepalivePolicy& policy);

  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  [[nodiscard]] std::optional<SelectedPair> selected() const;
  [[nodiscard]] std::vector<PathInfo> paths() const;
  [[nodiscard]] bool is_suspect() const;
  [[nodiscard]] bool is_resting() const;

  [[nodiscard]] AgentState state() const { return state_; }

  [[nodiscard]] const Credentials& local_credentials() const {
    return current_->local();
  }

  [[nodiscard]] std::string_view remote_ufrag() const {
    return current_->remote_ufrag();
  }

  [[nodiscard]] AgentContext& context() { return context_; }

 private:
  bool HandleRequest(Instant now, const PairKey& path,
                     const stun::Message& message);
  bool HandleResponse(Instant now, const PairKey& path,
                      const stun::Message& message);
  /// Ends every input: sends what is due and raises what changed.
  void Finish(Instant now);
  void SendPaced(Instant now);
  void RetirePrevious(Instant now);
  void RaiseChanges(Instant now);
  void RaiseGatheringDone();
  /// Where data stopped, a NAT may have forgotten our mapping.
  void GatherAgain();
  [[nodiscard]] AgentState ComputeState(Instant now) const;
  /// The session that carries data; nullptr if none does.
  [[nodiscard]] const Session* CarryingSession() const;

  AgentContext context_;
  Gatherer gatherer_;
  std::unique_ptr<Session> current_;
  std::unique_ptr<Session> previous_;
  std::optional<Instant> previous_ends_at_;
  bool is_previous_abandoned_ = false;
  Instant last_now_{};
  Instant next_send_{Instant::min()};  ///< earliest new transaction
  bool has_all_locals_ = false;

  // What the owner was told last.
  AgentState state_ = AgentState::kNew;
  std::optional<PairKey> reported_pair_;
  bool reported_suspect_ = false;
};

}  // namespace natkit::ice
