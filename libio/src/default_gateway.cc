#include "natkit/io/default_gateway.h"

#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "netlink.h"
#include "system_error.h"

namespace natkit::io {

namespace {

constexpr size_t kMaxAnswer = 8192;

IpAddress Target(AddressFamily family) {
  if (family == AddressFamily::kIpv4) {
    return IpAddress::V4(192, 0, 0, 9);
  }
  return IpAddress::V6({0x20, 0x01, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
}

/// Sends a request and yields the first message of the answer.
Result<std::vector<uint8_t>> Ask(NetlinkRequest& request) {
  auto fd = OpenRouteSocket(0, 0);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  const ByteView message = request.Finish();
  if (::send(fd->get(), message.data(), message.size(), 0) < 0) {
    return FailErrno();
  }
  std::vector<uint8_t> answer(kMaxAnswer);
  ssize_t count = 0;
  do {
    count = ::recv(fd->get(), answer.data(), answer.size(), 0);
  } while (count < 0 && errno == EINTR);
  if (count < 0) {
    return FailErrno();
  }
  answer.resize(static_cast<size_t>(count));
  return answer;
}

void ReadAttribute(const rtattr& head, ByteView value, DefaultGateway& out,
                   bool& has_router) {
  if (head.rta_type == RTA_OIF && value.size() == sizeof(uint32_t)) {
    uint32_t index = 0;
    std::memcpy(&index, value.data(), sizeof index);
    std::array<char, IF_NAMESIZE> name{};
    if (if_indextoname(index, name.data()) != nullptr) {
      out.interface = name.data();
    }
    return;
  }
  const auto address = IpAddress::FromBytes(value);
  if (address && head.rta_type == RTA_GATEWAY) {
    out.router = *address;
    has_router = true;
  } else if (address && head.rta_type == RTA_PREFSRC) {
    out.local = *address;
  }
}

Result<DefaultGateway> Read(ByteView answer) {
  nlmsghdr header{};
  if (answer.size() < NLMSG_LENGTH(sizeof(rtmsg))) {
    return Fail(Errc::kIo);
  }
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type != RTM_NEWROUTE || header.nlmsg_len > answer.size()) {
    return Fail(Errc::kNotFound);
  }
  ByteView rest = answer.first(header.nlmsg_len)
                      .subspan(NLMSG_ALIGN(NLMSG_LENGTH(sizeof(rtmsg))));
  DefaultGateway out;
  bool has_router = false;
  while (rest.size() >= sizeof(rtattr)) {
    rtattr head{};
    std::memcpy(&head, rest.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > rest.size()) {
      break;
    }
    ReadAttribute(head, rest.first(head.rta_len).subspan(RTA_LENGTH(0)), out,
                  has_router);
    const size_t step = RTA_ALIGN(head.rta_len);
    rest = rest.subspan(step < rest.size() ? step : rest.size());
  }
  if (!has_router || out.local.is_unspecified()) {
    return Fail(Errc::kNotFound);
  }
  return out;
}

}  // namespace

Result<DefaultGateway> FindDefaultGateway(AddressFamily family,
                                          uint32_t fwmark) {
  const IpAddress target = Target(family);
  rtmsg body{};
  body.rtm_family = family == AddressFamily::kIpv4 ? AF_INET : AF_INET6;
  body.rtm_dst_len = static_cast<uint8_t>(target.bit_count());
  NetlinkRequest request(RTM_GETROUTE, 0, body);
  request.Add(RTA_DST, target.bytes());
  if (fwmark != 0) {
    request.AddU32(RTA_MARK, fwmark);
  }
  const auto answer = Ask(request);
  if (!answer) {
    return std::unexpected(answer.error());
  }
  return Read(*answer);
}

}  // namespace natkit::io
