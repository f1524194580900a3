#include "natkit/io/borrowed_udp.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "sockaddr.h"
#include "system_error.h"

namespace natkit::io {
namespace {

constexpr int kTries = 3;       ///< each may meet an old ICMP error
constexpr int kMaxErrors = 64;  ///< that are taken at once

/// Errors that concern this datagram alone.
bool IsLoss(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS ||
         error == ENOMEM || error == EINTR || error == ECONNREFUSED;
}

/// Takes the errors that a socket with IP_RECVERR keeps: they would wake who
/// waits for datagrams again and again.
void TakeErrors(int fd) {
  for (int i = 0; i < kMaxErrors; ++i) {
    if (::recv(fd, nullptr, 0, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
      return;
    }
  }
}

}  // namespace

Result<BorrowedUdp> BorrowedUdp::Of(int fd) {
  int type = 0;
  int protocol = 0;
  socklen_t size = sizeof type;
  if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 ||
      ::getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) != 0 ||
      type != SOCK_DGRAM || protocol != IPPROTO_UDP) {
    return Fail(Errc::kUnsupported);
  }
  int domain = 0;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0) {
    return FailErrno();
  }
  return BorrowedUdp(
      fd, domain == AF_INET6 ? AddressFamily::kIpv6 : AddressFamily::kIpv4);
}

Result<void> BorrowedUdp::Send(const Endpoint& to, ByteView data) const {
  // An IPv6 socket knows IPv4 in this form (RFC 4291 section 2.5.5.2).
  const SockAddr address(family_ == AddressFamily::kIpv4
                             ? to
                             : Endpoint{to.address.MappedToV6(), to.port});
  for (int i = 0; i < kTries; ++i) {
    if (::sendto(fd_, data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 address.get(), address.size) >= 0) {
      return {};
    }
    if (errno != ECONNREFUSED && errno != EINTR) {
      break;
    }
  }
  if (IsLoss(errno)) {
    return {};
  }
  return FailErrno();
}

Result<void> BorrowedUdp::Wait(Duration longest) const {
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(longest).count();
  pollfd ready{.fd = fd_, .events = POLLIN, .revents = 0};
  ::poll(&ready, 1, static_cast<int>(std::clamp<int64_t>(ms, 0, INT_MAX)));
  if ((ready.revents & POLLNVAL) != 0) {
    return Fail(Errc::kClosed);
  }
  if ((ready.revents & POLLERR) != 0) {
    TakeErrors(fd_);
  }
  return {};
}

std::optional<BorrowedUdp::Received> BorrowedUdp::Receive(
    MutableBytes buffer) const {
  for (int i = 0; i < kTries; ++i) {
    SockAddr from;
    from.size = sizeof from.storage;
    const ssize_t size = ::recvfrom(fd_, buffer.data(), buffer.size(),
                                    MSG_DONTWAIT, from.get(), &from.size);
    if (size >= 0) {
      const auto source = ToEndpoint(from.get(), from.size);
      return Received{
          .from = source ? Endpoint{source->address.Unmapped(), source->port}
                         : Endpoint{},
          .data = buffer.first(static_cast<size_t>(size))};
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    }
  }
  return std::nullopt;
}

}  // namespace natkit::io
