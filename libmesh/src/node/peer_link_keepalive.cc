#include <algorithm>

#include "node/peer_link.h"

namespace natkit::mesh {

void PeerLink::SetTraffic(Instant now) {
  last_traffic_ = now;
  active_until_ = now + (has_direct() ? kPathKept : kIdleAfter);
  if (agent_) {
    agent_->NoteData(now);
  }
}

void PeerLink::UpdateKeepalive(Instant now) {
  KeepLessons();
  nat::NatTraits traits;
  const auto path = agent_ ? agent_->selected() : std::nullopt;
  if (!path || path->local_base.address.is_v4()) {
    traits.assured_lifetime = local_.mapping_lifetime;
  }  // else it is a firewall that keeps it
  keepalive_.SetTraits(traits);
  keepalive_.SetPower(std::max(
      local_.network.power, remote_network_.value_or(nat::PathSide{}).power));
  if (agent_) {
    agent_->SetKeepalive(now, keepalive_);
  }
}

void PeerLink::KeepLessons() {
  if (agent_) {
    keepalive_ = agent_->keepalive();
  }
}

void PeerLink::ExtendActivity(Instant now, bool has_path) {
  if (!active_until_) {
    return;
  }
  if (has_path) {
    active_until_ = std::max(*active_until_, last_traffic_ + kPathKept);
  } else if (now >= last_traffic_ + kIdleAfter) {
    // It ended while nobody used it. Where a battery pays, the next data will
    // find another one; otherwise one is looked for, once.
    const bool is_worth_it = keepalive_.power() != nat::PowerMode::kMobileIdle;
    active_until_ = is_worth_it ? now + kIdleAfter : now;
  }
}

}  // namespace natkit::mesh
