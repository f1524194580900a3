#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

// The messages of PCP as a client writes and reads them (RFC 6887).
namespace natkit::nat {

inline constexpr size_t kMaxPcpSize = 1100;  ///< section 7

enum class PcpOpcode : uint8_t { kAnnounce = 0, kMap = 1, kPeer = 2 };

/// Section 7.4.
enum class PcpResult : uint8_t {
  kSuccess = 0,
  kUnsupportedVersion = 1,
  kNotAuthorized = 2,
  kMalformedRequest = 3,
  kUnsupportedOpcode = 4,
  kUnsupportedOption = 5,
  kMalformedOption = 6,
  kNetworkFailure = 7,
  kNoResources = 8,
  kUnsupportedProtocol = 9,
  kUserExceededQuota = 10,
  kCannotProvideExternal = 11,
  kAddressMismatch = 12,
  kExcessiveRemotePeers = 13,
};

/// Ties answers to requests and mappings to their owner (section 11.1).
using PcpNonce = std::array<uint8_t, 12>;

/// What MAP and PEER have in common (sections 11.1 and 12.1). An unspecified
/// external address and port 0 leave the choice to the server.
struct PcpMapping {
  PcpNonce nonce{};
  uint8_t protocol = 0;  ///< IANA's number
  uint16_t internal_port = 0;
  Endpoint external;
  std::optional<Endpoint> remote;  ///< PEER alone

  bool operator==(const PcpMapping&) const = default;
};

/// Section 7.1. ANNOUNCE has no mapping; with one it is MAP, or PEER if the
/// mapping has a remote.
struct PcpRequest {
  IpAddress client;       ///< the address that the packet is sent from
  uint32_t lifetime = 0;  ///< seconds; 0 deletes
  std::optional<PcpMapping> mapping;
  /// MAP: fail rather than give another external endpoint (section 13.2).
  bool prefer_failure = false;

  [[nodiscard]] PcpOpcode opcode() const;
};

/// Section 7.2. A failure has the mapping of the request.
struct PcpResponse {
  uint8_t version = 2;  ///< others only with kUnsupportedVersion
  PcpOpcode opcode = PcpOpcode::kAnnounce;
  uint8_t result = 0;     ///< a PcpResult, if it is a known one
  uint32_t lifetime = 0;  ///< seconds; of a failure: not to be tried before
  uint32_t epoch = 0;     ///< seconds since the server's state began
  std::optional<PcpMapping> mapping;

  [[nodiscard]] bool is_success() const { return result == 0; }

  bool operator==(const PcpResponse&) const = default;
};

[[nodiscard]] std::vector<uint8_t> BuildPcpRequest(const PcpRequest& request);
/// As a server sends it, without options; for tests and servers.
[[nodiscard]] std::vector<uint8_t> BuildPcpResponse(
    const PcpResponse& response);

/// Reads a response, options skipped. A server of another version, NAT-PMP's
/// included, is known by result 1: its version, and no mapping, are returned.
/// Errors: kTruncated, kBadLength (over 1100 bytes or no multiple of 4, or an
/// option that overruns), kBadValue (a request, another version, an opcode that
/// we do not know).
[[nodiscard]] Result<PcpResponse> ParsePcpResponse(ByteView datagram);

}  // namespace natkit::nat
