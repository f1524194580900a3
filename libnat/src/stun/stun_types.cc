#include "natkit/nat/stun_types.h"

namespace natkit::stun {

uint16_t MessageType::Encode() const {
  const auto m = static_cast<uint32_t>(method);
  const auto c = static_cast<uint32_t>(message_class);
  return static_cast<uint16_t>((m & 0x000F) | (m & 0x0070) << 1 |
                               (m & 0x0F80) << 2 | (c & 1) << 4 | (c & 2) << 7);
}

std::optional<MessageType> MessageType::Decode(uint16_t wire) {
  if ((wire & 0xC000) != 0) {
    return std::nullopt;
  }
  const int method =
      (wire & 0x000F) | (wire & 0x00E0) >> 1 | (wire & 0x3E00) >> 2;
  const int message_class = (wire & 0x0010) >> 4 | (wire & 0x0100) >> 7;
  return MessageType{static_cast<MessageClass>(message_class),
                     static_cast<Method>(method)};
}

TransactionId TransactionId::Generate(Rng& rng) {
  TransactionId id;
  rng.Fill(id.bytes);
  return id;
}

std::string_view ReasonPhrase(ErrorCode code) {
  switch (code) {
    case ErrorCode::kTryAlternate:
      return "Try Alternate";
    case ErrorCode::kBadRequest:
      return "Bad Request";
    case ErrorCode::kUnauthenticated:
      return "Unauthenticated";
    case ErrorCode::kForbidden:
      return "Forbidden";
    case ErrorCode::kUnknownAttribute:
      return "Unknown Attribute";
    case ErrorCode::kAllocationMismatch:
      return "Allocation Mismatch";
    case ErrorCode::kStaleNonce:
      return "Stale Nonce";
    case ErrorCode::kAddressFamilyNotSupported:
      return "Address Family not Supported";
    case ErrorCode::kWrongCredentials:
      return "Wrong Credentials";
    case ErrorCode::kUnsupportedTransport:
      return "Unsupported Transport";
    case ErrorCode::kPeerAddressFamilyMismatch:
      return "Peer Address Family Mismatch";
    case ErrorCode::kAllocationQuotaReached:
      return "Allocation Quota Reached";
    case ErrorCode::kRoleConflict:
      return "Role Conflict";
    case ErrorCode::kServerError:
      return "Server Error";
    case ErrorCode::kInsufficientCapacity:
      return "Insufficient Capacity";
  }
  return {};
}

}  // namespace natkit::stun
