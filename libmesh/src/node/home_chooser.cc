#include "node/home_chooser.h"

#include <algorithm>

#include "node/earlier.h"

namespace natkit::mesh {

void HomeChooser::SetRelays(Instant now, const std::set<RelayId>& relays) {
  std::erase_if(relays_, [&relays](const auto& entry) {
    return !relays.contains(entry.first);
  });
  for (const RelayId relay : relays) {
    relays_.try_emplace(relay, Relay{.since = now});
  }
  if (contender_ && !relays_.contains(contender_->first)) {
    contender_.reset();
  }
  if (relays_.empty()) {
    *this = HomeChooser();
    return;
  }
  if (!home_ || !relays_.contains(*home_)) {
    const auto nearest = Nearest();
    MoveTo(nearest ? nearest : std::optional(relays_.begin()->first));
  }
  Decide(now);
}

void HomeChooser::HandleUp(Instant now, RelayId relay) {
  const auto found = relays_.find(relay);
  if (found == relays_.end() || found->second.is_up) {
    return;
  }
  const bool is_first = std::ranges::none_of(
      relays_, [](const auto& entry) { return entry.second.is_up; });
  found->second = {.is_up = true, .since = now};
  if (is_first) {
    // The way to all of them was gone: the others come back soon, too.
    is_settled_ = false;
    settle_at_ = now + kSettleTime;
  }
  Decide(now);
}

void HomeChooser::HandleDown(Instant now, RelayId relay) {
  const auto found = relays_.find(relay);
  if (found == relays_.end() || !found->second.is_up) {
    return;
  }
  found->second = {.is_up = false, .since = now};
  Decide(now);
}

void HomeChooser::HandleRoundTrip(Instant now, RelayId relay,
                                  Duration round_trip) {
  const auto found = relays_.find(relay);
  if (found == relays_.end() || !found->second.is_up) {
    return;
  }
  auto& round_trips = found->second.round_trips;
  round_trips.push_back(round_trip);
  if (round_trips.size() > kRoundTrips) {
    round_trips.pop_front();
  }
  Decide(now);
}

void HomeChooser::HandleNetworkChange(Instant now) {
  for (auto& [id, relay] : relays_) {
    relay.round_trips.clear();
    relay.since = now;
  }
  is_settled_ = false;
  settle_at_ = now + kSettleTime;
  contender_.reset();
}

void HomeChooser::HandleTimeout(Instant now) {
  Decide(now);
}

std::optional<Duration> HomeChooser::Distance(RelayId relay) const {
  const auto found = relays_.find(relay);
  if (found == relays_.end() || found->second.round_trips.empty()) {
    return std::nullopt;
  }
  return *std::ranges::min_element(found->second.round_trips);
}

std::optional<RelayId> HomeChooser::Nearest() const {
  std::optional<std::pair<Duration, RelayId>> best;
  for (const auto& [id, relay] : relays_) {
    if (const auto distance = Distance(id)) {
      best = std::min(best.value_or(std::pair(*distance, id)),
                      std::pair(*distance, id));
    }
  }
  return best ? std::optional(best->second) : std::nullopt;
}

bool HomeChooser::IsNearer(RelayId relay, RelayId home) const {
  const auto distance = Distance(relay);
  const auto before = Distance(home);
  return distance && before && *before - *distance >= kLeastGain &&
         3 * *distance <= 2 * *before;
}

std::optional<RelayId> HomeChooser::FindContender() const {
  std::optional<RelayId> best;
  for (const auto& [id, relay] : relays_) {
    if (relay.is_trusted && IsNearer(id, *home_) &&
        (!best || Distance(id) < Distance(*best))) {
      best = id;
    }
  }
  return best;
}

void HomeChooser::MoveTo(std::optional<RelayId> relay) {
  home_ = relay;
  contender_.reset();
}

bool HomeChooser::Settle(Instant now) {
  if (is_settled_) {
    return true;
  }
  const bool is_all_measured = std::ranges::none_of(
      relays_,
      [](const auto& entry) { return entry.second.round_trips.empty(); });
  if (!is_all_measured && (!settle_at_ || now < *settle_at_)) {
    return false;
  }
  settle_at_.reset();
  is_settled_ = true;
  for (auto& [id, relay] : relays_) {
    relay.is_trusted = relay.is_up;
  }
  const auto nearest = Nearest();
  if (nearest && (!is_chosen_ || IsNearer(*nearest, *home_))) {
    is_chosen_ = true;
    MoveTo(nearest);
  }
  return true;
}

void HomeChooser::Decide(Instant now) {
  if (relays_.size() < 2 || !Settle(now)) {
    return;
  }
  const Relay& home = relays_.at(*home_);
  if (!home.is_up) {
    contender_.reset();
    const auto nearest = Nearest();  // what is down has no distance
    if (nearest && now >= home.since + kDeadAfter) {
      is_chosen_ = true;
      MoveTo(nearest);
    }
    return;
  }
  for (auto& [id, relay] : relays_) {
    relay.is_trusted |= relay.is_up && now >= relay.since + kTrustAfter;
  }
  const auto found = FindContender();
  if (!found) {
    contender_.reset();
  } else if (!contender_ || contender_->first != *found) {
    contender_.emplace(*found, now);
  } else if (now >= contender_->second + kSteady) {
    MoveTo(found);
  }
}

std::optional<Instant> HomeChooser::NextTimeout() const {
  if (relays_.size() < 2) {
    return std::nullopt;
  }
  if (!is_settled_) {
    return settle_at_;
  }
  const Relay& home = relays_.at(*home_);
  if (!home.is_up) {
    return Nearest() ? std::optional(home.since + kDeadAfter) : std::nullopt;
  }
  std::optional<Instant> next;
  if (contender_) {
    next = contender_->second + kSteady;
  }
  for (const auto& [id, relay] : relays_) {
    if (relay.is_up && !relay.is_trusted && IsNearer(id, *home_)) {
      next = Earlier(next, relay.since + kTrustAfter);
    }
  }
  return next;
}

}  // namespace natkit::mesh
