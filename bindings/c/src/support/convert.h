#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/common.h"

namespace natkit::c {

// Data paths copy addresses as they are.
static_assert(sizeof(natkit_address) == sizeof(Endpoint) &&
              offsetof(natkit_address, port) == offsetof(Endpoint, port) &&
              sizeof(IpAddress) == offsetof(natkit_address, reserved) &&
              static_cast<int>(AddressFamily::kIpv4) == NATKIT_FAMILY_IPV4 &&
              static_cast<int>(AddressFamily::kIpv6) == NATKIT_FAMILY_IPV6);

/// An address that the caller gives. Not set: 0.0.0.0:0, which the libraries
/// take for "any" or "unknown". Errors: kBadArgument for another family.
[[nodiscard]] Result<Endpoint> ToEndpoint(const natkit_address& address);

/// As above, where the address must be given. Errors: kBadArgument for NULL, an
/// address that is not set, or another family.
[[nodiscard]] Result<Endpoint> ToSetEndpoint(const natkit_address* address);

[[nodiscard]] natkit_address FromEndpoint(const Endpoint& endpoint);

/// ToEndpoint() for data paths. `address.family` is one that exists.
[[nodiscard]] inline Endpoint ToEndpointFast(natkit_address address) {
  address.reserved = 0;
  if (address.family == NATKIT_FAMILY_NONE) {
    return {};
  }
  if (address.family == NATKIT_FAMILY_IPV4) {
    std::memset(address.ip + 4, 0, sizeof address.ip - 4);
  }
  return std::bit_cast<Endpoint>(address);
}

/// As FromEndpoint(), for data paths and endpoints that may be unknown:
/// 0.0.0.0:0 becomes an address that is not set.
[[nodiscard]] inline natkit_address FromEndpointFast(const Endpoint& endpoint) {
  if (endpoint.port == 0 && endpoint == Endpoint{}) {
    return {};
  }
  auto address = std::bit_cast<natkit_address>(endpoint);
  address.reserved = 0;
  return address;
}

/// `size` bytes of the caller's. Errors: kBadArgument for NULL with a size.
[[nodiscard]] Result<ByteView> ToBytes(const void* data, size_t size);
[[nodiscard]] Result<MutableBytes> ToMutableBytes(void* data, size_t size);

/// A text of the caller's. Errors: kBadArgument for NULL or a text of more than
/// `limit` bytes.
[[nodiscard]] Result<std::string_view> ToText(const char* text, size_t limit);

/// Copies a text with its zero byte, returns the length. Errors: kBadArgument
/// (NULL), kBufferTooSmall.
[[nodiscard]] Result<int> PutText(std::string_view text, char* out,
                                  size_t size);

/// Copies a text into an array of a structure, cut to what fits; the rest is
/// zeros.
template <size_t N>
void FillText(std::string_view text, char (&out)[N]) {
  std::memset(out, 0, N);
  std::memcpy(out, text.data(), std::min(text.size(), N - 1));
}

/// A key of 32 bytes. Errors: kBadArgument for NULL.
[[nodiscard]] Result<PublicKey> ToPublicKey(const uint8_t* bytes);

/// The caller's random source, or the system's for NULL. Errors: kBadArgument
/// (no function).
[[nodiscard]] Result<std::unique_ptr<Rng>> MakeRng(const natkit_random* random);

}  // namespace natkit::c
