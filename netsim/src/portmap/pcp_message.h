#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/nat_engine.h"
#include "portmap/lease_book.h"

// The messages of PCP as a server reads and writes them (RFC 6887).
namespace natkit::netsim::portmap {

inline constexpr uint8_t kPcpVersion = 2;
inline constexpr size_t kMaxPcpSize = 1100;   ///< section 7
inline constexpr size_t kPcpHeaderSize = 24;  ///< of requests and responses

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

/// Section 7.1. Addresses on the wire have 128 bits; IPv4 ones are mapped
/// there and plain here.
struct PcpHeader {
  uint8_t opcode = 0;
  uint32_t lifetime = 0;  ///< seconds
  IpAddress client;
};

/// The body of MAP (section 11.1), and what PEER has in common with it.
struct PcpMap {
  Nonce nonce{};
  uint8_t protocol = 0;
  uint16_t internal_port = 0;
  Endpoint suggested;

  bool operator==(const PcpMap&) const = default;
};

/// Section 12.1.
struct PcpPeer {
  PcpMap map;
  Endpoint remote;

  bool operator==(const PcpPeer&) const = default;
};

/// Section 13. `filters` is nothing where the request does not speak of them;
/// a filter for all (prefix length 0) removes those before it.
struct PcpOptions {
  std::optional<IpAddress> third_party;
  bool prefer_failure = false;
  bool drops_filters = false;
  std::vector<RemoteFilter> filters;
  /// The options as they stood, for the response to repeat.
  ByteView bytes;
};

/// Reads the header of a request of our version and of a fitting length.
[[nodiscard]] std::optional<PcpHeader> ReadPcpHeader(ByteReader& in);
[[nodiscard]] std::optional<PcpMap> ReadPcpMap(ByteReader& in);
[[nodiscard]] std::optional<PcpPeer> ReadPcpPeer(ByteReader& in);
/// Reads to the end. `opcode` says which options there may be. The options
/// view what `in` reads.
[[nodiscard]] std::expected<PcpOptions, PcpResult> ReadPcpOptions(
    ByteReader& in, PcpOpcode opcode);

void WritePcpAddress(ByteWriter& out, const IpAddress& address);
/// Section 7.2.
void WritePcpHeader(ByteWriter& out, uint8_t opcode, PcpResult result,
                    uint32_t lifetime, uint32_t epoch);
void WritePcpMap(ByteWriter& out, const PcpMap& map);
void WritePcpPeer(ByteWriter& out, const PcpPeer& peer);

}  // namespace natkit::netsim::portmap
