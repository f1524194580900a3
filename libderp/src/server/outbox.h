#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/derp/frame.h"
#include "natkit/derp/server_counters.h"
#include "queue/packet_pool.h"
#include "queue/staged_bytes.h"

namespace natkit::derp {

/// What StartNext() began to write.
enum class Started : uint8_t {
  kNothing,
  kPacket,
  kPong,
  kKeepAlive,
  kPeerGone,
  kRestarting,
};

/// Everything that one connection is yet to write, and in which order.
///
/// Control frames first (each source of them is bounded), then path discovery
/// ahead of other packets, but at most kMaxDiscoRun in a row while others
/// wait, so that neither starves the other.
class Outbox {
 public:
  static constexpr int kMaxDiscoRun = 4;

  /// Bytes that go before everything else: HTTP, ServerKey, ServerInfo.
  [[nodiscard]] StagedBytes& staged() { return staged_; }

  /// True unless a pong waits already; then `ping` is forgotten.
  [[nodiscard]] bool RequestPong(ByteView ping);

  void RequestKeepAlive() { keep_alive_ = true; }

  void RequestRestarting(const Restarting& restarting) {
    restarting_ = restarting;
  }

  /// Queues a PeerGone behind the packets that wait now.
  void RequestPeerGone(const PeerGone& gone);
  /// True if a PeerGone(disconnected) for `peer` waits.
  [[nodiscard]] bool HasPeerGone(const PublicKey& peer) const;

  [[nodiscard]] const PacketFifo& fifo(PacketKind kind) const {
    return fifos_[static_cast<size_t>(kind)];
  }

  void Push(PacketKind kind, std::unique_ptr<QueuedPacket> packet);
  /// The oldest packet of a kind, to be dropped; null if there is none.
  [[nodiscard]] std::unique_ptr<QueuedPacket> PopOldest(PacketKind kind);

  /// Chooses the next frame once nothing is half written.
  [[nodiscard]] Started StartNext();

  /// The packet that StartNext() began; null if none is being written.
  [[nodiscard]] const QueuedPacket* current() const { return current_.get(); }

  /// The reason of the PeerGone that StartNext() began last.
  [[nodiscard]] PeerGoneReason last_gone_reason() const {
    return last_gone_reason_;
  }

  /// Moves bytes of what was started to `out`; returns their number.
  size_t DrainStarted(MutableBytes out, PacketPool& pool);

  [[nodiscard]] bool is_empty() const;
  /// Gives all packets back; `on_drop` hears of each that never started.
  template <class OnDrop>
  void Clear(PacketPool& pool, OnDrop on_drop);

 private:
  struct WaitingGone {
    PeerGone gone;
    uint64_t ready_at;  // value of done_ from which it may be written
  };

  [[nodiscard]] std::optional<PacketKind> ChooseKind();

  StagedBytes staged_;
  std::unique_ptr<QueuedPacket> current_;
  size_t current_offset_ = 0;
  std::array<PacketFifo, kPacketKindCount> fifos_;
  uint64_t done_ = 0;  // packets that left the queues
  int disco_run_ = 0;
  std::optional<std::array<uint8_t, kPingSize>> pong_;
  std::optional<Restarting> restarting_;
  bool keep_alive_ = false;
  std::deque<WaitingGone> gone_;
  PeerGoneReason last_gone_reason_ = PeerGoneReason::kDisconnected;
};

template <class OnDrop>
void Outbox::Clear(PacketPool& pool, OnDrop on_drop) {
  pool.Give(std::move(current_));
  for (const PacketKind kind : {PacketKind::kDisco, PacketKind::kOther}) {
    while (auto packet = PopOldest(kind)) {
      on_drop(kind, *packet);
      pool.Give(std::move(packet));
    }
  }
}

}  // namespace natkit::derp
