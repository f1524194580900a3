#include <algorithm>
#include <limits>
#include <utility>

#include "client/client_impl.h"
#include "natkit/base/check.h"
#include "wire/sealed_box.h"

namespace natkit::derp {
namespace {

// Names come from region maps that somebody else wrote: none may add a line.
std::string WithoutControlCharacters(std::string text) {
  std::erase_if(text, [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
  });
  return text;
}

}  // namespace

ClientCore::Impl::Impl(ClientConfig config, Rng& rng)
    : config_(std::move(config)),
      rng_(rng),
      pool_(std::numeric_limits<size_t>::max()) {
  NATKIT_CHECK(config_.queue_depth > 0);
}

void ClientCore::Impl::Start(Instant now,
                             const std::optional<PublicKey>& server_key) {
  NATKIT_CHECK(phase_ == Phase::kIdle);
  login_deadline_ = now + config_.login_timeout;
  StageRequest(server_key.has_value());
  phase_ = Phase::kUpgrade;
  if (!server_key) {
    return;
  }
  server_key_ = *server_key;
  if (const auto staged = StageClientInfo(); !staged) {
    Close({.reason = ClientCloseReason::kProtocolError,
           .error = staged.error().code});
  }
}

void ClientCore::Impl::StageRequest(bool is_fast_start) {
  std::string request = "GET /derp HTTP/1.1\r\nHost: ";
  request += WithoutControlCharacters(config_.host);
  request += "\r\nUser-Agent: natkit\r\nConnection: Upgrade\r\n";
  if (is_fast_start) {
    request += "Derp-Fast-Start: 1\r\n";
  }
  if (!config_.ideal_node.empty()) {
    request += "Ideal-Node: " + WithoutControlCharacters(config_.ideal_node);
    request += "\r\n";
  }
  request += "Upgrade: DERP\r\n\r\n";
  staged_.AppendText(request);
}

Result<void> ClientCore::Impl::StageClientInfo() {
  ClientInfo info{.version = kProtocolVersion,
                  .can_ack_pings = true,
                  .is_prober = config_.is_prober,
                  .app_name = config_.app_name};
  if (config_.mesh_key) {
    info.mesh_key = config_.mesh_key->Clone();
  }
  std::string json = ToJson(info);
  const PublicKey ours = DerivePublicKey(config_.private_key);
  std::vector<uint8_t> payload(ours.bytes.begin(), ours.bytes.end());
  const auto sealed = AppendSealedBox(AsBytes(json), server_key_,
                                      config_.private_key, rng_, payload);
  WipeBytes({reinterpret_cast<uint8_t*>(json.data()), json.size()});
  if (!sealed) {
    return sealed;
  }
  AppendFrame(FrameType::kClientInfo, payload, staged_.tail());
  phase_ = Phase::kServerInfo;
  return {};
}

bool ClientCore::Impl::MayWriteFrames() const {
  return phase_ == Phase::kServerInfo || phase_ == Phase::kRunning;
}

Result<void> ClientCore::Impl::SendPacket(Instant now,
                                          const PublicKey& destination,
                                          ByteView data) {
  if (data.size() > kMaxPacketSize) {
    return Fail(Errc::kFrameTooLarge);
  }
  if (phase_ == Phase::kIdle) {
    return Fail(Errc::kInvalidState);
  }
  if (phase_ == Phase::kClosed) {
    return Fail(Errc::kClosed);
  }
  const size_t size = kPacketFrameOverhead + data.size();
  if (rate_limit_ && !rate_limit_->Take(now, static_cast<double>(size))) {
    ++counters_.dropped_by_rate;
    return Fail(Errc::kLimitExceeded);
  }
  if (packets_.size() >= config_.queue_depth) {
    pool_.Give(packets_.Pop());
    ++counters_.dropped_oldest;
  }
  auto packet = pool_.Take(size);
  NATKIT_CHECK(packet != nullptr);  // the pool of a client has no bound
  const MutableBytes bytes = packet->bytes();
  WriteFrameHeader(FrameType::kSendPacket, kKeySize + data.size(), bytes);
  std::ranges::copy(destination.bytes, bytes.begin() + kFrameHeaderSize);
  std::ranges::copy(data, bytes.begin() + kPacketFrameOverhead);
  packets_.Push(std::move(packet));
  return {};
}

void ClientCore::Impl::Ping(Instant now) {
  if (phase_ != Phase::kRunning) {
    return;
  }
  ping_.emplace();
  rng_.Fill(ping_->bytes);
  ping_->deadline = now + config_.ping_timeout;
}

size_t ClientCore::Impl::PollTransmit(Instant now, MutableBytes out) {
  size_t count = DrainStarted(out);
  while (count < out.size() && StartNext(now)) {
    count += DrainStarted(out.subspan(count));
  }
  return count;
}

bool ClientCore::Impl::StartNext(Instant now) {
  if (!MayWriteFrames()) {
    return false;
  }
  if (!pongs_.empty()) {
    AppendFrame(FrameType::kPong, pongs_.front(), staged_.tail());
    pongs_.pop_front();
    return true;
  }
  if (ping_ && !ping_->sent_at) {
    ping_->sent_at = now;
    AppendFrame(FrameType::kPing, ping_->bytes, staged_.tail());
    return true;
  }
  if (home_ != announced_home_) {
    announced_home_ = home_;
    const std::array<uint8_t, 1> payload = {
        home_ == HomeRegion::kYes ? uint8_t{1} : uint8_t{0}};
    AppendFrame(FrameType::kNotePreferred, payload, staged_.tail());
    return true;
  }
  current_ = packets_.Pop();
  current_offset_ = 0;
  counters_.packets_sent += current_ == nullptr ? 0 : 1;
  return current_ != nullptr;
}

size_t ClientCore::Impl::DrainStarted(MutableBytes out) {
  size_t count = staged_.is_empty() ? 0 : staged_.Drain(out);
  if (current_ != nullptr && count < out.size()) {
    const ByteView rest = current_->bytes().subspan(current_offset_);
    const size_t taken = std::min(rest.size(), out.size() - count);
    std::copy_n(rest.begin(), taken,
                out.begin() + static_cast<ptrdiff_t>(count));
    count += taken;
    current_offset_ += taken;
    if (taken == rest.size()) {
      pool_.Give(std::move(current_));
    }
  }
  return count;
}

bool ClientCore::Impl::has_output() const {
  return !staged_.is_empty() || current_ != nullptr ||
         (MayWriteFrames() &&
          (!pongs_.empty() || (ping_ && !ping_->sent_at) ||
           home_ != announced_home_ || !packets_.is_empty()));
}

void ClientCore::Impl::DropOutput() {
  while (auto packet = packets_.Pop()) {
    pool_.Give(std::move(packet));
  }
  pool_.Give(std::move(current_));
  staged_ = {};
  pongs_.clear();
  ping_.reset();
}

}  // namespace natkit::derp
