#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "portmap/lease_book.h"

namespace natkit::netsim::portmap {

/// Result codes of NAT-PMP (RFC 6886 section 3.5).
enum class PmpResult : uint16_t {
  kSuccess = 0,
  kUnsupportedVersion = 1,
  kNotAuthorized = 2,
  kNetworkFailure = 3,
  kOutOfResources = 4,
  kUnsupportedOpcode = 5,
};

/// A NAT-PMP server without its socket (RFC 6886). Both references outlive it.
class NatPmpServer {
 public:
  NatPmpServer(LeaseBook& leases, Duration max_lifetime);

  /// The answer to one datagram of version 0 from `client`; empty if it gets
  /// none. `epoch` is in seconds since the gateway last lost its state.
  [[nodiscard]] std::vector<uint8_t> Answer(Instant now, uint32_t epoch,
                                            const IpAddress& client,
                                            ByteView request);
  /// To a datagram of another version.
  [[nodiscard]] static std::vector<uint8_t> RefuseVersion(uint32_t epoch,
                                                          uint8_t opcode);
  /// Section 3.2.1: tells all hosts the external address.
  [[nodiscard]] std::vector<uint8_t> Announcement(uint32_t epoch) const;

 private:
  struct MapRequest;

  std::vector<uint8_t> Map(Instant now, uint32_t epoch, const IpAddress& client,
                           const MapRequest& request);
  std::vector<uint8_t> Unmap(Instant now, uint32_t epoch,
                             const IpAddress& client,
                             const MapRequest& request);

  LeaseBook& leases_;
  Duration max_lifetime_;
};

}  // namespace natkit::netsim::portmap
