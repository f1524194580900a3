#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "device/peer_state.h"
#include "natkit/wg/device.h"
#include "noise/cookie.h"
#include "noise/handshake.h"
#include "noise/load_meter.h"
#include "noise/message.h"
#include "noise/tai64n.h"
#include "routing/allowed_ips.h"
#include "transport/deadline_heap.h"
#include "transport/index_table.h"

namespace natkit::wg {

/// The device itself. Its member functions are spread over the files of this
/// folder: peer_admin (configuration and queries), handshake_flow, data_flow
/// and timer_flow.
class Device::Impl {
 public:
  Impl(const DeviceConfig& config, Rng& rng);

  // peer_admin.cc
  void SetPrivateKey(StaticPrivateKey key, SessionFate sessions);
  Result<PeerId> SetPeer(Instant now, const PeerUpdate& update);
  Result<void> Apply(Instant now, DeviceUpdate update);
  bool RemovePeer(PeerId id);
  void RemoveAllPeers();
  Result<void> SetEndpoint(PeerId id, const Endpoint& remote,
                           const Endpoint& local);
  Result<void> JoinPeers(PeerId one, PeerId other);
  Result<void> MovePrefixes(Instant now, PeerId from, PeerId to,
                            PacketBatch& out);
  [[nodiscard]] Peer* FindById(PeerId id) const;
  [[nodiscard]] Peer* FindByKey(const PublicKey& key) const;
  [[nodiscard]] PeerStatus StatusOf(const Peer& peer, Instant now) const;

  // handshake_flow.cc
  Result<void> InitiateHandshake(Instant now, PeerId id, HandshakePace pace,
                                 PacketBatch& out);

  // data_flow.cc
  void SendPackets(Instant now, const PacketBatch& plaintext,
                   PacketBatch& datagrams);
  void HandleDatagrams(Instant now, const PacketBatch& datagrams,
                       PacketBatch& plaintext, PacketBatch& replies);
  void SendPackets(Instant now, std::span<const ByteView> plaintext,
                   PacketBatch& datagrams);
  void HandleDatagrams(Instant now, std::span<const Datagram> datagrams,
                       PacketBatch& plaintext, PacketBatch& replies);

  // timer_flow.cc
  void HandleTimeout(Instant now, PacketBatch& out);

 private:
  friend class Device;
  friend class DeviceTesting;

  struct Identity {
    explicit Identity(StaticPrivateKey key);

    [[nodiscard]] LocalIdentity AsLocal() const {
      return {private_key, public_key};
    }

    StaticPrivateKey private_key;
    PublicKey public_key;
    CookieChecker cookie_checker;
  };

  /// One datagram that came in.
  struct Incoming {
    Instant now;
    ByteView bytes;
    const PacketBatch::Meta& meta;
  };

  /// Why a handshake is started.
  enum class HandshakeCause : uint8_t {
    kWanted,  ///< packets or rules want it: REKEY_ATTEMPT_TIME starts anew
    kForced,  ///< the owner wants it now
    kRetry,   ///< no response came
  };

  // peer_admin.cc
  Peer& AddPeer(const PublicKey& key);
  void UpdatePeer(Instant now, Peer& peer, const PeerUpdate& update);
  void ComputeStaticStatic(Peer& peer) const;

  // handshake_flow.cc
  Result<void> StartHandshake(Instant now, Peer& peer, HandshakeCause cause,
                              PacketBatch& out);
  Result<void> SendInitiation(Instant now, Peer& peer, PacketBatch& out);
  bool AdmitHandshake(const Incoming& in, PacketBatch& replies);
  void HandleInitiation(const Incoming& in, PacketBatch& replies);
  Peer* AuthenticateInitiation(const Incoming& in,
                               const HandshakeInitiation& message,
                               ResponderHandshake& handshake);
  void SendResponse(Instant now, Peer& peer, ResponderHandshake& handshake,
                    PacketBatch& replies);
  void HandleResponse(const Incoming& in, PacketBatch& replies);
  void HandleCookieReply(const Incoming& in);
  void AddSession(Peer& peer, const Keypair::Config& config,
                  const TransportKeys& keys);
  void OnHandshakeComplete(Instant now, Peer& peer, Role role);
  /// Drops the pending initiation and all sessions. True when there was one.
  bool ClearSessions(Peer& peer);
  void DropPending(Peer& peer);

  // data_flow.cc
  void HandleDatagram(const Incoming& in, PacketBatch& plaintext,
                      PacketBatch& replies);
  void HandleData(const Incoming& in, PacketBatch& plaintext,
                  PacketBatch& replies);
  void OnSessionUsed(Instant now, Peer& peer, const Keypair& keypair,
                     PacketBatch& replies);
  void DeliverInner(Instant now, Peer& peer, PacketBatch& plaintext);
  void RoutePacket(Instant now, ByteView packet, PacketBatch& out);
  void SendToPeer(Instant now, Peer& peer, ByteView packet, PacketBatch& out);
  void SealTo(Instant now, Peer& peer, Keypair& keypair, ByteView packet,
              PacketBatch& out);
  void SendStaged(Instant now, Peer& peer, PacketBatch& out);
  void SendKeepalive(Instant now, Peer& peer, PacketBatch& out);
  /// What every authentic datagram does: statistics, timers, roaming.
  void OnAuthentic(const Incoming& in, Peer& peer);

  // timer_flow.cc
  void HandleTimer(Instant now, Peer& peer, Timer timer, PacketBatch& out);
  void GiveUp(Instant now, Peer& peer);
  void FlushStaged(Peer& peer);
  /// Moves the peer to where its timers belong in the heap.
  void Reschedule(Peer& peer);
  [[nodiscard]] Duration Jitter();
  void Raise(const DeviceEvent& event);

  void Count(DropReason reason, uint64_t count = 1) {
    counters_.drops[static_cast<size_t>(reason)] += count;
  }

  [[nodiscard]] bool CanReach(const Peer& peer) const {
    return peer.remote || config_.endpoints == EndpointPolicy::kByOwner;
  }

  DeviceConfig config_;
  Rng& rng_;
  std::optional<Identity> identity_;
  TimestampSource timestamps_;
  LoadMeter load_meter_;
  RateLimiter rate_limiter_;
  Load reported_load_ = Load::kMeasured;

  std::map<PeerId, std::unique_ptr<Peer>> peers_;
  std::map<PublicKey, Peer*> by_key_;
  PeerId last_id_ = kNoPeer;
  AllowedIps allowed_ips_;
  IndexTable indices_;
  DeadlineHeap deadlines_;

  std::deque<DeviceEvent> events_;
  DeviceCounters counters_;
  /// The latest time heard of: tells whether a session is still good.
  Instant latest_now_{};
  uint16_t listen_port_ = 0;
  uint32_t fwmark_ = 0;
};

}  // namespace natkit::wg
