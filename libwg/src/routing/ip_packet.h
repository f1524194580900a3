#pragma once

#include <cstddef>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"

namespace natkit::wg {

/// The part of an IP header that WireGuard looks at.
struct IpHeader {
  IpAddress source;
  IpAddress destination;
  /// Bytes of the packet as its header says; padding follows it.
  size_t total_size = 0;
};

/// Reads the fixed header of an IPv4 (RFC 791) or IPv6 (RFC 8200) packet.
/// Errors: kTruncated when `packet` is shorter than that header or than the
/// header says, kBadLength when the header says less than itself, kBadValue for
/// another version.
[[nodiscard]] Result<IpHeader> ParseIpHeader(ByteView packet);

}  // namespace natkit::wg
