#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/time.h"

namespace natkit::wg {

/// Names a peer of one Device for as long as the Device lives: given out from 1
/// up and never reused. Travels as PacketBatch::Meta::tag.
using PeerId = PacketTag;

/// Not a peer: the tag of a packet that belongs to none, e.g. a cookie reply.
inline constexpr PeerId kNoPeer = 0;

/// One `public_key=` section of a configuration: creates or changes a peer.
/// What is absent stays as it is.
struct PeerUpdate {
  PublicKey public_key;
  /// Removes the peer; everything below is then ignored.
  bool remove = false;
  /// Does nothing when the peer does not exist.
  bool update_only = false;
  /// All zeros means none. Sessions that exist go on; the next handshake uses
  /// the new value.
  std::optional<PresharedKey> preshared_key;
  std::optional<Endpoint> endpoint;
  /// Zero turns it off, at most 65535 s. Turning it on sends a keepalive (and
  /// so a handshake) at the next HandleTimeout, which is due at once.
  std::optional<Duration> persistent_keepalive;
  /// Takes all prefixes of the peer away before `allowed_ips` are added.
  bool replace_allowed_ips = false;
  /// Prefixes to add. One that another peer holds leaves that peer.
  std::vector<IpPrefix> allowed_ips;
};

/// One `set=1` operation: the device's part, then the peers in order.
struct DeviceUpdate {
  /// All zeros means none.
  std::optional<StaticPrivateKey> private_key;
  std::optional<uint16_t> listen_port;
  std::optional<uint32_t> fwmark;
  /// Removes all peers before `peers` are applied.
  bool replace_peers = false;
  std::vector<PeerUpdate> peers;
};

/// What there is to know about one peer; no secrets.
struct PeerStatus {
  PeerId id = kNoPeer;
  PublicKey public_key;
  bool has_preshared_key = false;
  /// Where datagrams go: configured, or learnt from the last authentic one.
  std::optional<Endpoint> endpoint;
  /// Our endpoint that the last authentic datagram came to; default: any.
  Endpoint local_endpoint;
  Duration persistent_keepalive{0};
  /// Wall clock time since the Unix epoch; nullopt before the first handshake.
  std::optional<Duration> last_handshake;
  /// UDP payload bytes of authentic datagrams, all message types.
  uint64_t rx_bytes = 0;
  /// UDP payload bytes sent, all message types.
  uint64_t tx_bytes = 0;
  /// True while data can be sealed without a new handshake.
  bool has_session = false;
  /// Ordered: IPv4 before IPv6, then by address and length.
  std::vector<IpPrefix> allowed_ips;
};

}  // namespace natkit::wg
