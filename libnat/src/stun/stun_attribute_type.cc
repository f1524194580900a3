#include "natkit/nat/stun_attribute_type.h"

#include <algorithm>
#include <array>
#include <utility>

namespace natkit::stun {

namespace {

using enum AttributeType;

using NamedType = std::pair<AttributeType, std::string_view>;

constexpr auto kNames = std::to_array<NamedType>({
    {kMappedAddress, "MAPPED-ADDRESS"},
    {kResponseAddress, "RESPONSE-ADDRESS"},
    {kChangeRequest, "CHANGE-REQUEST"},
    {kSourceAddress, "SOURCE-ADDRESS"},
    {kChangedAddress, "CHANGED-ADDRESS"},
    {kUsername, "USERNAME"},
    {kPassword, "PASSWORD"},
    {kMessageIntegrity, "MESSAGE-INTEGRITY"},
    {kErrorCode, "ERROR-CODE"},
    {kUnknownAttributes, "UNKNOWN-ATTRIBUTES"},
    {kReflectedFrom, "REFLECTED-FROM"},
    {kChannelNumber, "CHANNEL-NUMBER"},
    {kLifetime, "LIFETIME"},
    {kXorPeerAddress, "XOR-PEER-ADDRESS"},
    {kData, "DATA"},
    {kRealm, "REALM"},
    {kNonce, "NONCE"},
    {kXorRelayedAddress, "XOR-RELAYED-ADDRESS"},
    {kRequestedAddressFamily, "REQUESTED-ADDRESS-FAMILY"},
    {kEvenPort, "EVEN-PORT"},
    {kRequestedTransport, "REQUESTED-TRANSPORT"},
    {kDontFragment, "DONT-FRAGMENT"},
    {kMessageIntegritySha256, "MESSAGE-INTEGRITY-SHA256"},
    {kPasswordAlgorithm, "PASSWORD-ALGORITHM"},
    {kUserhash, "USERHASH"},
    {kXorMappedAddress, "XOR-MAPPED-ADDRESS"},
    {kReservationToken, "RESERVATION-TOKEN"},
    {kPriority, "PRIORITY"},
    {kUseCandidate, "USE-CANDIDATE"},
    {kPadding, "PADDING"},
    {kResponsePort, "RESPONSE-PORT"},
    {kAdditionalAddressFamily, "ADDITIONAL-ADDRESS-FAMILY"},
    {kPasswordAlgorithms, "PASSWORD-ALGORITHMS"},
    {kAlternateDomain, "ALTERNATE-DOMAIN"},
    {kXorMappedAddressDraft, "XOR-MAPPED-ADDRESS"},
    {kSoftware, "SOFTWARE"},
    {kAlternateServer, "ALTERNATE-SERVER"},
    {kTransactionTransmitCounter, "TRANSACTION-TRANSMIT-COUNTER"},
    {kCacheTimeout, "CACHE-TIMEOUT"},
    {kFingerprint, "FINGERPRINT"},
    {kIceControlled, "ICE-CONTROLLED"},
    {kIceControlling, "ICE-CONTROLLING"},
    {kResponseOrigin, "RESPONSE-ORIGIN"},
    {kOtherAddress, "OTHER-ADDRESS"},
    {kMobilityTicket, "MOBILITY-TICKET"},
    {kNomination, "NOMINATION"},
    {kGoogNetworkInfo, "GOOG-NETWORK-INFO"},
});

static_assert(std::ranges::is_sorted(kNames, {}, &NamedType::first));

constexpr auto kBaseAttributes = std::to_array<AttributeType>({
    kMappedAddress,
    kUsername,
    kMessageIntegrity,
    kErrorCode,
    kUnknownAttributes,
    kRealm,
    kNonce,
    kMessageIntegritySha256,
    kPasswordAlgorithm,
    kUserhash,
    kXorMappedAddress,
});

}  // namespace

std::string_view AttributeName(AttributeType type) {
  const auto* found =
      std::ranges::lower_bound(kNames, type, {}, &NamedType::first);
  return found != kNames.end() && found->first == type ? found->second
                                                       : "unknown";
}

std::span<const AttributeType> BaseAttributes() {
  return kBaseAttributes;
}

}  // namespace natkit::stun
