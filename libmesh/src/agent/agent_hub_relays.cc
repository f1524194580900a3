// A hub's relays, and the signals and data that go over them.

#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/agent_hub_impl.h"
#include "natkit/derp/frame.h"

namespace natkit::mesh {

namespace {

// Signals of many agents at once would push each other out of the queue before
// a relay's stream: 100 go at once, then 50 every 50 ms.
constexpr Duration kSignalTime = std::chrono::milliseconds(1);
constexpr Duration kSignalBurst = 100 * kSignalTime;

/// Relayed packets that wait for the owner; the oldest go first. No 64 KiB of
/// a relay's bytes hold more: an owner who polls after each loses none.
constexpr size_t kMaxRelayed = 2048;

}  // namespace

void AgentHub::Impl::NoteRelay(const RelayEntry& relay) {
  surroundings_.relay_names.push_back(relay.name);
  if (!surroundings_.place) {
    surroundings_.place =
        RelayPlace{.key = surroundings_.own_key, .relay = relay.name};
  }
}

Result<RelayId> AgentHub::Impl::AddRelay(const RelayEntry& relay) {
  if (last_id_ != 0) {
    return Fail(Errc::kInvalidState);
  }
  if (relay.name.empty() || relay.name.size() > kMaxRelayName ||
      relay.name.find_first_of(" \r\n") != std::string::npos) {
    return Fail(Errc::kBadValue);
  }
  const auto& names = surroundings_.relay_names;
  if (std::ranges::find(names, relay.name) != names.end()) {
    return Fail(Errc::kAlreadyExists);
  }
  config_.relays.push_back(relay);
  NoteRelay(relay);
  return static_cast<RelayId>(names.size() - 1);
}

void AgentHub::Impl::HandleRelayOpen(
    Instant now, RelayId relay, const std::optional<PublicKey>& server_key) {
  if (const auto found = relays_.find(relay); found != relays_.end()) {
    found->second.HandleOpen(now, server_key);
    DrainRelay(now, relay);
  }
}

void AgentHub::Impl::HandleRelayBytes(Instant now, RelayId relay,
                                      ByteView bytes) {
  if (const auto found = relays_.find(relay); found != relays_.end()) {
    found->second.HandleBytes(now, bytes);
    DrainRelay(now, relay);
  }
}

void AgentHub::Impl::HandleRelayClosed(Instant now, RelayId relay,
                                       std::string_view reason) {
  if (const auto found = relays_.find(relay); found != relays_.end()) {
    found->second.HandleClosed(now, reason);
    DrainRelay(now, relay);
  }
}

size_t AgentHub::Impl::PollRelayBytes(Instant now, RelayId relay,
                                      MutableBytes out) {
  const auto found = relays_.find(relay);
  return found == relays_.end() ? 0 : found->second.PollTransmit(now, out);
}

void AgentHub::Impl::DrainRelay(Instant now, RelayId relay) {
  RelayLink& link = relays_.at(relay);
  while (const auto command = link.PollCommand()) {
    if (*command == StreamCommand::kConnect) {
      commands_.emplace_back(RelayConnect{relay});
    } else {
      commands_.emplace_back(RelayClose{relay});
    }
  }
  while (auto event = link.PollEvent()) {
    HandleRelayEvent(now, relay, *event);
  }
}

void AgentHub::Impl::HandleRelayEvent(Instant now, RelayId relay,
                                      RelayEvent& event) {
  if (auto* packet = std::get_if<RelayedPacket>(&event)) {
    TakeRelayed(now, relay, *packet);
  } else if (std::holds_alternative<RelayUp>(event)) {
    surroundings_.relays_up.insert(relay);
    PushEvent(HubRelayChanged{.relay = relay, .is_up = true});
    for (const auto& [id, member] : agents_) {
      member->connection.HandleRelayUp(now);
      Drain(now, *member);
    }
  } else if (auto* down = std::get_if<RelayDown>(&event)) {
    surroundings_.relays_up.erase(relay);
    PushEvent(HubRelayChanged{
        .relay = relay, .is_up = false, .reason = std::move(down->reason)});
    for (const auto& [id, member] : agents_) {
      member->connection.HandlePeerGone(now, relay);
      Drain(now, *member);
    }
  } else if (const auto* gone = std::get_if<RelayPeerGone>(&event)) {
    const auto found = by_peer_.find(gone->peer);
    if (found != by_peer_.end()) {
      Member& member = *FindMember(found->second);
      member.connection.HandlePeerGone(now, relay);
      Drain(now, member);
    }
  }
}

void AgentHub::Impl::TakeRelayed(Instant now, RelayId relay,
                                 RelayedPacket& packet) {
  const auto found = by_peer_.find(packet.source);
  if (found == by_peer_.end()) {
    ++counters_.dropped_relayed;
    return;
  }
  Member& member = *FindMember(found->second);
  const bool is_signal = LooksLikeSignal(packet.bytes) &&
                         TakeSignal(now, relay, member, packet.bytes);
  if (!is_signal) {
    member.connection.NoteRelayed(now, relay);
    member.connection.NoteData(now);
    relayed_.push_back(
        {.agent = found->second, .bytes = std::move(packet.bytes)});
    if (relayed_.size() > kMaxRelayed) {
      relayed_.pop_front();
      ++counters_.dropped_relayed;
    }
  }
  Drain(now, member);
}

bool AgentHub::Impl::TakeSignal(Instant now, RelayId relay, Member& member,
                                ByteView packet) {
  const auto signal = member.box->Open(packet);
  if (!signal) {
    return false;  // data may begin with anything
  }
  if (!member.replay.Accept(*signal, member.connection.IsFresh(*signal))) {
    ++counters_.dropped_bad_signals;
    if (member.replay.IsOfOtherBoot(*signal)) {
      member.connection.AskAgain(now);
    }
    return true;
  }
  if (const auto* offer = std::get_if<Offer>(&signal->body)) {
    member.connection.HandleSignal(now, relay, *offer);
  } else if (const auto* answer = std::get_if<Answer>(&signal->body)) {
    member.connection.HandleSignal(now, relay, *answer);
  } else {
    ++counters_.dropped_bad_signals;
  }
  return true;
}

bool AgentHub::Impl::MaySignal(Instant now) const {
  return now >= signals_until_ - kSignalBurst;
}

std::optional<Instant> AgentHub::Impl::NextSignal() const {
  return waiting_.empty() ? std::nullopt
                          : std::optional(signals_until_ - kSignalBurst / 2);
}

void AgentHub::Impl::SendSignals(Instant now, Member& member) {
  while (!member.is_waiting && member.connection.has_signal()) {
    if (!MaySignal(now)) {
      member.is_waiting = true;
      waiting_.push_back(member.connection.id());
      return;
    }
    auto body = member.connection.PollSignal();
    if (body && !surroundings_.relays_up.empty()) {
      signals_until_ = std::max(signals_until_, now) + kSignalTime;
      SendSignal(now, member, *std::move(body));
    }
  }
}

void AgentHub::Impl::SendWaitingSignals(Instant now) {
  while (!waiting_.empty() && MaySignal(now)) {
    Member* const member = FindMember(waiting_.front());
    waiting_.pop_front();
    if (member != nullptr) {
      member->is_waiting = false;
      Drain(now, *member);
    }
  }
}

void AgentHub::Impl::SendSignal(Instant now, Member& member,
                                AgentConnection::SignalBody body) {
  const Duration unix_now = now.time_since_epoch() + config_.wall_clock_offset;
  const Signal signal{
      .boot = boot_,
      .sequence = ++sequence_,
      .sent_unix_ms = static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(unix_now)
              .count()),
      .body = std::move(body)};
  const std::vector<uint8_t> packet = member.box->Seal(signal, rng_);
  if (packet.empty()) {
    return;  // the key is of nobody
  }
  if (const auto relay = member.connection.relay()) {
    (void)relays_.at(*relay).Send(now, *member.peer, packet);
    return;
  }
  // Where the peer is, is not known yet; it takes the first copy.
  for (const RelayId relay : surroundings_.relays_up) {
    (void)relays_.at(relay).Send(now, *member.peer, packet);
  }
}

Result<void> AgentHub::Impl::SendRelayed(Instant now, AgentId agent,
                                         ByteView data) {
  Member* const member = FindMember(agent);
  if (member == nullptr) {
    return Fail(Errc::kNotFound);
  }
  const auto relay = member->connection.relay();
  if (!relay) {
    return Fail(Errc::kInvalidState);
  }
  if (data.size() > derp::kMaxPacketSize) {
    return Fail(Errc::kFrameTooLarge);
  }
  member->connection.NoteData(now);
  Drain(now, *member);
  RelayLink& link = relays_.at(*relay);
  const uint64_t before = link.dropped();
  const bool is_queued = link.Send(now, *member->peer, data);
  counters_.dropped_queued += link.dropped() - before;
  if (!is_queued) {
    return Fail(Errc::kLimitExceeded);
  }
  return {};
}

}  // namespace natkit::mesh
