#pragma once

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

namespace natkit::io {

/// The address of this host that the system would send to `to` from. Nothing
/// is sent. Errors: kUnreachable (no route), kUnsupported (no such address
/// family), kIo.
[[nodiscard]] Result<IpAddress> FindSourceAddress(const IpAddress& to);

}  // namespace natkit::io
