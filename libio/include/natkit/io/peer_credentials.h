#pragma once

#include <cstdint>
#include <vector>

#include "natkit/base/result.h"

namespace natkit::io {

/// Who opened the other end of a Unix stream socket, as the kernel noted it at
/// connect(2): what the process does to its identity later changes nothing.
struct PeerCredentials {
  uint32_t user = 0;             ///< effective user ID
  uint32_t group = 0;            ///< effective group ID
  std::vector<uint32_t> groups;  ///< supplementary group IDs
  int32_t process = 0;           ///< process ID; 0: in another PID namespace

  /// Whether `id` is the effective or a supplementary group.
  [[nodiscard]] bool IsInGroup(uint32_t id) const;
};

/// Reads SO_PEERCRED and SO_PEERGROUPS (unix(7)) of a connected Unix stream
/// socket. Errors: kUnsupported (another kind of socket, or never connected),
/// kIo.
[[nodiscard]] Result<PeerCredentials> ReadPeerCredentials(int fd);

}  // namespace natkit::io
