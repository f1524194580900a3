#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/port_mapping.h"

// What a core wants of a UPnP Internet Gateway Device and what came of it. HTTP
// and XML are somebody else's: the core stays without I/O.
namespace natkit::nat {

enum class UpnpAction : uint8_t {
  /// Find the device that is the gateway, remember it for what follows, and ask
  /// it for its external address.
  kDiscover,
  kAddMapping,     ///< AddPortMapping
  kDeleteMapping,  ///< DeletePortMapping
};

/// One thing to do, answered by a UpnpResult with the same number. One is
/// under way at a time.
struct UpnpRequest {
  uint64_t id = 0;
  UpnpAction action = UpnpAction::kDiscover;
  // kDiscover.
  IpAddress gateway;
  // kDiscover and kAddMapping: our address toward the gateway.
  IpAddress local;
  // kAddMapping and kDeleteMapping.
  MappedProtocol protocol = MappedProtocol::kUdp;
  uint16_t external_port = 0;
  // kAddMapping.
  uint16_t internal_port = 0;
  Duration lease{};  ///< whole seconds; zero: until deleted
  std::string description;
};

/// Error codes of UPnP (WANIPConnection:2 section 2.5), and two of our own.
enum class UpnpError : int32_t {
  kNone = 0,
  kNoDevice = -1,  ///< nothing answers, or nothing that is the gateway
  kBroken = -2,    ///< an answer that makes no sense, or none
  kInvalidAction = 401,
  kInvalidArgs = 402,
  kActionFailed = 501,
  kNotAuthorized = 606,
  kNoSuchEntry = 714,
  kConflict = 718,
  kSamePortRequired = 724,
  kOnlyPermanentLeases = 725,
  kRemoteHostMustBeWildcard = 726,
  kExternalPortMustBeWildcard = 727,
  kNoPortMapsAvailable = 728,
  kConflictWithOther = 729,
};

struct UpnpResult {
  uint64_t id = 0;
  UpnpError error = UpnpError::kNone;  ///< also codes that are not named above
  std::optional<IpAddress> external_address;  ///< kDiscover, if it has one
  /// kAddMapping: how long it lives by what the device says, if it does.
  std::optional<Duration> lease;
};

}  // namespace natkit::nat
