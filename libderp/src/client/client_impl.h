#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/derp/client_core.h"
#include "natkit/derp/frame_decoder.h"
#include "natkit/derp/http.h"
#include "queue/packet_pool.h"
#include "queue/staged_bytes.h"
#include "queue/token_bucket.h"

namespace natkit::derp {

/// The connection behind ClientCore. Its parts are in client_input.cc (what
/// the server sends) and client_output.cc (what it is sent).
class ClientCore::Impl {
 public:
  Impl(ClientConfig config, Rng& rng);

  void Start(Instant now, const std::optional<PublicKey>& server_key);
  void HandleBytes(Instant now, ByteView bytes);
  void HandleClosed(Instant now);
  void HandleTimeout(Instant now);
  [[nodiscard]] Result<void> SendPacket(Instant now,
                                        const PublicKey& destination,
                                        ByteView data);

  void NotePreferred(HomeRegion home) { home_ = home; }

  void Ping(Instant now);

  [[nodiscard]] size_t PollTransmit(Instant now, MutableBytes out);
  [[nodiscard]] std::optional<ClientEvent> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] bool has_output() const;

  [[nodiscard]] bool is_connected() const { return phase_ == Phase::kRunning; }

  [[nodiscard]] std::optional<Instant> last_frame_time() const {
    return last_frame_;
  }

  [[nodiscard]] const ClientCounters& counters() const { return counters_; }

 private:
  enum class Phase : uint8_t {
    kIdle,
    kUpgrade,     ///< the request is out, the 101 is awaited
    kServerKey,   ///< DERP, the server's key is awaited
    kServerInfo,  ///< ClientInfo is out, ServerInfo is awaited
    kRunning,
    kClosed,
  };
  using FrameHandler = Result<void> (Impl::*)(Instant, ByteView);

  struct FrameEntry {
    FrameType type;
    FrameHandler handle;
  };

  static const std::array<FrameEntry, 9> kFrameTable;

  using PingBytes = std::array<uint8_t, kPingSize>;

  struct OutstandingPing {
    PingBytes bytes;
    Instant deadline;
    std::optional<Instant> sent_at;  // none: still to be written
  };

  // A packet event keeps its place in arena_, which may move as it grows.
  struct StoredEvent {
    ClientEvent event;
    size_t offset = 0;
    size_t size = 0;
  };

  // client_input.cc
  void ForgetPolledEvents();
  void HandleUpgrade(ByteView& input);
  void HandleFrames(Instant now, ByteView& input);
  Result<void> Dispatch(Instant now, const Frame& frame);
  Result<void> HandleServerKey(Instant now, ByteView payload);
  Result<void> HandleServerInfo(Instant now, ByteView payload);
  Result<void> HandleRecvPacket(Instant now, ByteView payload);
  Result<void> HandlePeerGone(Instant now, ByteView payload);
  Result<void> HandlePeerPresent(Instant now, ByteView payload);
  Result<void> HandlePing(Instant now, ByteView payload);
  Result<void> HandlePong(Instant now, ByteView payload);
  Result<void> HandleHealth(Instant now, ByteView payload);
  Result<void> HandleRestarting(Instant now, ByteView payload);
  void AddEvent(ClientEvent event);
  void Close(const ClientClosed& closed);

  // client_output.cc
  void StageRequest(bool is_fast_start);
  [[nodiscard]] Result<void> StageClientInfo();
  [[nodiscard]] bool MayWriteFrames() const;
  [[nodiscard]] bool StartNext(Instant now);
  size_t DrainStarted(MutableBytes out);
  void DropOutput();

  ClientConfig config_;
  Rng& rng_;
  Phase phase_ = Phase::kIdle;
  PublicKey server_key_;
  HttpHeadReader http_;
  FrameDecoder decoder_{kClientRules};
  ClientCounters counters_;

  // Events.
  std::vector<StoredEvent> events_;
  size_t next_event_ = 0;
  std::vector<uint8_t> arena_;

  // Output.
  StagedBytes staged_;
  PacketPool pool_;
  PacketFifo packets_;
  std::unique_ptr<QueuedPacket> current_;
  size_t current_offset_ = 0;
  std::deque<PingBytes> pongs_;
  HomeRegion home_ = HomeRegion::kNo;
  HomeRegion announced_home_ = HomeRegion::kNo;
  std::optional<TokenBucket> rate_limit_;

  // Timers.
  Instant login_deadline_{};
  std::optional<Instant> last_frame_;
  std::optional<OutstandingPing> ping_;
};

}  // namespace natkit::derp
