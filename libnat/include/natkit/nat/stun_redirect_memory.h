#pragma once

#include <cstddef>
#include <map>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::stun {

/// The servers that a client was at or was sent to in the last five minutes,
/// so that servers that point at each other do not keep it going round
/// (RFC 8489 section 10). Holds at most kMaxServers.
class RedirectMemory {
 public:
  static constexpr Duration kLifetime = std::chrono::minutes(5);
  static constexpr size_t kMaxServers = 8;

  /// Notes a server. False when it is known already or there is no room: the
  /// redirect is not to be followed.
  [[nodiscard]] bool Note(Instant now, const Endpoint& server) {
    std::erase_if(seen_, [now](const auto& entry) {
      return now - entry.second >= kLifetime;
    });
    return seen_.size() < kMaxServers && seen_.emplace(server, now).second;
  }

 private:
  std::map<Endpoint, Instant> seen_;
};

}  // namespace natkit::stun
