#include <algorithm>
#include <chrono>
#include <cmath>

#include "punch/hard_punch_core.h"
#include "punch/punch_rounds.h"

namespace natkit::nat {
namespace {

/// Beside the answer to what came through. With 5 % loss all are lost once in
/// 100,000 cases.
constexpr int kChecksAfterHit = 3;

}  // namespace

std::vector<Endpoint> HardPunch::Core::Targets(uint32_t count) {
  if (peer_->mapping == Dependence::kEndpointIndependent) {
    return {peer_->mapped};
  }
  if (method_ == PunchMethod::kBirthday && share_.opens) {
    // Both are address-dependent: any port of the peer opens our filter.
    return {peer_->mapped};
  }
  uint32_t skipped = 0;
  if (method_ == PunchMethod::kCrossing &&
      peer_->forecast.pattern == AllocationPattern::kSequential) {
    // Each side expects the mappings that others make until it begins.
    const double seconds =
        std::chrono::duration<double>(peer_->sample_age + config_.aim.slack)
            .count();
    skipped = static_cast<uint32_t>(std::clamp(
        std::round(peer_->forecast.foreign_rate * seconds), 0.0, 256.0));
  }
  std::vector<Endpoint> targets =
      EndpointsToProbe(peer_->forecast, count + skipped, rng_);
  targets.erase(
      targets.begin(),
      targets.begin() + std::min<ptrdiff_t>(skipped, std::ssize(targets)));
  return targets;
}

void HardPunch::Core::MakeFlows() {
  std::vector<Endpoint> locals = {config_.main};
  if (share_.sockets > 0) {
    locals.assign(sockets_.begin() + static_cast<ptrdiff_t>(sampling_sockets_),
                  sockets_.end());
  }
  flows_.clear();
  for (const Endpoint& local : locals) {
    const auto room = share_.flows - static_cast<uint32_t>(flows_.size());
    for (const Endpoint& remote : Targets(room)) {
      if (flows_.size() < share_.flows) {
        flows_.push_back({.local = local, .remote = remote});
      }
    }
  }
}

uint32_t HardPunch::Core::ChecksWanted() const {
  // Where the peer probes, all of it was tried once before these checks, so one
  // loss of each kind is made up for; of two, the second round is.
  const bool is_last_round = share_.opens && method_ != PunchMethod::kCrossing;
  return static_cast<uint32_t>(flows_.size()) *
         (is_last_round ? kLastRounds : 1);
}

bool HardPunch::Core::MayOpen(Instant now) const {
  // The first pass is completed even if it took longer than planned.
  return share_.opens && opened_ < flows_.size() &&
         (!has_opened_ || now < begun_ + share_.checks_after);
}

void HardPunch::Core::RunFlows(Instant now) {
  if (now >= gives_up_ || pacer_.is_exhausted()) {
    Fail(PunchFailure::kNoHit);
    return;
  }
  if (awaited_sockets_ > 0 || !pacer_.MaySend(now)) {
    return;
  }
  const auto count = static_cast<uint32_t>(flows_.size());
  if (share_.opens && opened_ == count && now < begun_ + share_.checks_after &&
      now >= pass_begins_ + config_.refresh_every) {
    opened_ = 0;
    pass_begins_ = now;
  }
  if (MayOpen(now)) {
    SendFlow(now, opened_, true);
    ++opened_;
    has_opened_ = has_opened_ || opened_ == count;
  } else if (now >= begun_ + share_.checks_after && checked_ < ChecksWanted()) {
    SendFlow(now, checked_++ % count, false);
  }
}

void HardPunch::Core::SendFlow(Instant now, uint32_t flow, bool is_opener) {
  const bool is_new = is_opener ? !has_opened_ : !share_.opens;
  pacer_.Spend(now, is_new ? PunchPacer::IntervalOf(
                                 config_.budget.new_mappings_per_second)
                           : Duration::zero());
  ++(is_opener ? counters.openers : counters.probes);
  Queue({.from = flows_[flow].local,
         .to = flows_[flow].remote,
         .payload = auth_->Check(flow),
         .ttl = is_opener ? config_.opener_ttl : std::nullopt});
}

std::optional<Instant> HardPunch::Core::NextFlow() const {
  if (awaited_sockets_ > 0) {
    return std::nullopt;
  }
  const Instant checks_at = begun_ + share_.checks_after;
  std::optional<Instant> next;
  if (MayOpen(last_now_)) {
    next = pass_begins_;
  } else if (share_.opens && last_now_ < checks_at &&
             pass_begins_ + config_.refresh_every < checks_at) {
    next = pass_begins_ + config_.refresh_every;
  }
  if (checked_ < ChecksWanted()) {
    next = std::min(next.value_or(Instant::max()), checks_at);
  }
  if (!next) {
    return std::nullopt;
  }
  return std::max(*next, pacer_.next());
}

void HardPunch::Core::HandleArrival(Instant now, const Endpoint& local,
                                    const Endpoint& from,
                                    const PunchArrival& arrival) {
  switch (arrival.kind) {
    case PunchArrival::Kind::kForeign:
      return;
    case PunchArrival::Kind::kForged:
      ++counters.dropped_unauthenticated;
      return;
    case PunchArrival::Kind::kRequest:
      // The answer may be lost: checks of ours say the same.
      replies_.push_back(
          {.from = local, .to = from, .payload = arrival.answer, .ttl = {}});
      for (int i = 0; i < kChecksAfterHit; ++i) {
        replies_.push_back(
            {.from = local, .to = from, .payload = auth_->Check(0), .ttl = {}});
      }
      break;
    case PunchArrival::Kind::kSuccess:
      // Over the very flow that asked (RFC 8445 section 7.2.5.2.1).
      if (arrival.flow >= flows_.size() ||
          flows_[arrival.flow].local != local ||
          flows_[arrival.flow].remote != from) {
        ++counters.dropped_unauthenticated;
        return;
      }
      break;
  }
  Hit(local, from);
  SendReplies(now);
}

bool HardPunch::Core::CanAnswer(const Endpoint& local,
                                const Endpoint& from) const {
  // A filter that admits everybody also lets ordinary checks in, at a mapping
  // that was made for somebody else.
  if (self_->mapping == Dependence::kEndpointIndependent) {
    return true;
  }
  const bool by_address = self_->mapping == Dependence::kAddressDependent;
  return std::ranges::any_of(flows_, [&](const Flow& flow) {
    return flow.local == local &&
           (flow.remote == from ||
            (by_address && flow.remote.address == from.address));
  });
}

void HardPunch::Core::Hit(const Endpoint& local, const Endpoint& remote) {
  state = HardPunchState::kHit;
  flows_.clear();
  if (!sockets_.empty()) {
    const bool is_main = local == config_.main;
    Raise(CloseSocketsEvent{.keep =
                                is_main ? std::nullopt : std::optional(local)});
  }
  Raise(PunchHitEvent{.local = local, .remote = remote});
}

}  // namespace natkit::nat
