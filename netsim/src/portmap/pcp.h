#pragma once

#include <cstdint>
#include <expected>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "portmap/lease_book.h"
#include "portmap/pcp_message.h"

namespace natkit::netsim::portmap {

/// Whether clients may map for other hosts (RFC 6887 section 13.1).
enum class ThirdParty : uint8_t { kRefused, kAllowed };

/// A PCP server without its socket (RFC 6887). References outlive it.
///
/// MAP makes forwards in the lease book. PEER makes the mapping that a packet
/// to the remote peer would make, and its lifetime is what such a mapping has:
/// the box keeps no mapping longer than its own rules say. Lifetimes of MAP
/// are at least two minutes (section 15) and at most the configured ones.
class PcpServer {
 public:
  PcpServer(LeaseBook& leases, const NatConfig& config, ThirdParty third_party);

  /// The answer to one datagram of any version that came from `client`; empty
  /// if it gets none. `epoch` is in seconds since the state was last lost.
  [[nodiscard]] std::vector<uint8_t> Answer(Instant now, uint32_t epoch,
                                            const IpAddress& client,
                                            ByteView request);
  /// Section 14.1.2: unsolicited, after state was lost.
  [[nodiscard]] static std::vector<uint8_t> Announcement(uint32_t epoch);

 private:
  /// Seconds granted, the body, and the options to repeat.
  struct Granted {
    uint32_t lifetime = 0;
    std::vector<uint8_t> body;
    ByteView options;
  };

  using Outcome = std::expected<Granted, PcpResult>;

  Outcome Handle(Instant now, const IpAddress& client, ByteView request);
  Outcome HandleMap(Instant now, const PcpHeader& header, ByteReader& in);
  Outcome HandlePeer(Instant now, const PcpHeader& header, ByteReader& in);
  std::expected<Lease, PcpResult> Map(Instant now, const Endpoint& inside,
                                      const PcpMap& map, Duration lifetime,
                                      const PcpOptions& options);
  PcpResult Unmap(Instant now, const Endpoint& inside, const PcpMap& map);
  [[nodiscard]] std::expected<IpAddress, PcpResult> InsideOf(
      const PcpHeader& header, const PcpOptions& options) const;
  [[nodiscard]] Duration Grant(uint32_t seconds) const;

  LeaseBook& leases_;
  const NatConfig& config_;
  ThirdParty third_party_;
};

}  // namespace natkit::netsim::portmap
