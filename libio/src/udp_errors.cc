#include "udp_errors.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "sockaddr.h"

namespace natkit::io {

namespace {

constexpr size_t kControlSize = 512;

/// The extended error of a control message and who sent it.
std::optional<IcmpError> ReadError(const cmsghdr* message) {
  const bool is_v4 =
      message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_RECVERR;
  const bool is_v6 =
      message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_RECVERR;
  if ((!is_v4 && !is_v6) ||
      message->cmsg_len < CMSG_LEN(sizeof(sock_extended_err))) {
    return std::nullopt;
  }
  sock_extended_err error{};
  std::memcpy(&error, CMSG_DATA(message), sizeof error);
  if (error.ee_origin != SO_EE_ORIGIN_ICMP &&
      error.ee_origin != SO_EE_ORIGIN_ICMP6) {
    return std::nullopt;
  }
  IcmpError icmp;
  icmp.type = error.ee_type;
  icmp.code = error.ee_code;
  icmp.info = error.ee_info;
  sockaddr_storage offender{};
  const size_t size = message->cmsg_len - CMSG_LEN(sizeof error);
  std::memcpy(&offender, CMSG_DATA(message) + sizeof error,
              std::min(size, sizeof offender));
  if (const auto from = ToEndpoint(reinterpret_cast<const sockaddr*>(&offender),
                                   static_cast<socklen_t>(size))) {
    icmp.from = from->address;
  }
  return icmp;
}

}  // namespace

std::optional<IcmpError> TakeIcmpError(int fd) {
  while (true) {
    SockAddr remote;
    alignas(cmsghdr) std::array<uint8_t, kControlSize> control{};
    std::array<uint8_t, 1> data{};
    iovec buffer{.iov_base = data.data(), .iov_len = data.size()};
    msghdr header{};
    header.msg_name = remote.get();
    header.msg_namelen = sizeof remote.storage;
    header.msg_iov = &buffer;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    if (::recvmsg(fd, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) {
      return std::nullopt;
    }
    const auto to = ToEndpoint(remote.get(), header.msg_namelen);
    for (cmsghdr* message = CMSG_FIRSTHDR(&header); message != nullptr && to;
         message = CMSG_NXTHDR(&header, message)) {
      if (auto icmp = ReadError(message)) {
        icmp->to = *to;
        return icmp;
      }
    }
  }
}

}  // namespace natkit::io
