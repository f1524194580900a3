#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "ice/agent_context.h"
#include "ice/check_list.h"
#include "ice/check_message.h"
#include "ice/consent.h"
#include "ice/pair.h"
#include "ice/remote_candidates.h"
#include "ice/replay_filter.h"
#include "ice/retransmit_timer.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_credentials.h"
#include "natkit/nat/stun_integrity.h"
#include "natkit/nat/stun_message.h"

namespace natkit::ice {

/// One ICE session: from one pair of credentials to the next restart.
///
/// Holds the check list, the transactions under way and the selected pair.
/// After Retire() it only keeps its selected pair alive and answers checks.
class Session {
 public:
  explicit Session(AgentContext& context);
  /// With these local credentials instead of new ones.
  Session(AgentContext& context, Credentials local);

  [[nodiscard]] const Credentials& local() const { return local_; }

  /// Empty while there are no remote credentials.
  [[nodiscard]] std::string_view remote_ufrag() const {
    return remote_ ? std::string_view(remote_->ufrag) : std::string_view();
  }

  [[nodiscard]] bool has_remote() const { return remote_.has_value(); }

  /// Whether these are the other side's credentials.
  [[nodiscard]] bool IsRemote(const Credentials& credentials) const;
  [[nodiscard]] bool OwnsTransaction(const stun::TransactionId& id) const;

  // Set-up, in any order.
  void SetRemote(Instant now, const Credentials& remote);
  [[nodiscard]] Result<void> AddRemote(const Candidate& candidate);

  /// Puts the pairs with this remote before all others.
  void CheckFirst(const Endpoint& remote);

  void SetRemoteEndOfCandidates() { has_all_remotes_ = true; }

  void AddLocal(const Candidate& host);
  void RemoveBase(const Endpoint& base);
  void SetRole(Role role);
  void Retire();

  // Input.
  /// `ufrags` are those of the request; the receiver's is ours.
  void HandleRequest(Instant now, const PairKey& path, const UfragPair& ufrags,
                     const stun::Message& message);
  void HandleResponse(Instant now, const PairKey& path,
                      const stun::Message& message);
  void HandleTimeout(Instant now);
  /// The selected pair carries data; true if it rested.
  bool NoteData(Instant now);
  /// The selected pair is checked; true if it rested. It rests again once it
  /// has answered, unless data passes.
  bool EndRest(Instant now);
  /// AgentConfig::keepalive is another one.
  void OnKeepaliveChanged();
  /// Sends the next check of the list; false if there is none.
  bool SendNextCheck(Instant now);
  /// Nominates what is due. Called after every input.
  void Evaluate(Instant now);

  [[nodiscard]] bool has_work() const;
  [[nodiscard]] std::optional<Instant> NextTimeout() const;
  [[nodiscard]] const Pair* selected() const;
  /// Its answers are missing.
  [[nodiscard]] bool is_suspect() const;

  /// The same, or it was not asked for too long, or it rests and the first
  /// requests of its keepalive got no answer.
  [[nodiscard]] bool is_doubtful() const {
    return is_suspect() || is_unproven_ || is_keepalive_late();
  }

  [[nodiscard]] bool is_resting() const { return rest_.has_value(); }

  /// A selected pair was lost.
  [[nodiscard]] bool was_connected() const { return was_connected_; }

  [[nodiscard]] const std::map<PairKey, Pair>& pairs() const {
    return list_.pairs();
  }

  [[nodiscard]] bool has_pairs() const { return !list_.pairs().empty(); }

  /// Every pair failed, none will come, and patience is at its end.
  [[nodiscard]] bool HasFailed(Instant now) const;
  /// When HasFailed() becomes true if nothing else happens.
  [[nodiscard]] std::optional<Instant> FailureTime() const;

 private:
  enum class Purpose : uint8_t {
    kCheck,
    kNominate,
    kConsent,
    kProbe,
    kKeepalive,
  };

  /// A request that waits for its response.
  struct Outgoing {
    PairKey pair;
    Purpose purpose = Purpose::kCheck;
    Role role = Role::kControlling;  ///< at the time of sending
    uint32_t nomination = 0;
    Instant sent_at;
    RetransmitTimer timer;
    std::vector<uint8_t> payload;
  };

  /// A check that came before the remote credentials, each of its own.
  struct EarlyCheck {
    PairKey path;
    IncomingCheck check;
  };

  using OutgoingMap = std::map<stun::TransactionId, Outgoing>;

  [[nodiscard]] bool is_continuous() const {
    return context_.config.nomination == Nomination::kContinuous;
  }

  // session.cc
  void FormPairs(const Candidate& host, const Candidate& remote);
  [[nodiscard]] CheckRequest MakeRequest(const PairKey& key, Purpose purpose);
  stun::TransactionId Send(Instant now, Pair& pair, Purpose purpose);
  /// Counts it, too.
  [[nodiscard]] RetransmitSchedule ScheduleOf(Instant now, Purpose purpose);
  [[nodiscard]] Duration CheckRto() const;
  /// The time to live of a check that leaves now; see AgentConfig::opener_ttl.
  [[nodiscard]] std::optional<uint8_t> TtlOf(Instant now,
                                             const Pair& pair) const;
  void Resend(Instant now, const Outgoing& outgoing);
  void AdvanceOutgoing(Instant now);
  void GiveUp(Instant now, OutgoingMap::iterator entry);
  void AdvanceConsent(Instant now);
  void RecheckFailed(Instant now);
  [[nodiscard]] bool MayRecheck(const Pair& pair) const;

