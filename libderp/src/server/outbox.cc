#include "server/outbox.h"

#include <algorithm>
#include <utility>

namespace natkit::derp {

bool Outbox::RequestPong(ByteView ping) {
  if (pong_) {
    return false;
  }
  pong_.emplace();
  std::copy_n(ping.begin(), pong_->size(), pong_->begin());
  return true;
}

void Outbox::RequestPeerGone(const PeerGone& gone) {
  // Packets of that peer may still wait here: it goes when they have left.
  const uint64_t waiting = fifos_[0].size() + fifos_[1].size();
  gone_.push_back({gone, done_ + waiting});
}

bool Outbox::HasPeerGone(const PublicKey& peer) const {
  const PeerGone wanted{peer, PeerGoneReason::kDisconnected};
  return std::ranges::find(gone_, wanted, &WaitingGone::gone) != gone_.end();
}

void Outbox::Push(PacketKind kind, std::unique_ptr<QueuedPacket> packet) {
  fifos_[static_cast<size_t>(kind)].Push(std::move(packet));
}

std::unique_ptr<QueuedPacket> Outbox::PopOldest(PacketKind kind) {
  auto packet = fifos_[static_cast<size_t>(kind)].Pop();
  if (packet != nullptr) {
    ++done_;
  }
  return packet;
}

Started Outbox::StartNext() {
  std::vector<uint8_t>& out = staged_.tail();
  if (std::exchange(keep_alive_, false)) {
    AppendFrame(FrameType::kKeepAlive, {}, out);
    return Started::kKeepAlive;
  }
  if (pong_) {
    AppendFrame(FrameType::kPong, *pong_, out);
    pong_.reset();
    return Started::kPong;
  }
  if (restarting_) {
    AppendRestarting(*restarting_, out);
    restarting_.reset();
    return Started::kRestarting;
  }
  if (!gone_.empty() && gone_.front().ready_at <= done_) {
    last_gone_reason_ = gone_.front().gone.reason;
    AppendPeerGone(gone_.front().gone, out);
    gone_.pop_front();
    return Started::kPeerGone;
  }
  if (const auto kind = ChooseKind()) {
    current_ = PopOldest(*kind);
    current_offset_ = 0;
    return Started::kPacket;
  }
  return Started::kNothing;
}

std::optional<PacketKind> Outbox::ChooseKind() {
  const bool has_disco = !fifo(PacketKind::kDisco).is_empty();
  const bool has_other = !fifo(PacketKind::kOther).is_empty();
  if (has_disco && (!has_other || disco_run_ < kMaxDiscoRun)) {
    ++disco_run_;
    return PacketKind::kDisco;
  }
  disco_run_ = 0;
  return has_other ? std::optional(PacketKind::kOther) : std::nullopt;
}

size_t Outbox::DrainStarted(MutableBytes out, PacketPool& pool) {
  size_t count = staged_.is_empty() ? 0 : staged_.Drain(out);
  if (current_ != nullptr && count < out.size()) {
    const ByteView rest = current_->bytes().subspan(current_offset_);
    const size_t taken = std::min(rest.size(), out.size() - count);
    std::copy_n(rest.begin(), taken,
                out.begin() + static_cast<ptrdiff_t>(count));
    count += taken;
    current_offset_ += taken;
    if (taken == rest.size()) {
      pool.Give(std::move(current_));
    }
  }
  return count;
}

bool Outbox::is_empty() const {
  return staged_.is_empty() && current_ == nullptr && fifos_[0].is_empty() &&
         fifos_[1].is_empty() && !pong_ && !restarting_ && !keep_alive_ &&
         gone_.empty();
}

}  // namespace natkit::derp
