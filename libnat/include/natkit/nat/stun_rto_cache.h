#pragma once

#include <cstddef>
#include <map>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::stun {

/// The retransmission timeouts that servers turned out to need, for the next
/// request to each (RFC 8489 section 6.2.1, RFC 6298).
///
/// Feed it BindingEvent::rtt; give RetransmitSchedule::Udp() what it yields.
/// Addresses without a request for ten minutes are forgotten; beyond
/// kMaxServers the one that was used least recently is. Pure.
class RtoCache {
 public:
  static constexpr Duration kLeast = std::chrono::milliseconds(500);
  static constexpr Duration kMost = std::chrono::seconds(60);
  static constexpr Duration kLifetime = std::chrono::minutes(10);
  static constexpr size_t kMaxServers = 256;

  /// The RTO to start a request with: 500 ms for a server not known.
  [[nodiscard]] Duration RtoFor(Instant now, const IpAddress& server) const;

  /// Takes a round trip of a request that was sent once (Karn's rule).
  void NoteRtt(Instant now, const IpAddress& server, Duration rtt);

  [[nodiscard]] size_t size() const { return servers_.size(); }

 private:
  struct Estimate {
    Duration smoothed{};
    Duration variation{};
    Instant used;
  };

  void MakeRoom(Instant now);

  std::map<IpAddress, Estimate> servers_;
};

}  // namespace natkit::stun
