#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"

// DERP version 2 frames: a type byte, a 32-bit big-endian payload length, the
// payload.

namespace natkit::derp {

/// What a frame is. Receivers skip types that they do not know.
enum class FrameType : uint8_t {
  kServerKey = 0x01,      ///< server: magic 8, public key 32, future bytes
  kClientInfo = 0x02,     ///< client: public key 32, sealed JSON
  kServerInfo = 0x03,     ///< server: sealed JSON
  kSendPacket = 0x04,     ///< client: destination 32, data
  kRecvPacket = 0x05,     ///< server: source 32, data
  kKeepAlive = 0x06,      ///< server: empty
  kNotePreferred = 0x07,  ///< client: one byte, non-zero = home
  kPeerGone = 0x08,       ///< server: peer 32, reason 1
  kPeerPresent = 0x09,    ///< server to mesh peer: peer 32, address 18, flags 1
  kForwardPacket = 0x0a,  ///< mesh peer: source 32, destination 32, data
  kWatchConns = 0x10,     ///< mesh peer: empty
  kClosePeer = 0x11,      ///< mesh peer: peer 32
  kPing = 0x12,           ///< both: 8 opaque bytes
  kPong = 0x13,           ///< both: the 8 bytes of the ping
  kHealth = 0x14,         ///< server: UTF-8 text, empty = healthy again
  kRestarting = 0x15,     ///< server: reconnect-in ms 4, try-for ms 4
};

inline constexpr uint8_t kProtocolVersion = 2;
inline constexpr size_t kFrameHeaderSize = 5;
inline constexpr size_t kKeySize = 32;
inline constexpr size_t kPingSize = 8;

/// The largest packet that a relay carries, in bytes of data.
inline constexpr size_t kMaxPacketSize = 65536;

/// The largest frame that a client accepts, in bytes of payload.
inline constexpr size_t kMaxClientReceiveFrame = 1U << 20;

/// Bytes in front of the data of a RecvPacket or SendPacket frame.
inline constexpr size_t kPacketFrameOverhead = kFrameHeaderSize + kKeySize;

/// One frame. `type` may be a value that FrameType does not name. `payload`
/// points into memory of whoever made the Frame.
struct Frame {
  FrameType type;
  ByteView payload;
};

/// Why a peer is said to be gone. An unknown reason counts as gone.
enum class PeerGoneReason : uint8_t {
  kDisconnected = 0x00,  ///< it left the region
  kNotHere = 0x01,       ///< this server does not know it
};

struct PeerGone {
  PublicKey peer;
  PeerGoneReason reason = PeerGoneReason::kDisconnected;
  bool operator==(const PeerGone&) const = default;
};

/// PeerPresent flag bits; no bit at all: the sender predates the field.
inline constexpr uint8_t kPeerIsRegular = 0x01;
inline constexpr uint8_t kPeerIsMeshPeer = 0x02;
inline constexpr uint8_t kPeerIsProber = 0x04;
inline constexpr uint8_t kPeerIsNotIdeal = 0x08;

struct PeerPresent {
  PublicKey peer;
  std::optional<Endpoint> endpoint;  ///< none: not sent, or unknown
  uint8_t flags = 0;
  bool operator==(const PeerPresent&) const = default;
};

/// The server is about to restart.
struct Restarting {
  Duration reconnect_in{};  ///< wait this long, then connect again
  Duration try_for{};       ///< and keep trying for this long
  bool operator==(const Restarting&) const = default;
};

/// Appends one whole frame to `out`. `payload` must fit 32 bits.
void AppendFrame(FrameType type, ByteView payload, std::vector<uint8_t>& out);

/// Writes the five header bytes at the start of `out`, which must hold them.
void WriteFrameHeader(FrameType type, size_t payload_size, MutableBytes out);

/// ServerKey payload: the key; bytes after it are ignored. Errors: kBadMagic,
/// kTruncated.
[[nodiscard]] Result<PublicKey> ParseServerKey(ByteView payload);
void AppendServerKey(const PublicKey& key, std::vector<uint8_t>& out);

/// PeerGone payload; a missing reason is kDisconnected. Errors: kTruncated.
[[nodiscard]] Result<PeerGone> ParsePeerGone(ByteView payload);
void AppendPeerGone(const PeerGone& gone, std::vector<uint8_t>& out);

/// PeerPresent payload; address and flags may be missing, longer is fine.
/// Errors: kTruncated.
[[nodiscard]] Result<PeerPresent> ParsePeerPresent(ByteView payload);
void AppendPeerPresent(const PeerPresent& present, std::vector<uint8_t>& out);

/// Restarting payload. Errors: kTruncated.
[[nodiscard]] Result<Restarting> ParseRestarting(ByteView payload);
void AppendRestarting(const Restarting& restarting, std::vector<uint8_t>& out);

/// True for a payload that may be a path discovery message: it begins with the
/// discovery magic and is at least 62 bytes long. Relays queue those apart.
[[nodiscard]] bool LooksLikeDisco(ByteView data);

}  // namespace natkit::derp
