#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace natkit::derp {

/// Why a packet was dropped.
enum class DropReason : uint8_t {
  kUnknownDest,       ///< nobody here has that key
  kUnknownDestOnFwd,  ///< the same, for a packet of a mesh peer
  kGoneDisconnected,  ///< the receiver went before it was written
  kQueueHead,         ///< oldest of a full queue
  kQueueTail,         ///< no memory for a new one
  kWriteError,        ///< the stream failed under it
  kDupClient,         ///< the key has connections but none is active
};
inline constexpr size_t kDropReasonCount = 7;

/// Path discovery or anything else.
enum class PacketKind : uint8_t { kDisco, kOther };
inline constexpr size_t kPacketKindCount = 2;

/// Values of the labels `reason` and `kind` of derp_packets_dropped.
[[nodiscard]] const char* DropReasonName(DropReason reason);
[[nodiscard]] const char* PacketKindName(PacketKind kind);

using DropTable =
    std::array<std::array<uint64_t, kPacketKindCount>, kDropReasonCount>;

/// What a relay counts. Each name with `derp_` in front is the metric that
/// DERP dashboards know. Bytes are bytes of packet data.
struct ServerCounters {
  // Gauges.
  uint64_t current_connections = 0;  ///< logged in
  uint64_t current_home_connections = 0;
  uint64_t current_notideal_connections = 0;
  uint64_t clients_local = 0;             ///< different keys
  uint64_t current_dup_client_keys = 0;   ///< keys with two or more connections
  uint64_t current_dup_client_conns = 0;  ///< their connections
  uint64_t queued_bytes = 0;              ///< memory of queued packets
  double average_queue_duration_ms = 0;   ///< moving average, alpha 0.1

  // Counters.
  uint64_t accepts = 0;  ///< streams that began a DERP login
  uint64_t bytes_received = 0;
  uint64_t bytes_sent = 0;
  uint64_t packets_received = 0;
  uint64_t packets_sent = 0;
  std::array<uint64_t, kPacketKindCount> packets_received_kind{};
  uint64_t total_dup_client_conns = 0;
  uint64_t home_moves_in = 0;
  uint64_t home_moves_out = 0;
  uint64_t got_ping = 0;
  uint64_t sent_pong = 0;
  uint64_t peer_gone_disconnected_frames = 0;
  uint64_t peer_gone_not_here_frames = 0;
  uint64_t sclient_write_timeouts = 0;
  uint64_t unknown_frames = 0;
  DropTable packets_dropped{};  ///< by DropReason, PacketKind
  DropTable bytes_dropped{};
};

}  // namespace natkit::derp
