#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/wg/device_counters.h"
#include "natkit/wg/device_event.h"
#include "natkit/wg/peer.h"

namespace natkit::wg {

/// Bytes that a transport data message adds to its padded content: a 16-byte
/// header and a 16-byte tag (WireGuard paper, section 5.4.6).
inline constexpr size_t kDataOverhead = 32;

/// The longest plaintext packet that still fits a UDP datagram over IPv4.
inline constexpr size_t kMaxPlaintextSize = 65507 - kDataOverhead;

/// Who knows where a peer is.
enum class EndpointPolicy : uint8_t {
  /// The device does, as in plain WireGuard: packets for a peer without an
  /// endpoint are dropped (kNoEndpoint).
  kRequired,
  /// The owner does and routes by Meta::tag: packets are put out also when the
  /// peer has no endpoint; Meta::remote is then a default Endpoint.
  kByOwner,
};

/// How InitiateHandshake treats the limit of one initiation a peer in
/// REKEY_TIMEOUT (5 s).
enum class HandshakePace : uint8_t {
  kNormal,  ///< at most one in 5 s
  kForced,  ///< at once, e.g. when a path came up; at most one in 20 ms
};

/// What the owner says about its own load.
enum class Load : uint8_t {
  kMeasured,  ///< the device measures by itself (the default)
  kHigh,      ///< demand cookies of everybody
};

struct DeviceConfig {
  /// Wall clock time (since the Unix epoch, UTC) at Instant{}. It makes the
  /// TAI64N timestamps of initiations: a clock that goes backwards between two
  /// runs makes peers refuse initiations until it has caught up.
  Duration wall_clock_offset{0};
  EndpointPolicy endpoints = EndpointPolicy::kRequired;
  /// Content is padded to a multiple of 16 bytes, but not beyond this.
  size_t tunnel_mtu = 1420;
  size_t max_peers = 65536;
  /// Packets that wait for a handshake, for each peer; the oldest go first.
  size_t max_staged_packets = 128;
  size_t max_staged_bytes = 256 * 1024;
  /// Handshake messages with a good mac1 in one second that put the device
  /// under load (paper, section 5.3), which lasts one second more.
  uint32_t handshakes_per_second = 250;
  size_t max_queued_events = 4096;
  /// Puts keepalives into HandleDatagrams' `plaintext`, too, as empty packets.
  bool reports_keepalives = false;
};

/// What a change of the static key means to the sessions that there are.
enum class SessionFate : uint8_t {
  kDropped,  ///< as other implementations do
  /// They go on until they are replaced, or as old as any session may get: a
  /// peer that does not know the new key yet is still reached.
  kKept,
};

/// One WireGuard interface: handshakes, transport data, timers, AllowedIPs and
/// roaming of any number of peers (WireGuard paper, sections 4 to 6).
///
/// Pure: owns no socket, clock or random source; not thread-safe. Wire
/// compatible with other implementations.
///
/// Life cycle: SetPrivateKey and SetPeer (or Apply) configure it at any time.
/// The owner gives packets from the TUN device to SendPackets, datagrams from
/// the socket to HandleDatagrams, and calls HandleTimeout at NextTimeout().
/// After each call it sends what came out, polls events until there are none
/// and arms one timer.
///
/// Outgoing datagrams carry in their Meta
/// - tag: the PeerId of the peer; kNoPeer for a cookie reply,
/// - remote: where to send; for a cookie reply, where the cause came from,
/// - local: our endpoint to send from, as learnt; default: any.
/// Cookies are bound to Meta::remote of incoming datagrams: an owner that
/// carries datagrams over something else than UDP gives every sender its own
/// remote, and sends tag 0 replies back to where that remote belongs.
///
/// All output batches are appended to, never cleared; they must not be the
/// input batch. Once batches have grown to their working size, SendPackets and
/// HandleDatagrams do not allocate for transport data.
class Device {
 public:
  /// `rng` makes keys and indices and must outlive the device.
  Device(const DeviceConfig& config, Rng& rng);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  // Configuration.

  /// Sets or (all zeros) takes away the static key. A changed key drops pending
  /// handshakes and, unless they are kept, all sessions; packets that wait for
  /// a session go on waiting, until the owner or a packet starts a handshake,
  /// unless there is no key any more: then all sessions go. A peer with our own
  /// public key is removed. The same key again changes nothing.
  void SetPrivateKey(Instant now, StaticPrivateKey key,
                     SessionFate sessions = SessionFate::kDropped);

  /// Creates, changes or removes one peer. Returns its id; kNoPeer when it was
  /// removed or `update_only` found none. Errors, with nothing changed:
  /// kBadValue for our own or the zero key or a bad keepalive, kLimitExceeded
  /// for a new peer beyond max_peers.
  [[nodiscard]] Result<PeerId> SetPeer(Instant now, const PeerUpdate& update);