  // session_probe.cc
  [[nodiscard]] bool is_probing() const {
    return is_continuous() && !is_retired_ &&
           context_.config.reprobe_interval > Duration::zero();
  }

  [[nodiscard]] static RetransmitSchedule ProbeSchedule();
  /// Queues a check of each working pair that is due.
  void ProbePairs(Instant now);
  /// When `pair` is due; nullopt: never.
  [[nodiscard]] std::optional<Instant> ProbeTime(const Pair& pair) const;
  [[nodiscard]] std::optional<Instant> NextProbe() const;

  // session_rest.cc
  /// The selected pair carries no data: no consent, only keepalives.
  struct Rest {
    Instant last_sent_at{};                    ///< anything, from us
    std::optional<Instant> due;                ///< of the next keepalive
    std::optional<stun::TransactionId> check;  ///< the one under way
    Duration quiet{};  ///< before that one nothing left us for this long
  };

  [[nodiscard]] static RetransmitSchedule KeepaliveSchedule();
  void BeginRest(Instant now);
  void AdvanceRest(Instant now);
  void TimeKeepalive();
  void NoteSentOn(Instant now, const PairKey& path);
  void HandleKeepaliveAnswer(Instant now, const Pair& pair,
                             const Endpoint& mapped);
  /// An error, or a response that took another way: consent checks decide.
  [[nodiscard]] bool is_keepalive_late() const;
  void HandleKeepaliveRefusal(Instant now, const stun::TransactionId& id);

  // session_request.cc
  /// True if the request may be processed further.
  bool ResolveRoleConflict(const PairKey& path, const IncomingCheck& check,
                           const stun::TransactionId& id);
  void Refuse(const PairKey& path, const stun::TransactionId& id,
              const CheckRefusal& refusal);
  void RememberEarly(const PairKey& path, const IncomingCheck& check);
  void ProcessCheck(Instant now, const PairKey& path,
                    const IncomingCheck& check);
  /// Peer-reflexive candidates that never worked make room for others, the
  /// oldest first.
  void MakeRoomForRemote();
  [[nodiscard]] bool IsExpendable(const Candidate& remote) const;
  void RemoveRemote(const Endpoint& remote);
  void TriggerCheck(Instant now, Pair& pair);
  void HandleNomination(Instant now, const Pair& pair,
                        const IncomingCheck& check);

  // session_response.cc
  [[nodiscard]] bool IsAuthentic(const stun::Message& message) const;
  void HandleSuccess(Instant now, const Outgoing& outgoing, Pair& pair,
                     const Endpoint& mapped);
  void HandleError(Instant now, const Outgoing& outgoing, Pair& pair,
                   const stun::Message& message);
  void HandleRoleConflict(const Outgoing& outgoing, Pair& pair);
  void Fail(Instant now, Pair& pair);
  void SwitchRole(Role role);

  // session_nomination.cc
  [[nodiscard]] const Pair* PickRegular(Instant now);
  [[nodiscard]] bool may_nominate() const;
  [[nodiscard]] const Pair* PickContinuous(Instant now) const;
  /// The best Succeeded pair that should replace the selected one.
  [[nodiscard]] const Pair* BestChallenger(Instant now) const;
  void Nominate(const PairKey& key);
  void Select(Instant now, const PairKey& key);
  void Lose(Instant now);
  void Deselect();
  void OnSuspect();
  /// Has all pairs checked again but those that other means watch over.
  void ReopenPairs();

  AgentContext& context_;
  Credentials local_;
  stun::IntegrityKey local_key_;
  std::optional<Credentials> remote_;
  std::optional<stun::IntegrityKey> remote_key_;
  RemoteCandidates remotes_;
  ReplayFilter replays_;
  bool has_all_remotes_ = false;
  std::vector<EarlyCheck> early_;
  CheckList list_;
  OutgoingMap outgoing_;
  std::optional<Instant> first_check_at_;

  std::optional<PairKey> selected_;
  Instant selected_at_{};
  std::optional<Consent> consent_;
  std::optional<Rest> rest_;
  Instant last_data_at_{};
  /// Rested for so long that nobody knows whether the path still works.
  bool is_unproven_ = false;
  bool was_connected_ = false;
  bool is_retired_ = false;

  // Controlling: the pair whose nomination is under way; it is Succeeded.
  std::optional<PairKey> nominee_;
  uint32_t nomination_ = 0;
  std::optional<Instant> nominate_by_;  ///< kRegular; set once one is valid
  // Controlled: the pair to select once its own check succeeds.
  std::optional<PairKey> nominated_by_peer_;
  std::optional<uint32_t> highest_nomination_;
};

}  // namespace natkit::ice
