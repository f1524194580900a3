#include <algorithm>
#include <vector>

#include "registry/registry_impl.h"

namespace natkit::mesh {

namespace {

constexpr std::chrono::hours kPendingLifetime{24};

/// The earlier of two moments that need not be.
void Earlier(std::optional<WallTime>& next, WallTime candidate) {
  next = next ? std::min(*next, candidate) : candidate;
}

}  // namespace

std::optional<WallTime> Registry::Impl::VanishesAt(
    const NodeRecord& node) const {
  if (live(node.id).is_online) {
    return std::nullopt;
  }
  switch (node.status) {
    case NodeStatus::kPendingApproval:
      return node.last_seen + kPendingLifetime;
    case NodeStatus::kActive:
      break;
  }
  return node.is_ephemeral
             ? std::optional<WallTime>(node.last_seen + config_.ephemeral_grace)
             : std::nullopt;
}

std::optional<WallTime> Registry::Impl::RotationEndsAt(
    const NodeRecord& node) const {
  return node.next_key && live(node.id).is_online
             ? std::optional<WallTime>(node.next_key_since +
                                       config_.next_key_lifetime)
             : std::nullopt;
}

std::optional<WallTime> Registry::Impl::DeadlineOf(NodeId id) const {
  const NodeRecord* node = FindNode(id);
  if (node == nullptr) {
    return std::nullopt;
  }
  std::optional<WallTime> next = VanishesAt(*node);
  if (const auto at = RotationEndsAt(*node)) {
    Earlier(next, *at);
  }
  if (node->key_expiry && !expired_.contains(id)) {
    Earlier(next, *node->key_expiry);
  }
  return next;
}

void Registry::Impl::UpdateDeadlines() {
  for (const NodeId id : moved_) {
    const auto old = deadline_of_.find(id);
    if (old != deadline_of_.end()) {
      deadlines_.erase({old->second, id});
      deadline_of_.erase(old);
    }
    if (const auto at = DeadlineOf(id)) {
      deadlines_.emplace(*at, id);
      deadline_of_.emplace(id, *at);
    }
  }
  moved_.clear();
}

std::optional<WallTime> Registry::Impl::NextTimeout() {
  UpdateDeadlines();
  return deadlines_.empty() ? std::nullopt
                            : std::optional(deadlines_.begin()->first);
}

void Registry::Impl::HandleTimeout(WallTime now) {
  ForgetExpiries(now);
  ForgetReleased(now);
  UpdateDeadlines();
  std::vector<NodeId> due;
  for (const auto& [at, id] : deadlines_) {
    if (at > now) {
      break;
    }
    due.push_back(id);
  }
  for (const NodeId id : due) {
    HandleDue(now, id);
  }
}

void Registry::Impl::HandleDue(WallTime now, NodeId id) {
  NodeRecord& node = nodes.at(id);
  const auto is_due = [now](const std::optional<WallTime>& at) {
    return at && *at <= now;
  };
  if (is_due(VanishesAt(node))) {
    Note({.now = now,
          .type = "node_vanished",
          .actor = "coordd",
          .subject = node.name});
    Remove(now, id, false);
    return;
  }
  if (is_due(RotationEndsAt(node))) {
    AbortKey(now, id);
  }
  if (is_due(node.key_expiry) && expired_.insert(id).second) {
    node.is_expiry_told = true;
    DirtyNode(id);
    changes.revoked.insert(id);
    Note({.now = now,
          .type = "node_key_expired",
          .actor = "coordd",
          .subject = node.name});
  }
}

/// After the clock was set back, an expiry that was told lies ahead again.
void Registry::Impl::ForgetExpiries(WallTime now) {
  std::erase_if(expired_, [&](NodeId id) {
    NodeRecord& node = nodes.at(id);
    const bool is_ahead = !node.key_expiry || *node.key_expiry > now;
    if (is_ahead) {
      node.is_expiry_told = false;
      DirtyNode(id);
    }
    return is_ahead;
  });
}

void Registry::Impl::ResetExpiry(NodeRecord& node) {
  expired_.erase(node.id);
  node.is_expiry_told = false;
  node.is_expiry_fixed = false;
}

void Registry::Impl::ForgetReleased(WallTime now) {
  while (!resting_.empty() &&
         resting_.begin()->first + AddressPool::kRest <= now) {
    const auto [since, address] = *resting_.begin();
    resting_.erase(resting_.begin());
    const auto found = released_.find(address);
    if (found != released_.end() && found->second.released == since) {
      released_.erase(found);
      pool_->Forget({address});
      Dirty("released_address", address.ToString());
    }
  }
}

}  // namespace natkit::mesh
