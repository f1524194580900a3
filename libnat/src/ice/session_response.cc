#include <utility>

#include "ice/session.h"
#include "natkit/nat/stun_attributes.h"

namespace natkit::ice {

void Session::HandleResponse(Instant now, const PairKey& path,
                             const stun::Message& message) {
  const auto found = outgoing_.find(message.id());
  if (!IsAuthentic(message)) {
    ++context_.counters.dropped_unauthenticated;
    return;  // as if never seen (RFC 8489 section 9.1.4)
  }
  const bool is_success =
      message.type().message_class == stun::MessageClass::kSuccessResponse;
  const auto mapped = message.GetXorMappedAddress();
  if (is_success && !mapped) {
    ++context_.counters.dropped_malformed;
    return;
  }
  const Outgoing outgoing = std::move(found->second);
  const stun::TransactionId id = found->first;
  outgoing_.erase(found);
  Pair* pair = list_.Find(outgoing.pair);
  if (pair == nullptr) {
    return;
  }
  if (path != outgoing.pair) {
    // RFC 8445 section 7.2.5.2.1: both directions must use one 5-tuple.
    ++context_.counters.dropped_asymmetric;
    HandleKeepaliveRefusal(now, id);
    if (pair->check == id || pair->probe == id) {
      Fail(now, *pair);
    }
    return;
  }
  ++context_.counters.responses_accepted;
  if (is_success) {
    HandleSuccess(now, outgoing, *pair, *mapped);
  } else {
    HandleKeepaliveRefusal(now, id);
    HandleError(now, outgoing, *pair, message);
  }
}

bool Session::IsAuthentic(const stun::Message& message) const {
  return remote_key_ &&
         stun::VerifyStrongestIntegrity(message, *remote_key_).has_value();
}

void Session::HandleSuccess(Instant now, const Outgoing& outgoing, Pair& pair,
                            const Endpoint& mapped) {
  if (outgoing.timer.sends() == 1) {  // Karn: never from a retransmit
    pair.rtt.Add(now - outgoing.sent_at);
  }
  if (selected_ == pair.key && consent_) {
    consent_->OnResponse(now, context_.rng);
    is_unproven_ = false;
  }
  if (outgoing.purpose == Purpose::kKeepalive) {
    HandleKeepaliveAnswer(now, pair, mapped);
  }
  pair.mapped = mapped;
  if (is_retired_) {
    return;
  }
  pair.probe.reset();
  // RFC 8445 section 7.2.5.3.1; the other side has seen it, nothing to signal.
  (void)context_.locals.AddReflexive(CandidateType::kPeerReflexive, mapped,
                                     pair.key.base, std::nullopt);
  if (outgoing.purpose == Purpose::kConsent ||
      outgoing.purpose == Purpose::kKeepalive) {
    return;
  }
  if (nominee_ != pair.key) {  // else its nomination may be queued
    list_.CancelTrigger(pair);
  }
  list_.SetSucceeded(pair);
  const bool is_nominated = outgoing.purpose == Purpose::kNominate &&
                            nominee_ == pair.key &&
                            outgoing.nomination == nomination_;
  if (is_nominated || nominated_by_peer_ == pair.key) {
    Select(now, pair.key);
  }
}

void Session::HandleError(Instant now, const Outgoing& outgoing, Pair& pair,
                          const stun::Message& message) {
  if (outgoing.purpose == Purpose::kConsent ||
      outgoing.purpose == Purpose::kKeepalive) {
    return;  // no consent; the pair expires unless another check succeeds
  }
  const auto error = message.Get<stun::attr::ErrorCode>();
  if (error && error->code == stun::ErrorCode::kRoleConflict) {
    HandleRoleConflict(outgoing, pair);
    return;
  }
  Fail(now, pair);
}

void Session::HandleRoleConflict(const Outgoing& outgoing, Pair& pair) {
  // RFC 8445 section 7.2.5.1.
  ++context_.counters.role_conflicts;
  if (context_.role == outgoing.role) {
    SwitchRole(outgoing.role == Role::kControlling ? Role::kControlled
                                                   : Role::kControlling);
    context_.tiebreaker = context_.rng.NextU64();
  }
  if (pair.state != PairState::kSucceeded) {
    pair.state = PairState::kWaiting;
    pair.check.reset();
  }
  list_.Trigger(pair);
}

void Session::Fail(Instant now, Pair& pair) {
  if (nominee_ == pair.key) {
    nominee_.reset();
  }
  if (selected_ != pair.key) {  // only consent decides over the selected pair
    list_.SetFailed(pair, now);
  }
}

void Session::SwitchRole(Role role) {
  context_.role = role;
  SetRole(role);
  context_.Raise(RoleEvent{.role = role});
}

}  // namespace natkit::ice
