#include "sockaddr.h"

#include <array>
#include <cstring>

#include "system_error.h"

namespace natkit::io {

SockAddr::SockAddr(const Endpoint& endpoint) {
  const ByteView bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&storage, &v4, sizeof v4);
    size = sizeof v4;
    return;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
  std::memcpy(&storage, &v6, sizeof v6);
  size = sizeof v6;
}

IpAddress ToIpAddress(const in_addr& address) {
  std::array<uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::V4(bytes);
}

IpAddress ToIpAddress(const in6_addr& address) {
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::V6(bytes);
}

std::optional<Endpoint> ToEndpoint(const sockaddr* address, socklen_t size) {
  if (size >= sizeof(sockaddr_in) && address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    return Endpoint{ToIpAddress(v4.sin_addr), ntohs(v4.sin_port)};
  }
  if (size >= sizeof(sockaddr_in6) && address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    return Endpoint{ToIpAddress(v6.sin6_addr), ntohs(v6.sin6_port)};
  }
  return std::nullopt;
}

Result<UniqueFd> OpenSocket(AddressFamily family, int type) {
  UniqueFd fd(
      ::socket(DomainOf(family), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.is_valid()) {
    return FailErrno();
  }
  if (family == AddressFamily::kIpv6 &&
      !SetOption(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, 1)) {
    return FailErrno();
  }
  return fd;
}

Endpoint LocalEndpointOf(int fd) {
  SockAddr address;
  address.size = sizeof address.storage;
  if (::getsockname(fd, address.get(), &address.size) != 0) {
    return {};
  }
  return ToEndpoint(address.get(), address.size).value_or(Endpoint{});
}

}  // namespace natkit::io
