#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

/// A socket address of either family, ready for system calls.
struct SockAddr {
  sockaddr_storage storage{};
  socklen_t size = 0;

  SockAddr() = default;
  explicit SockAddr(const Endpoint& endpoint);

  [[nodiscard]] sockaddr* get() {
    return reinterpret_cast<sockaddr*>(&storage);
  }

  [[nodiscard]] const sockaddr* get() const {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

/// nullopt when it is neither IPv4 nor IPv6, or too short for its family.
[[nodiscard]] std::optional<Endpoint> ToEndpoint(const sockaddr* address,
                                                 socklen_t size);

[[nodiscard]] inline int DomainOf(AddressFamily family) {
  return family == AddressFamily::kIpv4 ? AF_INET : AF_INET6;
}

[[nodiscard]] IpAddress ToIpAddress(const in_addr& address);
[[nodiscard]] IpAddress ToIpAddress(const in6_addr& address);

/// Non-blocking, close-on-exec; IPv6 sockets carry IPv6 only.
[[nodiscard]] Result<UniqueFd> OpenSocket(AddressFamily family, int type);

/// setsockopt() with a plain value.
template <class T>
[[nodiscard]] bool SetOption(int fd, int level, int name, const T& value) {
  return ::setsockopt(fd, level, name, &value, sizeof value) == 0;
}

/// getsockname() as an endpoint; 0.0.0.0:0 if that fails.
[[nodiscard]] Endpoint LocalEndpointOf(int fd);

}  // namespace natkit::io
