#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::nat {

/// Where NAT-PMP and PCP servers listen, and where they send announcements.
inline constexpr uint16_t kPortMappingServerPort = 5351;
inline constexpr uint16_t kPortMappingClientPort = 5350;

/// What mappings are asked for unless told otherwise (RFC 6886 section 3.3).
inline constexpr Duration kPortMappingLifetime = std::chrono::hours(2);

/// What a mapping is for; the values are IANA's protocol numbers.
enum class MappedProtocol : uint8_t { kTcp = 6, kUdp = 17 };

/// Names one mapping of this host.
struct PortMappingKey {
  MappedProtocol protocol = MappedProtocol::kUdp;
  uint16_t internal_port = 0;
  /// Set: a mapping for one remote peer alone (PCP PEER, RFC 6887 section 12).
  std::optional<Endpoint> remote;

  auto operator<=>(const PortMappingKey&) const = default;
};

/// Who keeps a mapping, in order of preference.
enum class PortMappingService : uint8_t {
  kPcp,     ///< RFC 6887
  kNatPmp,  ///< RFC 6886
  kUpnp,    ///< UPnP Internet Gateway Device 1 and 2
};

/// "PCP", "NAT-PMP", "UPnP".
[[nodiscard]] std::string_view PortMappingServiceName(
    PortMappingService service);

/// Why there is no mapping.
enum class PortMappingError : uint8_t {
  kNoAnswer,            ///< nobody speaks the protocol there
  kUnsupportedVersion,  ///< somebody does, but another version
  kUnsupported,         ///< the operation or the protocol is not known there
  kRefused,             ///< switched off, or not for us
  kNoExternalAddress,   ///< the gateway is not connected itself
  kNoResources,         ///< the gateway has no port or memory left
  kQuotaExceeded,       ///< this host has as many as it may have
  kConflict,            ///< the external port belongs to somebody else
  kAddressMismatch,     ///< another NAT stands between us and the gateway
  kProtocol,            ///< an answer that makes no sense
  kExpired,             ///< it ended, and the gateway did not renew it
};

/// One clear sentence without a full stop, for people.
[[nodiscard]] std::string_view DescribePortMappingError(PortMappingError error);
/// A stable word for machines, such as "no-answer".
[[nodiscard]] std::string_view PortMappingErrorName(PortMappingError error);

// What the clients of the single protocols report.

/// The gateway speaks the protocol; once after each Start().
struct ServiceAnswered {};

/// It does not, or no longer. Start() tries again.
struct ServiceFailed {
  PortMappingError error = PortMappingError::kNoAnswer;
};

/// The gateway's own address on its outside, whenever it is first or newly
/// known.
struct GatewayAddress {
  IpAddress address;
};

/// A mapping exists: new, renewed, or moved to another external endpoint.
struct MappingGranted {
  PortMappingKey key;
  Endpoint external;
  Duration lifetime{};
};

/// A mapping does not exist. It is asked for again after a while.
struct MappingFailed {
  PortMappingKey key;
  PortMappingError error = PortMappingError::kRefused;
};

/// What Unmap() asked for is done, or given up.
struct MappingRemoved {
  PortMappingKey key;
};

/// The gateway has lost its state; all mappings are being made anew.
struct GatewayRestarted {};

using PortMappingClientEvent =
    std::variant<ServiceAnswered, ServiceFailed, GatewayAddress, MappingGranted,
                 MappingFailed, MappingRemoved, GatewayRestarted>;

}  // namespace natkit::nat
