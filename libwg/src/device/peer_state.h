#pragma once

#include <cstdint>
#include <optional>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/time.h"
#include "natkit/wg/device.h"
#include "natkit/wg/peer.h"
#include "noise/cookie.h"
#include "noise/handshake.h"
#include "noise/types.h"
#include "transport/deadline_heap.h"
#include "transport/keypair_ring.h"
#include "transport/peer_timers.h"
#include "transport/staged_queue.h"

namespace natkit::wg {

/// All that a device knows about one peer. Plain state: what happens to it is
/// in Device::Impl.
struct Peer {
  Peer(PeerId peer_id, const PublicKey& key, const DeviceConfig& config)
      : id(peer_id),
        public_key(key),
        mac_writer(key),
        staged(config.max_staged_packets, config.max_staged_bytes) {}

  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// Meta of datagrams to this peer.
  [[nodiscard]] PacketBatch::Meta MetaTo() const {
    return {.remote = remote.value_or(Endpoint{}), .local = local, .tag = id};
  }

  PeerId id;
  PublicKey public_key;
  PresharedKey preshared_key;
  /// nullopt without our private key, or when the peer's key has low order.
  std::optional<SharedSecret> static_static;

  /// The same host under another key; kNoPeer, or a peer that may be gone.
  PeerId joined = kNoPeer;

  std::optional<Endpoint> remote;
  Endpoint local;

  /// The initiation that waits for its response. It lives beside a handshake
  /// that the peer starts, so that two that start at once both finish.
  std::optional<InitiatorHandshake> pending;
  MacWriter mac_writer;
  KeypairRing keypairs;

  /// Greatest timestamp of an accepted initiation (paper, section 5.1).
  Timestamp greatest_timestamp{};
  std::optional<Instant> last_initiation_received;
  /// Initiation or response, whichever was later.
  std::optional<Instant> last_handshake_sent;
  /// Drawn once for each session, so that sending costs no randomness.
  Duration dead_session_jitter{0};
  /// One early handshake for each session on receiving (section 6.2).
  bool has_rekeyed_after_receiving = false;

  PeerTimers timers;
  size_t heap_place = DeadlineHeap::kNowhere;
  StagedQueue staged;

  std::optional<Instant> last_handshake_completed;
  uint64_t rx_bytes = 0;
  uint64_t tx_bytes = 0;
};

}  // namespace natkit::wg
