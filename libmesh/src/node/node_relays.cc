#include <algorithm>
#include <set>

#include "natkit/base/check.h"
#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

constexpr RelayId kMaxRelay = 0xffff;
constexpr unsigned kGenerationShift = 16;

/// Whether one stream serves both; the rest concerns nobody but us.
bool IsSameStream(const RelayEntry& one, const RelayEntry& other) {
  return one.name == other.name && one.host == other.host &&
         one.port == other.port && one.pin == other.pin &&
         one.is_plain == other.is_plain;
}

}  // namespace

bool RelayConfig::operator==(const RelayConfig& other) const {
  return id == other.id && IsSameStream(entry, other.entry) &&
         entry.stun_port == other.entry.stun_port;
}

RelayId Node::Impl::FindRelay(const std::string& name) const {
  const auto& relays = config_.mesh.relays;
  const auto found = std::ranges::find(relays, name, &RelayEntry::name);
  return found == relays.end() ? 0
                               : static_cast<RelayId>(found - relays.begin());
}

std::string Node::Impl::RelayName(RelayId relay) const {
  const auto found = relay_configs_.find(relay);
  return found == relay_configs_.end() ? "" : found->second.entry.name;
}

RelayId Node::Impl::StreamOf(RelayId relay) const {
  return relay | RelayId{generation_} << kGenerationShift;
}

bool Node::Impl::IsCurrent(RelayId stream) const {
  return stream == StreamOf(RelayOf(stream));
}

std::optional<RelayId> Node::Impl::UpStream(RelayId relay) const {
  const auto is_up = [this](RelayId stream) {
    const auto found = relays_.find(stream);
    return found != relays_.end() && found->second.is_up();
  };
  if (is_up(StreamOf(relay))) {
    return StreamOf(relay);
  }
  const auto before = static_cast<uint16_t>(generation_ - 1);
  const RelayId old = relay | RelayId{before} << kGenerationShift;
  return is_up(old) ? std::optional(old) : std::nullopt;
}

bool Node::Impl::HasRelay() const {
  return std::ranges::any_of(
      relays_, [](const auto& entry) { return entry.second.is_up(); });
}

void Node::Impl::OpenRelay(Instant now, const RelayConfig& relay) {
  relay_configs_[relay.id] = relay;
  const auto [entry, is_new] =
      relays_.try_emplace(StreamOf(relay.id), *device_.private_key(),
                          relay.entry, relay.id == home_relay_, rng_);
  NATKIT_CHECK(is_new);
  if (is_started_) {
    entry->second.Start(now);
  }
}

void Node::Impl::CloseStream(RelayId stream) {
  const auto found = relays_.find(stream);
  if (found == relays_.end()) {
    return;
  }
  // The shell may have yet to open it: commands keep their order.
  while (const auto command = found->second.PollCommand()) {
    if (*command == StreamCommand::kConnect) {
      commands_.emplace_back(RelayConnect{stream});
    } else {
      commands_.emplace_back(RelayClose{stream});
    }
  }
  if (found->second.has_stream()) {
    commands_.emplace_back(RelayClose{stream});
  }
  if (found->second.is_up() && IsCurrent(stream)) {
    events_.emplace_back(RelayChanged{
        .relay = RelayOf(stream), .is_up = false, .reason = "removed"});
  }
  relays_.erase(found);
}

void Node::Impl::CloseRelay(RelayId relay) {
  for (auto next = relays_.begin(); next != relays_.end();) {
    const RelayId stream = (next++)->first;
    if (RelayOf(stream) == relay) {
      CloseStream(stream);
    }
  }
  relay_configs_.erase(relay);
  for (const auto& [id, peer] : peers_) {
    if (peer->heard_on == relay) {
      peer->heard_on.reset();
    }
  }
}

void Node::Impl::UpdateHome() {
  const auto home = home_.home();
  if (!home || home == home_relay_) {
    return;
  }
  home_relay_ = home;
  for (auto& [stream, relay] : relays_) {
    if (IsCurrent(stream)) {
      relay.SetHome(RelayOf(stream) == home_relay_);
    }
  }
  events_.emplace_back(
      HomeChanged{.relay = *home, .round_trip = home_.Distance(*home)});
}

Result<void> Node::Impl::SetRelays(Instant now,
                                   const std::vector<RelayConfig>& relays,
                                   std::optional<RelayId> home) {
  std::map<RelayId, const RelayConfig*> wanted;
  for (const RelayConfig& relay : relays) {
    if (relay.id > kMaxRelay || !wanted.emplace(relay.id, &relay).second) {
      return Fail(Errc::kBadValue);
    }
  }
  const bool is_first = relay_configs_.empty();
  for (auto next = relay_configs_.begin(); next != relay_configs_.end();) {
    const RelayId id = next->first;
    const RelayEntry& entry = (next++)->second.entry;
    const auto found = wanted.find(id);
    if (found == wanted.end() || !IsSameStream(entry, found->second->entry)) {
      home_.HandleDown(now, id);
      CloseRelay(id);
    }
  }
  std::set<RelayId> choice;
  if (!home) {
    for (const auto& [id, relay] : wanted) {
      choice.insert(id);
    }
  }
  home_.SetRelays(now, choice);
  for (const RelayId relay : choice) {
    if (UpStream(relay)) {
      home_.HandleUp(now, relay);
    }
  }
  if (home || choice.empty() || is_first) {
    home_relay_ = home ? home : home_.home();
  }
  for (const auto& [id, relay] : wanted) {
    if (relay_configs_.contains(id)) {
      relay_configs_[id] = *relay;
      relays_.at(StreamOf(id)).SetHome(id == home_relay_);
    } else {
      OpenRelay(now, *relay);
    }
  }
  SetRelayChecks();
  TouchAll();
  Settle(now);
  return {};
}

}  // namespace natkit::mesh
