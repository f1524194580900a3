#pragma once

#include <optional>

#include "natkit/io/udp_socket.h"

namespace natkit::io {

/// Takes the next ICMP error off a socket's error queue (IP_RECVERR); nullopt
/// if there is none.
[[nodiscard]] std::optional<IcmpError> TakeIcmpError(int fd);

}  // namespace natkit::io