  /// Applies one configuration operation in its order. A peer that is
  /// ourselves is skipped, as the configuration protocol wants it. Errors as
  /// SetPeer; what came before the failing peer stays applied.
  [[nodiscard]] Result<void> Apply(Instant now, DeviceUpdate update);

  /// Removes the peer with its prefixes, sessions and staged packets. False
  /// when there is none.
  bool RemovePeer(PeerId peer);
  void RemoveAllPeers();

  /// Sends the peer's datagrams to `remote` from `local` until an authentic
  /// datagram comes from elsewhere. Errors: kNotFound.
  [[nodiscard]] Result<void> SetEndpoint(PeerId peer, const Endpoint& remote,
                                         const Endpoint& local = {});

  /// Makes two peers one host that changes its key: packets of either are
  /// accepted from the prefixes of both. It ends when either is removed.
  /// Errors: kNotFound, kBadValue for a peer with itself.
  [[nodiscard]] Result<void> JoinPeers(PeerId one, PeerId other);

  /// Gives all prefixes of `from` to `to`, and the packets that wait for a
  /// session of `from`; they are sent, or wait there. Errors: kNotFound,
  /// kBadValue for a peer to itself.
  [[nodiscard]] Result<void> MovePrefixes(Instant now, PeerId from, PeerId to,
                                          PacketBatch& out);

  void ReportLoad(Load load);

  // Data path.

  /// Seals IP packets for the peers whose AllowedIPs hold their destination.
  /// Without a session the packet is staged and a handshake starts; packets
  /// of `plaintext` that go nowhere are counted, see DropReason.
  void SendPackets(Instant now, const PacketBatch& plaintext,
                   PacketBatch& datagrams);

  /// The same for packets that lie in no batch, and outside of `datagrams`.
  void SendPackets(Instant now, std::span<const ByteView> plaintext,
                   PacketBatch& datagrams);

  /// Handles datagrams of all four message types. `plaintext` gets the opened
  /// IP packets without padding (Meta of the datagram, tag = PeerId of the
  /// sender), `replies` what is to be sent. Meta::tag of the input is ignored.
  void HandleDatagrams(Instant now, const PacketBatch& datagrams,
                       PacketBatch& plaintext, PacketBatch& replies);

  /// A datagram that lies in no batch.
  struct Datagram {
    ByteView bytes;
    PacketBatch::Meta meta;
  };

  /// The same for datagrams that lie in no batch, and outside of both.
  void HandleDatagrams(Instant now, std::span<const Datagram> datagrams,
                       PacketBatch& plaintext, PacketBatch& replies);

  /// Does what is due. Early, late or repeated calls are harmless.
  void HandleTimeout(Instant now, PacketBatch& out);

  /// When to call HandleTimeout next; nullopt when nothing is planned.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Sends a handshake initiation and retries it for REKEY_ATTEMPT_TIME.
  /// Sessions that exist go on until the new one is there. Errors: kNotFound
  /// (no such peer), kInvalidState (no private key, or no endpoint where one
  /// is required, or a peer key of low order), kLimitExceeded (too soon; a
  /// retry is planned for when it is allowed).
  [[nodiscard]] Result<void> InitiateHandshake(Instant now, PeerId peer,
                                               HandshakePace pace,
                                               PacketBatch& out);

  /// Sends an empty transport data message, e.g. to prove a path. Does nothing
  /// without a session (PeerStatus::has_session) or peer.
  void SendKeepalive(Instant now, PeerId peer, PacketBatch& out);

  // Outputs.

  [[nodiscard]] std::optional<DeviceEvent> PollEvent();
  [[nodiscard]] const DeviceCounters& counters() const;

  /// Zero while there is no private key.
  [[nodiscard]] const PublicKey& public_key() const;
  /// nullptr while there is none.
  [[nodiscard]] const StaticPrivateKey* private_key() const;
  /// nullptr when the peer does not exist or has none.
  [[nodiscard]] const PresharedKey* preshared_key(PeerId peer) const;
  /// Stored for the owner, who opens the socket.
  [[nodiscard]] uint16_t listen_port() const;
  void set_listen_port(uint16_t port);
  /// Stored for the owner, who marks the socket; 0 is none.
  [[nodiscard]] uint32_t fwmark() const;

  [[nodiscard]] size_t peer_count() const;
  [[nodiscard]] std::optional<PeerId> FindPeer(const PublicKey& key) const;
  /// The peer whose AllowedIPs hold `ip` by longest prefix.
  [[nodiscard]] std::optional<PeerId> FindRoute(const IpAddress& ip) const;
  [[nodiscard]] std::optional<PeerStatus> GetPeer(PeerId peer) const;
  /// All peers in the order they were added.
  [[nodiscard]] std::vector<PeerStatus> ListPeers() const;

 private:
  friend class DeviceTesting;  // sets counters that no test can count up to
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::wg
