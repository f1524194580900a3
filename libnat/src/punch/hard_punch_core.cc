#include "punch/hard_punch_core.h"

#include <algorithm>
#include <utility>

#include "natkit/base/queue.h"

namespace natkit::nat {
HardPunch::Core::Core(HardPunchConfig config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      sampler_(rng),
      pacer_(config_.budget.packets_per_second, config_.budget.max_packets) {
  if (auto auth =
          PunchAuth::Make(config_.local, config_.remote, config_.role, rng)) {
    auth_.emplace(std::move(*auth));
  }
}

bool HardPunch::Core::IsOurs(const Endpoint& local) const {
  return local == config_.main ||
         std::ranges::find(sockets_, local) != sockets_.end();
}

bool HardPunch::Core::HandleDatagram(Instant now, const Endpoint& local,
                                     const Endpoint& from, ByteView datagram) {
  last_now_ = std::max(last_now_, now);
  if (state == HardPunchState::kSampling &&
      sampler_.HandleDatagram(now, local, from, datagram)) {
    ContinueSampling(now);
    return true;
  }
  if (state != HardPunchState::kRunning || !auth_ || !IsOurs(local) ||
      from.address.is_multicast()) {
    return false;
  }
  const PunchArrival arrival = auth_->Read(from, datagram);
  const bool is_elsewhere =
      arrival.kind == PunchArrival::Kind::kRequest && !CanAnswer(local, from);
  if (arrival.kind == PunchArrival::Kind::kForeign || is_elsewhere) {
    return false;
  }
  HandleArrival(now, local, from, arrival);
  return true;
}

void HardPunch::Core::HandleTimeout(Instant now) {
  last_now_ = std::max(last_now_, now);
  SendReplies(now);
  switch (state) {
    case HardPunchState::kSampling:
      ContinueSampling(now);
      break;
    case HardPunchState::kOffered:
      if (now >= gives_up_) {
        Fail(PunchFailure::kNoAnswer);
      }
      break;
    case HardPunchState::kRunning:
      RunFlows(now);
      break;
    case HardPunchState::kIdle:
    case HardPunchState::kHit:
    case HardPunchState::kFailed:
      break;
  }
}

void HardPunch::Core::SendReplies(Instant now) {
  if (!replies_.empty() && pacer_.MaySend(now)) {
    pacer_.Spend(now);
    Queue(std::move(replies_.front()));
    replies_.pop_front();
  }
  if (pacer_.is_exhausted()) {
    replies_.clear();
  }
}

void HardPunch::Core::Queue(PunchTransmit transmit) {
  ++counters.packets;
  transmits_.push_back(std::move(transmit));
}

void HardPunch::Core::Fail(PunchFailure reason) {
  state = HardPunchState::kFailed;
  replies_.clear();
  flows_.clear();
  if (!sockets_.empty() || awaited_sockets_ > 0) {
    Raise(CloseSocketsEvent{.keep = {}});
  }
  sockets_.clear();
  Raise(PunchFailedEvent{.reason = reason});
}

std::optional<PunchTransmit> HardPunch::Core::PollTransmit() {
  return TakeFront(transmits_);
}

std::optional<HardPunchEvent> HardPunch::Core::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> HardPunch::Core::NextTimeout() const {
  if (!transmits_.empty() || !events_.empty()) {
    return last_now_;
  }
  std::optional<Instant> next;
  const auto keep_earliest = [&next](std::optional<Instant> at) {
    if (at) {
      next = std::min(next.value_or(Instant::max()), *at);
    }
  };
  if (!replies_.empty()) {
    keep_earliest(pacer_.next());
  }
  switch (state) {
    case HardPunchState::kSampling:
      if (const auto at = sampler_.NextTimeout()) {
        keep_earliest(std::max(*at, pacer_.next()));
      }
      break;
    case HardPunchState::kOffered:
      keep_earliest(gives_up_);
      break;
    case HardPunchState::kRunning:
      keep_earliest(NextFlow());
      keep_earliest(gives_up_);
      break;
    case HardPunchState::kIdle:
    case HardPunchState::kHit:
    case HardPunchState::kFailed:
      break;
  }
  return next ? std::optional(std::max(*next, last_now_)) : std::nullopt;
}

}  // namespace natkit::nat
