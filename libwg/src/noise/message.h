#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "natkit/base/bytes.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "noise/types.h"

namespace natkit::wg {

/// First byte of every message; the three after it are zero (paper, 5.4).
enum class MessageType : uint32_t {
  kHandshakeInitiation = 1,
  kHandshakeResponse = 2,
  kCookieReply = 3,
  kTransportData = 4,
};

inline constexpr size_t kInitiationSize = 148;
inline constexpr size_t kResponseSize = 92;
inline constexpr size_t kCookieReplySize = 64;
inline constexpr size_t kDataHeaderSize = 16;
inline constexpr size_t kMinDataSize = kDataHeaderSize + kAeadTagSize;
/// mac1 and mac2 end both handshake messages.
inline constexpr size_t kMacsSize = 32;

using CookieNonce = std::array<uint8_t, 24>;

/// Handshake initiation (paper, section 5.4.2) without its MACs.
struct HandshakeInitiation {
  SenderIndex sender{};
  PublicKey ephemeral;
  std::array<uint8_t, 32 + kAeadTagSize> encrypted_static{};
  std::array<uint8_t, 12 + kAeadTagSize> encrypted_timestamp{};
  bool operator==(const HandshakeInitiation&) const = default;
};

/// Handshake response (section 5.4.3) without its MACs.
struct HandshakeResponse {
  SenderIndex sender{};
  ReceiverIndex receiver{};
  PublicKey ephemeral;
  std::array<uint8_t, kAeadTagSize> encrypted_nothing{};
  bool operator==(const HandshakeResponse&) const = default;
};

/// Cookie reply (section 5.4.7).
struct CookieReply {
  ReceiverIndex receiver{};
  CookieNonce nonce{};
  std::array<uint8_t, 16 + kAeadTagSize> encrypted_cookie{};
  bool operator==(const CookieReply&) const = default;
};

/// Transport data (section 5.4.6). `content` points into the datagram.
struct TransportData {
  ReceiverIndex receiver{};
  uint64_t counter = 0;
  ByteView content;
};

/// The type of a datagram whose size its type allows. Errors: kTruncated,
/// kBadValue (unknown type or reserved bytes set), kBadLength.
[[nodiscard]] Result<MessageType> ClassifyMessage(ByteView datagram);

// Each Parse has the errors of ClassifyMessage, and kBadValue for another type.
[[nodiscard]] Result<HandshakeInitiation> ParseInitiation(ByteView datagram);
[[nodiscard]] Result<HandshakeResponse> ParseResponse(ByteView datagram);
[[nodiscard]] Result<CookieReply> ParseCookieReply(ByteView datagram);
[[nodiscard]] Result<TransportData> ParseData(ByteView datagram);

// Writers leave the MACs zero; see MacWriter in cookie.h.
void WriteInitiation(const HandshakeInitiation& message,
                     std::span<uint8_t, kInitiationSize> out);
void WriteResponse(const HandshakeResponse& message,
                   std::span<uint8_t, kResponseSize> out);
void WriteCookieReply(const CookieReply& message,
                      std::span<uint8_t, kCookieReplySize> out);
void WriteDataHeader(ReceiverIndex receiver, uint64_t counter,
                     std::span<uint8_t, kDataHeaderSize> out);

}  // namespace natkit::wg
