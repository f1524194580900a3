#include <algorithm>
#include <utility>

#include "punch/hard_punch_core.h"

namespace natkit::nat {

void HardPunch::Core::HandleMessage(Instant now, const PunchMessage& message) {
  last_now_ = std::max(last_now_, now);
  if (const auto* offer = std::get_if<PunchOffer>(&message)) {
    HandleOffer(now, *offer);
  } else if (const auto* answer = std::get_if<PunchAnswer>(&message)) {
    HandleAnswer(now, *answer);
  } else if (const auto* refusal = std::get_if<PunchRefusal>(&message);
             refusal != nullptr && state == HardPunchState::kOffered &&
             refusal->attempt == attempt_) {
    Fail(refusal->reason == PunchFailure::kNoHit ? PunchFailure::kRefused
                                                 : refusal->reason);
  } else {
    ++counters.ignored_messages;
  }
}

void HardPunch::Core::HandleOffer(Instant now, const PunchOffer& offer) {
  if (state != HardPunchState::kIdle) {
    ++counters.ignored_messages;  // a repeat, or we are busy with our own
    return;
  }
  if (!config_.is_allowed || !auth_ || !IsUsable(offer.side)) {
    Refuse(offer.attempt, PunchFailure::kNotAllowed);
    Fail(PunchFailure::kNotAllowed);
    return;
  }
  attempt_ = offer.attempt;
  peer_ = offer.side;
  BeginSampling(now);
}

void HardPunch::Core::Refuse(uint64_t attempt, PunchFailure reason) {
  Raise(PunchMessageEvent{
      .message = PunchRefusal{.attempt = attempt, .reason = reason}});
}

void HardPunch::Core::Answer(Instant now) {
  // The offer has aged by our sampling.
  peer_->sample_age += now - sampled_at_;
  const PunchSide self = DescribeSelf(now);
  const PunchDecision decision = MakePunchPlan(*peer_, self, config_.aim);
  if (!decision.plan) {
    Refuse(attempt_, decision.failure);
    Fail(decision.failure);
    return;
  }
  Raise(PunchMessageEvent{.message = PunchAnswer{.attempt = attempt_,
                                                 .side = self,
                                                 .plan = *decision.plan}});
  Begin(now, *decision.plan, decision.plan->responder);
}

void HardPunch::Core::HandleAnswer(Instant now, const PunchAnswer& answer) {
  if (state != HardPunchState::kOffered || answer.attempt != attempt_) {
    ++counters.ignored_messages;
    return;
  }
  if (!IsUsable(answer.side) ||
      !IsWithinBudget(answer.plan.initiator, self_->budget)) {
    Fail(PunchFailure::kRefused);
    return;
  }
  peer_ = answer.side;
  Begin(now, answer.plan, answer.plan.initiator);
}

void HardPunch::Core::Begin(Instant now, const PunchPlan& plan,
                            const PunchShare& share) {
  state = HardPunchState::kRunning;
  method_ = plan.method;
  share_ = share;
  pacer_.Narrow(share.packets_per_second);
  begun_ = now;
  pass_begins_ = now;
  const Duration longest = std::chrono::seconds(90);
  gives_up_ = now + std::clamp(plan.lasts, Duration::zero(), longest);
  Raise(PunchPlannedEvent{
      .method = plan.method, .opens = share.opens, .chance = plan.chance});
  if (share.sockets > 0) {
    awaited_sockets_ = share.sockets;
    Raise(OpenSocketsEvent{.count = awaited_sockets_});
    return;
  }
  TakeSockets(now);
}

void HardPunch::Core::TakeSockets(Instant now) {
  if (state == HardPunchState::kSampling) {
    ContinueSampling(now);
    return;
  }
  if (state != HardPunchState::kRunning) {
    return;
  }
  if (share_.sockets > 0 && sockets_.size() == sampling_sockets_) {
    Fail(PunchFailure::kNoSockets);
    return;
  }
  MakeFlows();
  if (flows_.empty()) {
    Fail(PunchFailure::kRefused);
    return;
  }
  RunFlows(now);
}

}  // namespace natkit::nat
