#include "inherited_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace natkit::stunsrv {

namespace {

constexpr int kFirstFd = 3;

/// The variable as a number; -1 if it is not one.
long NumberIn(const char* variable) {
  const char* value = std::getenv(variable);
  const std::string_view text = value == nullptr ? "" : value;
  long number = -1;
  const auto parsed =
      std::from_chars(text.data(), text.data() + text.size(), number);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()
             ? number
             : -1;
}

/// The part of $LISTEN_FDNAMES, which are separated by colons.
std::string NameOf(long index) {
  const char* value = std::getenv("LISTEN_FDNAMES");
  std::string_view rest = value == nullptr ? "" : value;
  for (long i = 0; i < index && !rest.empty(); ++i) {
    const size_t colon = rest.find(':');
    rest = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
  }
  return std::string(rest.substr(0, rest.find(':')));
}

int SocketType(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 ? type : 0;
}

}  // namespace

shell::Outcome<InheritedSockets> TakeInheritedSockets() {
  InheritedSockets sockets;
  const long count = NumberIn("LISTEN_FDS");
  if (NumberIn("LISTEN_PID") != ::getpid() || count <= 0 || count > 1024) {
    return sockets;
  }
  for (long i = 0; i < count; ++i) {
    io::UniqueFd fd(kFirstFd + static_cast<int>(i));
    ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    const int type = SocketType(fd.get());
    if (type == SOCK_STREAM) {
      sockets.streams.push_back({.fd = std::move(fd), .name = NameOf(i)});
      continue;
    }
    auto socket = io::BatchSocket::Adopt(std::move(fd));
    if (!socket) {
      return std::unexpected(
          "the service manager passed descriptor " +
          std::to_string(kFirstFd + i) +
          ", which is not a UDP or TCP socket with an address");
    }
    sockets.udp.push_back(*std::move(socket));
  }
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  ::unsetenv("LISTEN_FDNAMES");
  return sockets;
}

}  // namespace natkit::stunsrv
