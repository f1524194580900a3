#include "ice/check_list.h"

#include <algorithm>
#include <utility>

namespace natkit::ice {

bool CanPair(const IpAddress& local, const IpAddress& remote) {
  if (local.family() != remote.family()) {
    return false;
  }
  return local.is_v4() || local.is_link_local() == remote.is_link_local();
}

Pair* CheckList::Insert(const Candidate& local, const Candidate& remote,
                        const std::optional<PairKey>& keep) {
  const PairKey key{.base = local.base, .remote = remote.endpoint};
  if (Pair* known = Find(key)) {
    return known;
  }
  Pair pair{.key = key,
            .local_priority = local.priority,
            .remote_priority = remote.priority,
            .remote_type = remote.type,
            .foundation = local.foundation + ":" + remote.foundation};
  SetPriority(pair);
  if (pairs_.size() >= limits_.max_pairs && !MakeRoom(pair.priority, keep)) {
    return nullptr;
  }
  // RFC 8838 section 12: Waiting if nothing of its foundation is on its way.
  pair.state = limits_.freezing && IsFoundationActive(pair.foundation)
                   ? PairState::kFrozen
                   : PairState::kWaiting;
  return &pairs_.emplace(key, std::move(pair)).first->second;
}

Pair* CheckList::Find(const PairKey& key) {
  const auto found = pairs_.find(key);
  return found == pairs_.end() ? nullptr : &found->second;
}

const Pair* CheckList::Find(const PairKey& key) const {
  const auto found = pairs_.find(key);
  return found == pairs_.end() ? nullptr : &found->second;
}

void CheckList::RemoveBase(const Endpoint& base) {
  std::erase_if(triggered_,
                [&](const PairKey& key) { return key.base == base; });
  std::erase_if(pairs_,
                [&](const auto& entry) { return entry.first.base == base; });
}

void CheckList::RemoveRemote(const Endpoint& remote) {
  std::erase_if(triggered_,
                [&](const PairKey& key) { return key.remote == remote; });
  std::erase_if(
      pairs_, [&](const auto& entry) { return entry.first.remote == remote; });
}

void CheckList::UpdateRemote(const Candidate& remote) {
  for (auto& [key, pair] : pairs_) {
    if (key.remote == remote.endpoint) {
      pair.remote_type = remote.type;
      pair.remote_priority = remote.priority;
      SetPriority(pair);
    }
  }
}

void CheckList::SetRole(Role role) {
  role_ = role;
  for (auto& [key, pair] : pairs_) {
    SetPriority(pair);
  }
}

void CheckList::Trigger(Pair& pair) {
  if (!pair.is_triggered) {
    pair.is_triggered = true;
    triggered_.push_back(pair.key);
  }
}

void CheckList::TriggerFirst(Pair& pair) {
  CancelTrigger(pair);
  pair.is_triggered = true;
  triggered_.push_front(pair.key);
}

void CheckList::CancelTrigger(Pair& pair) {
  if (pair.is_triggered) {
    pair.is_triggered = false;
    std::erase(triggered_, pair.key);
  }
}

Pair* CheckList::TakeNext() {
  if (!triggered_.empty()) {
    Pair* pair = Find(triggered_.front());
    triggered_.pop_front();
    pair->is_triggered = false;
    return pair;
  }
  Pair* next = nullptr;
  if (last_family_) {
    next = HighestWaiting(*last_family_ == AddressFamily::kIpv4
                              ? AddressFamily::kIpv6
                              : AddressFamily::kIpv4);
  }
  if (next == nullptr) {
    next = HighestWaiting(std::nullopt);
  }
  if (next == nullptr) {
    next = HighestUnfreezable();
  }
  if (next != nullptr) {
    last_family_ = next->key.remote.address.family();
  }
  return next;
}

bool CheckList::has_work() const {
  if (!triggered_.empty()) {
    return true;
  }
  return std::ranges::any_of(pairs_, [this](const auto& entry) {
    const Pair& pair = entry.second;
    return pair.state == PairState::kWaiting ||
           (pair.state == PairState::kFrozen &&
            !IsFoundationActive(pair.foundation));
  });
}

void CheckList::SetSucceeded(Pair& pair) {
  pair.state = PairState::kSucceeded;
  pair.check.reset();
  Unfreeze(pair.foundation);
}

void CheckList::SetFailed(Pair& pair, Instant now) {
  pair.state = PairState::kFailed;
  pair.check.reset();
  pair.probe.reset();
  pair.failed_at = now;
}

void CheckList::Reopen(Pair& pair) {
  if (pair.state == PairState::kSucceeded || pair.state == PairState::kFailed) {
    pair.state = PairState::kWaiting;
  }
}

const Pair* CheckList::BestSucceeded(
    const std::optional<PairKey>& except) const {
  const Pair* best = nullptr;
  for (const auto& [key, pair] : pairs_) {
    if (pair.state == PairState::kSucceeded && key != except &&
        (best == nullptr || pair.priority > best->priority)) {
      best = &pair;
    }
  }
  return best;
}

bool CheckList::HasPendingAbove(uint64_t priority) const {
  return std::ranges::any_of(pairs_, [priority](const auto& entry) {
    const Pair& pair = entry.second;
    return pair.priority > priority && pair.state != PairState::kSucceeded &&
           pair.state != PairState::kFailed;
  });
}

bool CheckList::all_failed() const {
  return std::ranges::all_of(pairs_, [](const auto& entry) {
    return entry.second.state == PairState::kFailed &&
           !entry.second.is_triggered;
  });
}

size_t CheckList::active_count() const {
  return static_cast<size_t>(
      std::ranges::count_if(pairs_, [](const auto& entry) {
        return entry.second.state == PairState::kWaiting ||
               entry.second.state == PairState::kInProgress;
      }));
}

void CheckList::SetPriority(Pair& pair) const {
  pair.priority = role_ == Role::kControlling
                      ? PairPriority(pair.local_priority, pair.remote_priority)
                      : PairPriority(pair.remote_priority, pair.local_priority);
}

bool CheckList::MakeRoom(uint64_t priority,
                         const std::optional<PairKey>& keep) {
  const Pair* lowest = nullptr;
  for (const auto& [key, pair] : pairs_) {
    const bool is_needed = key == keep || pair.is_triggered ||
                           pair.state == PairState::kInProgress ||
                           pair.state == PairState::kSucceeded;
    if (!is_needed && pair.priority < priority &&
        (lowest == nullptr || pair.priority < lowest->priority)) {
      lowest = &pair;
    }
  }
  if (lowest == nullptr) {
    return false;
  }
  pairs_.erase(PairKey(lowest->key));
  return true;
}

bool CheckList::IsFoundationActive(const std::string& foundation) const {
  return std::ranges::any_of(pairs_, [&](const auto& entry) {
    const Pair& pair = entry.second;
    return pair.foundation == foundation &&
           (pair.state == PairState::kWaiting ||
            pair.state == PairState::kInProgress);
  });
}

void CheckList::Unfreeze(const std::string& foundation) {
  for (auto& [key, pair] : pairs_) {
    if (pair.state == PairState::kFrozen && pair.foundation == foundation) {
      pair.state = PairState::kWaiting;
    }
  }
}

Pair* CheckList::HighestWaiting(std::optional<AddressFamily> family) {
  Pair* best = nullptr;
  for (auto& [key, pair] : pairs_) {
    const bool is_asked = !family || key.remote.address.family() == *family;
    if (pair.state == PairState::kWaiting && is_asked &&
        (best == nullptr || pair.priority > best->priority)) {
      best = &pair;
    }
  }
  return best;
}

Pair* CheckList::HighestUnfreezable() {
  Pair* best = nullptr;
  for (auto& [key, pair] : pairs_) {
    if (pair.state == PairState::kFrozen &&
        !IsFoundationActive(pair.foundation) &&
        (best == nullptr || pair.priority > best->priority)) {
      best = &pair;
    }
  }
  return best;
}

}  // namespace natkit::ice
