#pragma once

#include <cstddef>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/nat/stun_attributes.h"

namespace natkit::stun {

/// A Binding request of RFC 3489, with a 128-bit transaction ID in place of the
/// cookie, that asks for nothing but an answer. Yields its CHANGE-REQUEST, or
/// one without flags; nullopt for all else.
[[nodiscard]] std::optional<attr::ChangeRequestValue> ParseRfc3489Request(
    ByteView datagram);

/// Whether these bytes are a whole Binding success response of RFC 3489.
[[nodiscard]] bool IsRfc3489Response(ByteView datagram);

/// The addresses of a response of RFC 3489.
struct Rfc3489Addresses {
  Endpoint mapped;
  std::optional<Endpoint> source{};   ///< SOURCE-ADDRESS
  std::optional<Endpoint> changed{};  ///< CHANGED-ADDRESS
};

/// Writes the answer: the request's ID and the addresses. Returns its size, 0
/// when `out` is too small.
[[nodiscard]] size_t WriteRfc3489Response(ByteView request,
                                          const Rfc3489Addresses& addresses,
                                          MutableBytes out);

}  // namespace natkit::stun
