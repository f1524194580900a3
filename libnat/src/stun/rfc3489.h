#pragma once

#include <cstddef>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"

namespace natkit::stun {

/// True for a Binding request of RFC 3489, with a 128-bit transaction ID in
/// place of the cookie, that asks for nothing but an answer.
[[nodiscard]] bool IsPlainRfc3489Request(ByteView datagram);

/// Writes the answer: the request's ID and MAPPED-ADDRESS. Returns its size,
/// 0 when `out` is too small.
[[nodiscard]] size_t WriteRfc3489Response(ByteView request,
                                          const Endpoint& mapped,
                                          MutableBytes out);

}  // namespace natkit::stun
