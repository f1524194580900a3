#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "natkit/nat/bounded_list.h"

namespace natkit::stun {

/// Attribute numbers of the IANA registry and of the drafts met in the field.
/// Any 16-bit value may occur.
enum class AttributeType : uint16_t {
  // Comprehension-required: 0x0000 to 0x7FFF.
  kMappedAddress = 0x0001,
  kResponseAddress = 0x0002,  ///< RFC 3489 only; a reflector, never honoured
  kChangeRequest = 0x0003,
  kSourceAddress = 0x0004,   ///< RFC 3489 responses only
  kChangedAddress = 0x0005,  ///< RFC 3489 responses only
  kUsername = 0x0006,
  kPassword = 0x0007,  ///< RFC 3489, reserved
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kReflectedFrom = 0x000B,  ///< RFC 3489, reserved
  kChannelNumber = 0x000C,
  kLifetime = 0x000D,
  kXorPeerAddress = 0x0012,
  kData = 0x0013,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kXorRelayedAddress = 0x0016,
  kRequestedAddressFamily = 0x0017,
  kEvenPort = 0x0018,
  kRequestedTransport = 0x0019,
  kDontFragment = 0x001A,
  kMessageIntegritySha256 = 0x001C,
  kPasswordAlgorithm = 0x001D,
  kUserhash = 0x001E,
  kXorMappedAddress = 0x0020,
  kReservationToken = 0x0022,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kPadding = 0x0026,
  kResponsePort = 0x0027,

  // Comprehension-optional: 0x8000 to 0xFFFF.
  kAdditionalAddressFamily = 0x8000,
  kPasswordAlgorithms = 0x8002,
  kAlternateDomain = 0x8003,
  kXorMappedAddressDraft = 0x8020,  ///< XOR-MAPPED-ADDRESS before RFC 5389
  kSoftware = 0x8022,
  kAlternateServer = 0x8023,
  kTransactionTransmitCounter = 0x8025,
  kCacheTimeout = 0x8027,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
  kResponseOrigin = 0x802B,
  kOtherAddress = 0x802C,
  kMobilityTicket = 0x8030,
  kNomination = 0xC001,  ///< draft-thatcher-ice-renomination
  kGoogNetworkInfo = 0xC057,
};

/// "XOR-MAPPED-ADDRESS"; "unknown" for numbers without a name here.
[[nodiscard]] std::string_view AttributeName(AttributeType type);

/// True for 0x0000 to 0x7FFF: who does not know it must not go on.
[[nodiscard]] constexpr bool IsComprehensionRequired(AttributeType type) {
  return static_cast<uint16_t>(type) < 0x8000;
}

/// The comprehension-required attributes that every user of this library
/// understands, in the sense of RFC 8489 section 6.3: those of RFC 8489
/// itself. Usages (ICE, behaviour discovery) add their own.
[[nodiscard]] std::span<const AttributeType> BaseAttributes();

/// Distinct attribute numbers, at most 128: more are not worth an answer.
using AttributeTypeList = nat::BoundedList<AttributeType, 128>;

}  // namespace natkit::stun
