#include "natkit/io/source_address.h"

#include <sys/socket.h>

#include "sockaddr.h"
#include "system_error.h"

namespace natkit::io {

Result<IpAddress> FindSourceAddress(const IpAddress& to, uint32_t fwmark) {
  constexpr uint16_t kAnyPort = 9;
  const auto fd = OpenSocket(to.family(), SOCK_DGRAM);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  if (fwmark != 0 && ::setsockopt(fd->get(), SOL_SOCKET, SO_MARK, &fwmark,
                                  sizeof fwmark) != 0) {
    return FailErrno();
  }
  const SockAddr address({.address = to, .port = kAnyPort});
  if (::connect(fd->get(), address.get(), address.size) != 0) {
    return FailErrno();
  }
  return LocalEndpointOf(fd->get()).address;
}

}  // namespace natkit::io
