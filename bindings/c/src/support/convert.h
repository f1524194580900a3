#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <climits>
#include <cstddef>
#include <cstring>
#include <memory>
#include <ranges>
#include <span>
#include <string_view>
#include <utility>

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
/// take for "any" or "unknown". Errors: kBadArgument for another family, or
/// reserved bytes in use.
[[nodiscard]] Result<Endpoint> ToEndpoint(const natkit_address& address);

/// As above, where the address must be given. Errors: kBadArgument for NULL, an
/// address that is not set, or another family.
[[nodiscard]] Result<Endpoint> ToSetEndpoint(const natkit_address* address);

/// ToSetEndpoint() of a server; where the caller named no port, it is `port`.
[[nodiscard]] Result<Endpoint> ToServer(const natkit_address* address,
                                        uint16_t port);

[[nodiscard]] natkit_address FromEndpoint(const Endpoint& endpoint);
/// An address that has no port.
[[nodiscard]] natkit_address FromIp(const IpAddress& address);

/// Errors: kBadArgument.
[[nodiscard]] Result<IpPrefix> ToPrefix(const natkit_prefix& prefix);
[[nodiscard]] natkit_prefix FromPrefix(const IpPrefix& prefix);

namespace internal {

/// The bytes of an address in pieces that fit registers: bytes that are written
/// one by one and then read together cost more than a packet's routing.
struct AddressWords {
  explicit AddressWords(const void* address) {
    std::memcpy(&first, address, sizeof first);
    std::memcpy(&second, static_cast<const uint8_t*>(address) + 8,
                sizeof second);
    std::memcpy(&third, static_cast<const uint8_t*>(address) + 16,
                sizeof third);
  }

  void CopyTo(void* address) const {
    std::memcpy(address, &first, sizeof first);
    std::memcpy(static_cast<uint8_t*>(address) + 8, &second, sizeof second);
    std::memcpy(static_cast<uint8_t*>(address) + 16, &third, sizeof third);
  }

  uint64_t first;
  uint64_t second;
  uint32_t third;
};

}  // namespace internal

/// ToEndpoint() for data paths. `address.family` is one that exists, `reserved`
/// is zero.
inline void ToEndpointFast(const natkit_address& address, Endpoint& out) {
  if (address.family == NATKIT_FAMILY_NONE) {
    out = {};
    return;
  }
  constexpr auto kBeyondIpv4 = std::bit_cast<uint64_t>(
      std::array<uint8_t, 8>{0, 0, 0, 0, 0, 0xff, 0xff, 0xff});
  constexpr auto kPort =
      std::bit_cast<uint32_t>(std::array<uint8_t, 4>{0, 0, 0xff, 0xff});
  internal::AddressWords words(&address);
  if (address.family == NATKIT_FAMILY_IPV4) {
    words.first &= ~kBeyondIpv4;
    words.second = 0;
    words.third &= kPort;
  }
  words.CopyTo(&out);
}

/// As FromEndpoint(), for data paths and endpoints that may be unknown:
/// 0.0.0.0:0 becomes an address that is not set.
inline void PutEndpointFast(const Endpoint& endpoint, natkit_address& out) {
  constexpr auto kAnyIpv4 = std::bit_cast<uint64_t>(
      std::array<uint8_t, 8>{NATKIT_FAMILY_IPV4, 0, 0, 0, 0, 0, 0, 0});
  constexpr auto kNotReserved =
      std::bit_cast<uint32_t>(std::array<uint8_t, 4>{0xff, 0, 0xff, 0xff});
  internal::AddressWords words(&endpoint);
  words.third &= kNotReserved;
  if (words.first == kAnyIpv4 && (words.second | words.third) == 0) {
    words.first = 0;
  }
  words.CopyTo(&out);
}

/// `size` bytes of the caller's. Errors: kBadArgument for NULL with a size, and
/// for a size that nothing has, such as the -1 of a recv() that failed.
[[nodiscard]] Result<ByteView> ToBytes(const void* data, size_t size);

/// `count` items of the caller's. Errors: kBadArgument for NULL with a count,
/// and for more than any memory has.
template <class T>
[[nodiscard]] Result<std::span<const T>> ToItems(const T* items, size_t count) {
  if ((items == nullptr && count != 0) || count > PTRDIFF_MAX / sizeof(T)) {
    return Fail(Errc::kBadArgument);
  }
  return std::span(items, count);
}

/// Room of the caller's. Errors: kBadArgument for NULL with a size.
[[nodiscard]] Result<MutableBytes> ToMutableBytes(void* data, size_t size);

/// Whether two pieces of memory have a byte in common.
template <class T>
[[nodiscard]] bool Overlap(std::span<const T> a, std::span<const T> b) {
  const auto start = [](auto span) {
    return reinterpret_cast<uintptr_t>(span.data());
  };
  return !a.empty() && !b.empty() && start(a) < start(b) + b.size_bytes() &&
         start(b) < start(a) + a.size_bytes();
}

/// A text of the caller's. Errors: kBadArgument for NULL or a text of more than
/// `limit` bytes.
[[nodiscard]] Result<std::string_view> ToText(const char* text, size_t limit);

/// Copies a text with its zero byte, returns the length. Errors: kBadArgument
/// (NULL), kBufferTooSmall.
[[nodiscard]] Result<int> PutText(std::string_view text, char* out,
                                  size_t size);

namespace internal {

/// Copies `text` in UTF-8, cut between two characters, with zeros behind it.
void FillText(std::string_view text, std::span<char> out);
void FillForeignText(std::string_view text, std::span<char> out);

}  // namespace internal

/// Copies a text into an array of a structure, cut to what fits; the rest is
/// zeros.
template <size_t N>
void FillText(std::string_view text, char (&out)[N]) {
  internal::FillText(text, out);
}

/// FillText() for what somebody else has written: bytes that are no text, and
/// control characters, become \xNN.
template <size_t N>
void FillForeignText(std::string_view text, char (&out)[N]) {
  internal::FillForeignText(text, out);
}

/// Writes as many of `items` as there is room for, each made by `convert`, and
/// returns how many there are. Errors: kBadArgument (NULL with a capacity).
template <std::ranges::sized_range Items, class Out, class Convert>
[[nodiscard]] Result<int> PutList(const Items& items, Out* out, size_t capacity,
                                  Convert&& convert) {
  if (out == nullptr && capacity != 0) {
    return Fail(Errc::kBadArgument);
  }
  const size_t count = std::ranges::size(items);
  std::ranges::transform(std::span(items).first(std::min(capacity, count)), out,
                         std::forward<Convert>(convert));
  return static_cast<int>(std::min<size_t>(count, INT_MAX));
}

/// A key of 32 bytes. Errors: kBadArgument for NULL.
[[nodiscard]] Result<PublicKey> ToPublicKey(const uint8_t* bytes);

/// The caller's random source, or the system's for NULL. Errors: kBadArgument
/// (no function).
[[nodiscard]] Result<std::unique_ptr<Rng>> MakeRng(const natkit_random* random);

}  // namespace natkit::c
