#pragma once

#include <cstdint>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

namespace natkit::io {

/// The address of this host that the system would send to `to` from, packets
/// with `fwmark` (SO_MARK; 0: none). Nothing is sent. Errors: kUnreachable (no
/// route), kUnsupported (no such address family), kPermissionDenied (a mark
/// needs CAP_NET_ADMIN), kIo.
[[nodiscard]] Result<IpAddress> FindSourceAddress(const IpAddress& to,
                                                  uint32_t fwmark = 0);

}  // namespace natkit::io
