#include "natkit/io/peer_credentials.h"

#include <sys/socket.h>

#include <algorithm>
#include <type_traits>

#include "system_error.h"

namespace natkit::io {

namespace {

static_assert(std::is_same_v<gid_t, uint32_t>);
/// What a socket has that was never connected.
constexpr uid_t kNobody = static_cast<uid_t>(-1);

/// Without them a group that allows the peer would not be seen, so a failure
/// is one.
Result<std::vector<uint32_t>> ReadGroups(int fd) {
  std::vector<uint32_t> groups(64);
  while (true) {
    auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int result =
        ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
    const size_t count = size / sizeof(gid_t);
    if (result == 0) {
      groups.resize(count);
      return groups;
    }
    if (errno != ERANGE || count <= groups.size()) {
      return FailErrno();
    }
    groups.resize(count);
  }
}

}  // namespace

bool PeerCredentials::IsInGroup(uint32_t id) const {
  return group == id || std::ranges::find(groups, id) != groups.end();
}

Result<PeerCredentials> ReadPeerCredentials(int fd) {
  int family = 0;
  socklen_t size = sizeof family;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) {
    return FailErrno();
  }
  ucred peer{};
  size = sizeof peer;
  if (family != AF_UNIX ||
      ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
      peer.uid == kNobody) {
    return Fail(Errc::kUnsupported);
  }
  auto groups = ReadGroups(fd);
  if (!groups) {
    return std::unexpected(groups.error());
  }
  return PeerCredentials{.user = peer.uid,
                         .group = peer.gid,
                         .groups = *std::move(groups),
                         .process = peer.pid};
}

}  // namespace natkit::io
