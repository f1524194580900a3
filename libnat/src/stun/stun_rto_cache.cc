#include "natkit/nat/stun_rto_cache.h"

#include <algorithm>

namespace natkit::stun {

Duration RtoCache::RtoFor(Instant now, const IpAddress& server) const {
  const auto known = servers_.find(server);
  if (known == servers_.end() || now - known->second.used >= kLifetime) {
    return kLeast;
  }
  const Estimate& estimate = known->second;
  return std::clamp(estimate.smoothed + 4 * estimate.variation, kLeast, kMost);
}

void RtoCache::NoteRtt(Instant now, const IpAddress& server, Duration rtt) {
  rtt = std::clamp(rtt, Duration::zero(), kMost);
  auto known = servers_.find(server);
  if (known != servers_.end() && now - known->second.used >= kLifetime) {
    servers_.erase(known);
    known = servers_.end();
  }
  if (known == servers_.end()) {
    MakeRoom(now);
    servers_.emplace(
        server, Estimate{.smoothed = rtt, .variation = rtt / 2, .used = now});
    return;
  }
  // RFC 6298 section 2.3: beta 1/4, alpha 1/8.
  Estimate& estimate = known->second;
  const Duration error = estimate.smoothed > rtt ? estimate.smoothed - rtt
                                                 : rtt - estimate.smoothed;
  estimate.variation = (3 * estimate.variation + error) / 4;
  estimate.smoothed = (7 * estimate.smoothed + rtt) / 8;
  estimate.used = now;
}

void RtoCache::MakeRoom(Instant now) {
  std::erase_if(servers_, [now](const auto& entry) {
    return now - entry.second.used >= kLifetime;
  });
  if (servers_.size() >= kMaxServers) {
    servers_.erase(std::ranges::min_element(
        servers_, {}, [](const auto& entry) { return entry.second.used; }));
  }
}

}  // namespace natkit::stun
