#pragma once

#include <cstdint>
#include <string>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

namespace natkit::io {

/// The router that packets to the Internet leave by.
struct DefaultGateway {
  std::string interface;
  IpAddress router;
  /// The address that the system would send from.
  IpAddress local;

  bool operator==(const DefaultGateway&) const = default;
};

/// Asks the system's routing for an address that nobody has a route of his own
/// for (the anycast addresses of RFC 7723). Errors: kNotFound (no route, or one
/// without a router, such as a tunnel), kIo. `fwmark` is that of the packets
/// that would be sent (SO_MARK), by which the system may have other routes.
[[nodiscard]] Result<DefaultGateway> FindDefaultGateway(AddressFamily family,
                                                        uint32_t fwmark = 0);

}  // namespace natkit::io
