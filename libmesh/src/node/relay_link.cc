#include "node/relay_link.h"

#include <algorithm>
#include <chrono>

#include "natkit/base/check.h"
#include "natkit/base/queue.h"
#include "node/earlier.h"

namespace natkit::mesh {

namespace {

using std::chrono::milliseconds;

// Packets that wait for the stream. Deeper than a DERP server's 32: this is
// the sender's own queue, and TCP inside the tunnel needs room for a burst.
constexpr size_t kQueueDepth = 256;

// What a live relay's answer to a ping takes at most; TCP may lose one segment.
/// A ping may be answered after two round trips and a repetition by TCP.
constexpr Duration kMinProbeTime = milliseconds(400);
constexpr Duration kMaxProbeTime = std::chrono::seconds(1);
constexpr Duration kProbeSlack = milliseconds(300);
/// Nothing speaks against the stream but silence: TCP may repeat some segments.
constexpr Duration kIdleProbeTime = std::chrono::seconds(4);

Duration Backoff(uint32_t failures, Rng& rng) {
  const int64_t base =
      std::min<int64_t>(5000, int64_t{10} * failures * failures);
  return milliseconds(base / 2 + static_cast<int64_t>(rng.Below(
                                     static_cast<uint64_t>(base) + 1)));
}

std::string DescribeClose(const derp::ClientClosed& closed) {
  switch (closed.reason) {
    case derp::ClientCloseReason::kStreamClosed:
      return "the relay closed the connection";
    case derp::ClientCloseReason::kLoginTimeout:
      return "the relay did not answer the login in time";
    case derp::ClientCloseReason::kReadTimeout:
      return "nothing heard from the relay for two minutes";
    case derp::ClientCloseReason::kUpgradeRefused:
      return "the relay refused the upgrade to DERP (HTTP status " +
             std::to_string(closed.http_status) + ")";
    case derp::ClientCloseReason::kProtocolError:
      return "the relay broke the protocol: " +
             std::string(ErrcName(closed.error));
  }
  return "closed";
}

}  // namespace

RelayLink::RelayLink(const StaticPrivateKey& key, const RelayEntry& entry,
                     bool is_home, Rng& rng)
    : key_(key.Clone()),
      name_(entry.name),
      host_(entry.host),
      is_home_(is_home),
      rng_(&rng) {}

void RelayLink::Start(Instant now) {
  connect_at_ = now;
}

void RelayLink::HandleOpen(Instant now,
                           const std::optional<PublicKey>& server_key) {
  if (state_ != State::kConnecting) {
    return;
  }
  derp::ClientConfig config;
  config.private_key = key_.Clone();
  config.host = host_;
  config.queue_depth = kQueueDepth;
  client_ = std::make_unique<derp::ClientCore>(std::move(config), *rng_);
  client_->Start(now, server_key);
  if (is_home_) {
    client_->NotePreferred(derp::HomeRegion::kYes);
  }
  state_ = State::kLoggingIn;
  DrainClient(now);
}

void RelayLink::HandleBytes(Instant now, ByteView bytes) {
  probe_ends_at_.reset();
  heard_at_ = now;
  if (client_) {
    client_->HandleBytes(now, bytes);
    DrainClient(now);
  }
}

void RelayLink::HandleClosed(Instant now, std::string_view reason) {
  if (state_ != State::kDown) {
    Fail(now, std::string(reason));
  }
}

void RelayLink::HandleTimeout(Instant now) {
  if (connect_at_ && now >= *connect_at_) {
    connect_at_.reset();
    state_ = State::kConnecting;
    commands_.push_back(StreamCommand::kConnect);
  }
  if (probe_ends_at_ && now >= *probe_ends_at_) {
    Reconnect(now);
  }
  if (const auto idle = IdleCheckTime(); idle && now >= *idle) {
    Ask(now, kIdleProbeTime);
  }
  if (client_) {
    client_->HandleTimeout(now);
    DrainClient(now);
  }
}

void RelayLink::Probe(Instant now) {
  if (is_up()) {
    Ask(now, round_trip_ ? std::clamp(2 * *round_trip_ + kProbeSlack,
                                      kMinProbeTime, kMaxProbeTime)
                         : kMaxProbeTime);
  }
}

void RelayLink::SetHome(bool is_home) {
  if (is_home == is_home_) {
    return;
  }
  is_home_ = is_home;
  if (client_) {
    client_->NotePreferred(is_home ? derp::HomeRegion::kYes
                                   : derp::HomeRegion::kNo);
  }
}

void RelayLink::Ask(Instant now, Duration patience) {
  if (!probe_ends_at_) {
    client_->Ping(now);
  }
  probe_ends_at_ =
      std::min(probe_ends_at_.value_or(Instant::max()), now + patience);
}

std::optional<Instant> RelayLink::IdleCheckTime() const {
  if (!is_up() || !idle_check_ || probe_ends_at_) {
    return std::nullopt;
  }
  return heard_at_ + *idle_check_;
}

void RelayLink::Reconnect(Instant now) {
  if (state_ == State::kDown) {
    failures_ = 0;
    connect_at_ = now;
    return;
  }
  commands_.push_back(StreamCommand::kClose);
  Fail(now, "the network changed");
  failures_ = 0;
  connect_at_ = now;
}

void RelayLink::Fail(Instant now, std::string reason) {
  const bool is_news = is_up() || reason != told_reason_;
  state_ = State::kDown;
  client_.reset();
  probe_ends_at_.reset();
  connect_at_ = now + Backoff(++failures_, *rng_);
  if (is_news) {
    told_reason_ = reason;
    events_.emplace_back(RelayDown{std::move(reason)});
  }
}

void RelayLink::DrainClient(Instant now) {
  while (client_) {
    const auto event = client_->PollEvent();
    if (!event) {
      return;
    }
    HandleClientEvent(now, *event);
  }
}

void RelayLink::HandleClientEvent(Instant now, const derp::ClientEvent& event) {
  if (const auto* packet = std::get_if<derp::ClientPacket>(&event)) {
    events_.emplace_back(
        RelayedPacket{.source = packet->source,
                      .bytes = {packet->data.begin(), packet->data.end()}});
  } else if (std::holds_alternative<derp::ClientConnected>(event)) {
    state_ = State::kUp;
    failures_ = 0;
    told_reason_.reset();
    events_.emplace_back(RelayUp{});
    client_->Ping(now);  // for round_trip_
  } else if (const auto* pong = std::get_if<derp::ClientPong>(&event)) {
    round_trip_ = pong->round_trip;
    events_.emplace_back(RelayMeasured{pong->round_trip});
  } else if (const auto* gone = std::get_if<derp::PeerGone>(&event)) {
    events_.emplace_back(RelayPeerGone{gone->peer});
  } else if (const auto* closed = std::get_if<derp::ClientClosed>(&event)) {
    commands_.push_back(StreamCommand::kClose);
    Fail(now, DescribeClose(*closed));
  }
}

bool RelayLink::Send(Instant now, const PublicKey& to, ByteView bytes) {
  if (!is_up()) {
    return false;
  }
  const uint64_t before = client_->counters().dropped_oldest;
  const bool is_queued = client_->SendPacket(now, to, bytes).has_value();
  dropped_ += client_->counters().dropped_oldest - before;
  return is_queued;
}

size_t RelayLink::PollTransmit(Instant now, MutableBytes out) {
  return client_ ? client_->PollTransmit(now, out) : 0;
}

std::optional<StreamCommand> RelayLink::PollCommand() {
  return TakeFront(commands_);
}

std::optional<RelayEvent> RelayLink::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> RelayLink::NextTimeout() const {
  const auto client = client_ ? client_->NextTimeout() : std::nullopt;
  return Earlier(Earlier(client, connect_at_),
                 Earlier(probe_ends_at_, IdleCheckTime()));
}

}  // namespace natkit::mesh
