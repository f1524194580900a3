#include <algorithm>
#include <utility>

#include "client/client_impl.h"
#include "natkit/base/check.h"
#include "wire/sealed_box.h"

namespace natkit::derp {
namespace {

// Bounds on what waits for an owner who does not poll.
constexpr size_t kMaxArena = 4U << 20;
constexpr size_t kMaxEvents = 16384;
// An arena larger than this is given back once it is empty.
constexpr size_t kKeptArena = 256U << 10;
// Pings of the server that wait for their answer to leave.
constexpr size_t kMaxPongs = 16;

}  // namespace

const std::array<ClientCore::Impl::FrameEntry, 9>
    ClientCore::Impl::kFrameTable = {{
        {FrameType::kRecvPacket, &Impl::HandleRecvPacket},
        {FrameType::kServerKey, &Impl::HandleServerKey},
        {FrameType::kServerInfo, &Impl::HandleServerInfo},
        {FrameType::kPeerGone, &Impl::HandlePeerGone},
        {FrameType::kPeerPresent, &Impl::HandlePeerPresent},
        {FrameType::kPing, &Impl::HandlePing},
        {FrameType::kPong, &Impl::HandlePong},
        {FrameType::kHealth, &Impl::HandleHealth},
        {FrameType::kRestarting, &Impl::HandleRestarting},
    }};

void ClientCore::Impl::HandleBytes(Instant now, ByteView bytes) {
  if (phase_ == Phase::kIdle || phase_ == Phase::kClosed) {
    return;
  }
  ForgetPolledEvents();
  if (phase_ == Phase::kUpgrade) {
    HandleUpgrade(bytes);
  }
  if (phase_ != Phase::kUpgrade && phase_ != Phase::kClosed) {
    HandleFrames(now, bytes);
  }
}

void ClientCore::Impl::ForgetPolledEvents() {
  if (next_event_ < events_.size()) {
    return;
  }
  events_.clear();
  next_event_ = 0;
  arena_.clear();
  if (arena_.capacity() > kKeptArena) {
    std::vector<uint8_t>().swap(arena_);
  }
}

void ClientCore::Impl::HandleUpgrade(ByteView& input) {
  const auto head = http_.Next(input);
  if (head && !*head) {
    return;
  }
  const auto response =
      head ? ParseHttpResponse(**head)
           : Result<HttpResponse>(std::unexpected(head.error()));
  if (!response || response->status != 101) {
    Close({.reason = ClientCloseReason::kUpgradeRefused,
           .error = response ? Errc::kUpgradeRefused : response.error().code,
           .http_status = response ? response->status : 0});
    return;
  }
  // The other fields are not looked at: servers differ in them.
  phase_ = Phase::kServerKey;
}

void ClientCore::Impl::HandleFrames(Instant now, ByteView& input) {
  while (phase_ != Phase::kClosed) {
    const auto frame = decoder_.Next(input);
    if (decoder_.skipped() != counters_.unknown_frames) {
      counters_.unknown_frames = decoder_.skipped();
      last_frame_ = now;
    }
    if (frame && !*frame) {
      return;
    }
    last_frame_ = now;
    const Result<void> handled =
        frame ? Dispatch(now, **frame) : std::unexpected(frame.error());
    if (!handled) {
      Close({.reason = ClientCloseReason::kProtocolError,
             .error = handled.error().code});
    }
  }
}

Result<void> ClientCore::Impl::Dispatch(Instant now, const Frame& frame) {
  if (phase_ == Phase::kServerKey && frame.type != FrameType::kServerKey) {
    return Fail(Errc::kBadFrame);
  }
  const auto entry =
      std::ranges::find(kFrameTable, frame.type, &FrameEntry::type);
  if (entry == kFrameTable.end()) {
    return {};
  }
  return (this->*entry->handle)(now, frame.payload);
}

Result<void> ClientCore::Impl::HandleServerKey(Instant /*now*/,
                                               ByteView payload) {
  if (phase_ != Phase::kServerKey) {
    return {};  // fast start: the key is known, this one comes too late
  }
  const auto key = ParseServerKey(payload);
  if (!key) {
    return std::unexpected(key.error());
  }
  server_key_ = *key;
  return StageClientInfo();
}

Result<void> ClientCore::Impl::HandleServerInfo(Instant now, ByteView payload) {
  if (phase_ != Phase::kServerInfo) {
    return {};
  }
  const auto json = OpenSealedBox(payload, server_key_, config_.private_key);
  if (!json) {
    return Fail(Errc::kBadBox);
  }
  const auto info = ParseServerInfo(*json);
  if (!info) {
    return std::unexpected(info.error());
  }
  if (info->token_bucket_bytes_per_second != 0) {
    rate_limit_.emplace(
        static_cast<double>(info->token_bucket_bytes_per_second),
        static_cast<double>(info->token_bucket_bytes_burst));
  }
  phase_ = Phase::kRunning;
  last_frame_ = now;
  AddEvent(ClientConnected{.server_key = server_key_, .info = *info});
  return {};
}

Result<void> ClientCore::Impl::HandleRecvPacket(Instant /*now*/,
                                                ByteView payload) {
  const ByteView data = payload.subspan(kKeySize);
  ++counters_.packets_received;
  if (arena_.size() + data.size() > kMaxArena || events_.size() >= kMaxEvents) {
    ++counters_.dropped_received;
    return {};
  }
  ClientPacket packet;
  std::copy_n(payload.begin(), kKeySize, packet.source.bytes.begin());
  events_.push_back(
      {.event = packet, .offset = arena_.size(), .size = data.size()});
  arena_.insert(arena_.end(), data.begin(), data.end());
  return {};
}

Result<void> ClientCore::Impl::HandlePeerGone(Instant /*now*/,
                                              ByteView payload) {
  if (const auto gone = ParsePeerGone(payload)) {
    AddEvent(*gone);
  }
  return {};
}

Result<void> ClientCore::Impl::HandlePeerPresent(Instant /*now*/,
                                                 ByteView payload) {
  if (const auto present = ParsePeerPresent(payload)) {
    AddEvent(*present);
  }
  return {};
}

Result<void> ClientCore::Impl::HandlePing(Instant /*now*/, ByteView payload) {
  if (pongs_.size() < kMaxPongs) {
    PingBytes bytes{};
    std::copy_n(payload.begin(), bytes.size(), bytes.begin());
    pongs_.push_back(bytes);
  }
  return {};
}

Result<void> ClientCore::Impl::HandlePong(Instant now, ByteView payload) {
  if (ping_ && ping_->sent_at &&
      std::equal(ping_->bytes.begin(), ping_->bytes.end(), payload.begin())) {
    AddEvent(ClientPong{.round_trip = now - *ping_->sent_at});
    ping_.reset();
  }
  return {};
}

Result<void> ClientCore::Impl::HandleHealth(Instant /*now*/, ByteView payload) {
  AddEvent(ClientHealth{.problem = std::string(AsText(payload))});
  return {};
}

Result<void> ClientCore::Impl::HandleRestarting(Instant /*now*/,
                                                ByteView payload) {
  if (const auto restarting = ParseRestarting(payload)) {
    AddEvent(*restarting);
  }
  return {};
}

void ClientCore::Impl::AddEvent(ClientEvent event) {
  if (events_.size() < kMaxEvents) {
    events_.push_back({.event = std::move(event)});
  }
}

std::optional<ClientEvent> ClientCore::Impl::PollEvent() {
  if (next_event_ >= events_.size()) {
    return std::nullopt;
  }
  StoredEvent& stored = events_[next_event_++];
  if (auto* const packet = std::get_if<ClientPacket>(&stored.event)) {
    packet->data = ByteView(arena_).subspan(stored.offset, stored.size);
  }
  return std::move(stored.event);
}

void ClientCore::Impl::HandleClosed(Instant /*now*/) {
  if (phase_ != Phase::kIdle && phase_ != Phase::kClosed) {
    Close({.reason = ClientCloseReason::kStreamClosed});
  }
}

void ClientCore::Impl::HandleTimeout(Instant now) {
  if (phase_ == Phase::kIdle || phase_ == Phase::kClosed) {
    return;
  }
  if (phase_ != Phase::kRunning) {
    if (now >= login_deadline_) {
      Close({.reason = ClientCloseReason::kLoginTimeout,
             .error = Errc::kTimedOut});
    }
    return;
  }
  if (now >= *last_frame_ + config_.read_timeout) {
    Close(
        {.reason = ClientCloseReason::kReadTimeout, .error = Errc::kTimedOut});
  } else if (ping_ && now >= ping_->deadline) {
    ping_.reset();
    AddEvent(ClientPingTimedOut{});
  }
}

std::optional<Instant> ClientCore::Impl::NextTimeout() const {
  if (phase_ == Phase::kIdle || phase_ == Phase::kClosed) {
    return std::nullopt;
  }
  if (phase_ != Phase::kRunning) {
    return login_deadline_;
  }
  const Instant read_deadline = *last_frame_ + config_.read_timeout;
  return ping_ ? std::min(read_deadline, ping_->deadline) : read_deadline;
}

void ClientCore::Impl::Close(const ClientClosed& closed) {
  phase_ = Phase::kClosed;
  DropOutput();
  // The last event is never dropped.
  events_.push_back({.event = closed});
}

}  // namespace natkit::derp
