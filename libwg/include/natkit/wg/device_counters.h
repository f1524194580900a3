#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace natkit::wg {

/// Why a packet went no further. Every dropped packet counts under exactly one.
enum class DropReason : uint8_t {
  // Incoming datagrams.
  kMalformed,           ///< no WireGuard message, or a wrong length
  kNoPrivateKey,        ///< handshake message while the device has no key
  kBadMac1,             ///< sender does not know our public key
  kCookieRequired,      ///< under load, mac2 absent or wrong; cookie reply sent
  kRateLimited,         ///< under load, too many handshakes from this address
  kHandshakeAuth,       ///< a handshake message does not decrypt
  kUnknownPeer,         ///< initiation of a key that is not configured
  kTimestampReplayed,   ///< initiation not newer than the last one
  kInitiationFlood,     ///< more than 50 initiations a second from one peer
  kUnexpectedResponse,  ///< response to no pending initiation
  kUnexpectedCookie,  ///< cookie reply to no message of ours, or not authentic
  kUnknownIndex,      ///< no session with this receiver index
  kSessionExpired,    ///< keypair past REJECT_AFTER_TIME or its last counter
  kDataAuth,          ///< transport data does not decrypt
  kDataReplayed,      ///< counter seen before, or older than the window
  kBadInnerPacket,    ///< decrypted content is no well-formed IP packet
  kNotAllowed,        ///< inner source is not in the peer's AllowedIPs
  // Outgoing packets.
  kBadPlaintext,    ///< not an IP packet, or longer than kMaxPlaintextSize
  kNoRoute,         ///< no peer's AllowedIPs hold the destination
  kNoEndpoint,      ///< peer's endpoint not known (EndpointPolicy::kRequired)
  kStagedOverflow,  ///< oldest staged packet made room for a newer one
  kStagedFlushed,   ///< staged while the handshake gave up or the peer left
};

inline constexpr size_t kDropReasonCount = 22;

/// Names a reason as metrics spell it, e.g. "bad_mac1". Static storage.
[[nodiscard]] std::string_view DropReasonName(DropReason reason);

/// Totals since the device was made.
struct DeviceCounters {
  std::array<uint64_t, kDropReasonCount> drops{};
  uint64_t data_sealed = 0;  ///< transport data messages sent, not keepalives
  uint64_t data_opened = 0;  ///< packets handed out as plaintext
  uint64_t keepalives_sent = 0;
  uint64_t keepalives_received = 0;
  uint64_t initiations_sent = 0;
  uint64_t initiations_accepted = 0;
  uint64_t responses_accepted = 0;
  uint64_t cookie_replies_sent = 0;
  uint64_t cookie_replies_accepted = 0;
  uint64_t events_lost = 0;  ///< the owner did not poll; the oldest went

  [[nodiscard]] uint64_t drop(DropReason reason) const {
    return drops[static_cast<size_t>(reason)];
  }
};

}  // namespace natkit::wg
