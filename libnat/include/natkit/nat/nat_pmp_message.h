#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

// The messages of NAT-PMP as a client writes and reads them (RFC 6886).
namespace natkit::nat {

enum class NatPmpOpcode : uint8_t {
  kExternalAddress = 0,
  kMapUdp = 1,
  kMapTcp = 2,
};

/// RFC 6886 section 3.5. Others may come; they are failures without remedy.
enum class NatPmpResult : uint16_t {
  kSuccess = 0,
  kUnsupportedVersion = 1,
  kNotAuthorized = 2,
  kNetworkFailure = 3,
  kOutOfResources = 4,
  kUnsupportedOpcode = 5,
};

/// RFC 6886 section 3.3. 12 bytes on the wire.
struct NatPmpMapRequest {
  NatPmpOpcode opcode = NatPmpOpcode::kMapUdp;
  uint16_t internal_port = 0;
  uint16_t suggested_port = 0;
  uint32_t lifetime = 0;  ///< seconds; 0 deletes

  bool operator==(const NatPmpMapRequest&) const = default;
};

/// A response, or an announcement of the external address, which has the same
/// form (section 3.2.1).
struct NatPmpResponse {
  NatPmpOpcode opcode = NatPmpOpcode::kExternalAddress;
  uint16_t result = 0;  ///< a NatPmpResult, if it is a known one
  uint32_t epoch = 0;   ///< seconds since the gateway's state began
  /// kExternalAddress and success only.
  std::optional<IpAddress> external_address;
  // kMapUdp and kMapTcp, as far as the gateway sent them; else 0.
  uint16_t internal_port = 0;
  uint16_t external_port = 0;
  uint32_t lifetime = 0;  ///< seconds

  [[nodiscard]] bool is_success() const { return result == 0; }

  bool operator==(const NatPmpResponse&) const = default;
};

/// 2 bytes (section 3.2).
[[nodiscard]] std::vector<uint8_t> BuildNatPmpAddressRequest();
[[nodiscard]] std::vector<uint8_t> BuildNatPmpMapRequest(
    const NatPmpMapRequest& request);
/// 12 or 16 bytes, as a gateway sends it; for tests and servers.
[[nodiscard]] std::vector<uint8_t> BuildNatPmpResponse(
    const NatPmpResponse& response);

/// Reads a response of version 0. Failures may be as short as 8 bytes (section
/// 3.5). What follows a response is ignored. Errors: kTruncated, kBadValue (a
/// request, another version or an opcode that we do not know).
[[nodiscard]] Result<NatPmpResponse> ParseNatPmpResponse(ByteView datagram);

}  // namespace natkit::nat
