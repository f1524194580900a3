#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/rng.h"

namespace natkit::stun {

/// Bytes 4 to 7 of each message (RFC 8489 section 5).
inline constexpr uint32_t kMagicCookie = 0x2112A442;

/// Size of the message header, bytes.
inline constexpr size_t kHeaderSize = 20;

/// Size of an attribute's type and length, bytes.
inline constexpr size_t kAttributeHeaderSize = 4;

/// The longest message to send over UDP while the path MTU is not known: fits
/// a 576 byte IPv4 packet (RFC 8489 section 6.1).
inline constexpr size_t kMaxUdpMessageSize = 548;

/// What FINGERPRINT's CRC-32 is XORed with (RFC 8489 section 14.7).
inline constexpr uint32_t kFingerprintXor = 0x5354554E;

/// Default port of STUN over UDP and TCP.
inline constexpr uint16_t kDefaultPort = 3478;

/// The two class bits of a message type (RFC 8489 section 5).
enum class MessageClass : uint8_t {
  kRequest = 0,
  kIndication = 1,
  kSuccessResponse = 2,
  kErrorResponse = 3,
};

/// The twelve method bits of a message type. Any value below 0x1000 may occur.
enum class Method : uint16_t {
  kBinding = 1,
  kAllocate = 3,
  kRefresh = 4,
  kSend = 6,
  kData = 7,
  kCreatePermission = 8,
  kChannelBind = 9,
};

/// The first 16 bits of a message: `00 M11..M7 C1 M6..M4 C0 M3..M0`.
struct MessageType {
  MessageClass message_class = MessageClass::kRequest;
  Method method = Method::kBinding;

  /// The wire form; method bits above the twelfth are dropped.
  [[nodiscard]] uint16_t Encode() const;
  /// nullopt when one of the top two bits is set: not STUN.
  [[nodiscard]] static std::optional<MessageType> Decode(uint16_t wire);

  [[nodiscard]] bool is_response() const {
    return message_class == MessageClass::kSuccessResponse ||
           message_class == MessageClass::kErrorResponse;
  }

  bool operator==(const MessageType&) const = default;
};

inline constexpr MessageType kBindingRequest{MessageClass::kRequest,
                                             Method::kBinding};
inline constexpr MessageType kBindingIndication{MessageClass::kIndication,
                                                Method::kBinding};
inline constexpr MessageType kBindingSuccess{MessageClass::kSuccessResponse,
                                             Method::kBinding};
inline constexpr MessageType kBindingError{MessageClass::kErrorResponse,
                                           Method::kBinding};

/// The 96 bits that tie a response to its request; the same on retransmits.
struct TransactionId {
  std::array<uint8_t, 12> bytes{};

  [[nodiscard]] static TransactionId Generate(Rng& rng);

  auto operator<=>(const TransactionId&) const = default;
};

/// STUN error codes: the registered ones; any value of 300 to 699 may occur.
enum class ErrorCode : uint16_t {
  kTryAlternate = 300,
  kBadRequest = 400,
  kUnauthenticated = 401,
  kForbidden = 403,
  kUnknownAttribute = 420,
  kAllocationMismatch = 437,
  kStaleNonce = 438,
  kAddressFamilyNotSupported = 440,
  kWrongCredentials = 441,
  kUnsupportedTransport = 442,
  kPeerAddressFamilyMismatch = 443,
  kAllocationQuotaReached = 486,
  kRoleConflict = 487,
  kServerError = 500,
  kInsufficientCapacity = 508,
};

/// The registered reason phrase, e.g. "Bad Request"; empty for others.
[[nodiscard]] std::string_view ReasonPhrase(ErrorCode code);

/// What carries the messages.
enum class Transport : uint8_t { kUdp, kTcp };

}  // namespace natkit::stun
