#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "natkit/base/bytes.h"

namespace natkit::netsim {

/// The extension headers of an IPv6 packet (RFC 8200 section 4), walked to
/// the transport header or, in a fragment other than the first, to what
/// follows the fragment header.
struct Ipv6Headers {
  uint8_t protocol = 0;        ///< what stands at `end`
  size_t end = 0;              ///< past the last extension header
  size_t fragment_header = 0;  ///< its offset; 0 if there is none
  /// Where a fragment header goes or is: past hop-by-hop options, routing
  /// header and the destination options before that.
  size_t unfragmentable_end = 0;
  /// The byte that names the header at `unfragmentable_end`.
  size_t unfragmentable_next = 0;
  /// The chain runs past the end of the bytes; `protocol` is then that of the
  /// header that does.
  bool is_cut = false;
};

/// `packet` begins with an IPv6 header and ends where the packet does.
[[nodiscard]] Ipv6Headers WalkIpv6Headers(ByteView packet);

}  // namespace natkit::netsim
