#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "node/peer_link.h"

namespace natkit::mesh {

namespace {

using std::chrono::seconds;

/// A pair of NATs that fit is direct within a second, also with some loss.
constexpr Duration kPatience = seconds(3);
constexpr int kMaxFreshTries = 2;
/// No relay is as slow as that; a lost signal makes it look so.
constexpr Duration kLongestRtt = seconds(2);

/// As far as is known: with one STUN server nothing is.
bool MapsIndependently(const nat::PathSide& side) {
  constexpr auto kEi = nat::Dependence::kEndpointIndependent;
  return !side.traits.is_udp_blocked &&
         side.traits.mapping.value_or(kEi) == kEi;
}

}  // namespace

bool PeerLink::MayBePoisoned() const {
  if (!remote_network_ || shares_nat_) {
    return false;
  }
  // Seen by nobody outside: its network blocks UDP, as far as is known.
  const bool is_seen =
      !remote_reflexive_.empty() ||
      remote_network_->traits.translation == nat::Translation::kNone;
  return is_seen && MapsIndependently(local_.network) &&
         MapsIndependently(*remote_network_);
}

const Endpoint* PeerLink::MappedBase() const {
  const auto found = std::ranges::find_if(
      local_.reflexive, [this](const ReflexiveAddress& address) {
        return address.base.address.is_v4() && address.base != fresh_base_ &&
               std::ranges::find(local_.bases, address.base) !=
                   local_.bases.end();
      });
  return found == local_.reflexive.end() ? nullptr : &found->base;
}

bool PeerLink::MayTakeFreshSocket() const {
  return is_active() && !has_direct() && tried_since_ &&
         fresh_tries_ < kMaxFreshTries && MayBePoisoned() &&
         MappedBase() != nullptr;
}

std::optional<Instant> PeerLink::FreshDue() const {
  if (is_controlling() || !MayTakeFreshSocket()) {
    return std::nullopt;
  }
  return *tried_since_ + kPatience;
}

void PeerLink::WantFreshSocket(Instant now) {
  const IpAddress address = MappedBase()->address;
  ReleaseFreshSocket(now);
  ++fresh_tries_;
  tried_since_.reset();
  events_.emplace_back(FreshSocketWantedEvent{address});
}

void PeerLink::HandleFreshSocket(Instant now,
                                 const std::optional<Endpoint>& socket) {
  if (!socket) {
    return;
  }
  ReleaseFreshSocket(now);
  fresh_base_ = socket;
  awaits_fresh_address_ = true;
  if (!agent_ || !is_active() || has_direct()) {
    ReleaseFreshSocket(now);
  }
}

void PeerLink::ReleaseFreshSocket(Instant now) {
  if (!fresh_base_) {
    return;
  }
  const Endpoint socket = *fresh_base_;
  fresh_base_.reset();
  awaits_fresh_address_ = false;
  uses_fresh_base_ = false;
  if (agent_) {
    agent_->RemoveHostBase(now, socket);
    FeedAgent(now);  // the one that it stood for
  }
  events_.emplace_back(SocketReleasedEvent{socket});
}

void PeerLink::UseFreshSocket(Instant now) {
  const bool is_known = std::ranges::any_of(
      local_.reflexive, [this](const ReflexiveAddress& address) {
        return address.base == fresh_base_;
      });
  if (!awaits_fresh_address_ || !is_known || has_direct()) {
    return;
  }
  awaits_fresh_address_ = false;
  is_resync_ = !is_controlling();
  hints_first_ = is_controlling();
  signal_rtt_ = {};
  BeginSession(now);
}

void PeerLink::NoteSignalRtt(Instant now) {
  if (is_resync_ && signal_rtt_.count() == 0) {
    const Duration rtt = std::min<Duration>(now - requested_at_, kLongestRtt);
    signal_rtt_ = std::chrono::duration_cast<decltype(signal_rtt_)>(rtt);
  }
}

bool PeerLink::HoldOffer(Instant now, const Offer& offer) {
  if (held_) {
    held_->offer = offer;
    return true;
  }
  if (!is_resync_ || has_direct()) {
    return false;
  }
  is_resync_ = false;
  // Our answer takes half a round trip of the signals; the other side begins
  // when it has it.
  held_ = HeldOffer{offer, now + Duration(signal_rtt_) / 2};
  return true;
}

bool PeerLink::IsSecondAttempt(Instant now) const {
  // The peer's clock may have run a little faster.
  constexpr Duration kSlack = seconds(1);
  return tried_since_ && now + kSlack >= *tried_since_ + kPatience &&
         MayBePoisoned();
}

void PeerLink::HintReflexive(Instant now, const IceDescription& description) {
  std::vector<Endpoint> all;
  std::vector<Endpoint> news;
  for (const ice::Candidate& candidate : description.candidates) {
    if (candidate.type != ice::CandidateType::kServerReflexive) {
      continue;
    }
    all.push_back(candidate.endpoint);
    if (std::ranges::find(remote_reflexive_, candidate.endpoint) ==
        remote_reflexive_.end()) {
      news.push_back(candidate.endpoint);
    }
  }
  if (std::exchange(hints_first_, false)) {
    for (const Endpoint& endpoint : news.empty() ? all : news) {
      (void)agent_->AddRemoteEndpointHint(now, endpoint);
    }
  }
  remote_reflexive_ = std::move(all);
}

void PeerLink::TakeHeldOffer(Instant now) {
  if (!held_ || now < held_->until) {
    return;
  }
  const Offer offer = std::move(held_->offer);
  held_.reset();
  if (agent_) {
    hints_first_ = true;
    TakeDescription(now, offer);
    DrainAgentEvents(now);
  }
}

}  // namespace natkit::mesh
