#include "netlink.h"

#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "natkit/base/check.h"
#include "system_error.h"

namespace natkit::io {

namespace {

constexpr size_t kMaxAnswer = 8192;
constexpr size_t kMaxDumpPart = 65536;

/// Finds the acknowledgement. True once found; `error` is then 0 or an errno.
bool FindAck(ByteView answer, int& error) {
  while (answer.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, answer.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > answer.size()) {
      return false;
    }
    if (header.nlmsg_type == NLMSG_ERROR &&
        header.nlmsg_len >= NLMSG_LENGTH(sizeof(int))) {
      std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
      error = -error;
      return true;
    }
    const size_t step = NLMSG_ALIGN(header.nlmsg_len);
    answer = answer.subspan(step < answer.size() ? step : answer.size());
  }
  return false;
}

/// Hands on the messages of one part of a dump; true once it is complete.
Result<bool> ReadPart(ByteView part,
                      const std::function<void(ByteView)>& on_message) {
  while (part.size() >= sizeof(nlmsghdr)) {
    nlmsghdr header{};
    std::memcpy(&header, part.data(), sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > part.size()) {
      return Fail(Errc::kIo);
    }
    const ByteView body = part.first(header.nlmsg_len).subspan(NLMSG_HDRLEN);
    if (header.nlmsg_type == NLMSG_DONE) {
      return true;
    }
    if (header.nlmsg_type == NLMSG_ERROR) {
      int error = 0;
      if (body.size() >= sizeof error) {
        std::memcpy(&error, body.data(), sizeof error);
      }
      return Fail(ErrcFromErrno(-error));
    }
    on_message(body);
    const size_t step = NLMSG_ALIGN(header.nlmsg_len);
    part = part.subspan(step < part.size() ? step : part.size());
  }
  return false;
}

}  // namespace

void NetlinkRequest::AppendAligned(const void* data, size_t size) {
  NATKIT_CHECK(size_ + NLMSG_ALIGN(size) <= buffer_.size());
  std::memcpy(buffer_.data() + size_, data, size);
  size_ += NLMSG_ALIGN(size);
}

void NetlinkRequest::Add(uint16_t type, ByteView value) {
  rtattr attribute{};
  attribute.rta_type = type;
  attribute.rta_len = static_cast<uint16_t>(RTA_LENGTH(value.size()));
  AppendAligned(&attribute, sizeof attribute);
  AppendAligned(value.data(), value.size());
}

void NetlinkRequest::AddU32(uint16_t type, uint32_t value) {
  std::array<uint8_t, sizeof value> bytes{};
  std::memcpy(bytes.data(), &value, sizeof value);  // host order
  Add(type, bytes);
}

ByteView NetlinkRequest::Finish() {
  header_.nlmsg_len = static_cast<uint32_t>(size_);
  std::memcpy(buffer_.data(), &header_, sizeof header_);
  return ByteView(buffer_).first(size_);
}

Result<UniqueFd> OpenRouteSocket(uint32_t groups, int flags) {
  UniqueFd fd(
      ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  if (!fd.is_valid()) {
    return FailErrno();
  }
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address),
             sizeof address) != 0) {
    return FailErrno();
  }
  return fd;
}

Result<void> Transact(NetlinkRequest& request) {
  auto fd = OpenRouteSocket(0, 0);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  const ByteView message = request.Finish();
  if (::send(fd->get(), message.data(), message.size(), 0) < 0) {
    return FailErrno();
  }
  std::array<uint8_t, kMaxAnswer> buffer{};
  while (true) {
    const ssize_t count = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return FailErrno();
    }
    int error = 0;
    if (FindAck(ByteView(buffer).first(static_cast<size_t>(count)), error)) {
      return error == 0 ? Result<void>() : Fail(ErrcFromErrno(error));
    }
  }
}

Result<void> Dump(NetlinkRequest& request,
                  const std::function<void(ByteView)>& on_message) {
  auto fd = OpenRouteSocket(0, 0);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  const ByteView message = request.Finish();
  if (::send(fd->get(), message.data(), message.size(), 0) < 0) {
    return FailErrno();
  }
  std::vector<uint8_t> buffer(kMaxDumpPart);
  while (true) {
    const ssize_t count = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      return FailErrno();
    }
    const auto is_complete = ReadPart(
        ByteView(buffer).first(static_cast<size_t>(count)), on_message);
    if (!is_complete) {
      return std::unexpected(is_complete.error());
    }
    if (*is_complete) {
      return {};
    }
  }
}

}  // namespace natkit::io
