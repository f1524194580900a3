#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#include "natkit/base/endpoint.h"
#include "natkit/common.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {
namespace {

constexpr size_t kLongestText = 128;

Result<Endpoint> ParseAddress(const char* text) {
  const Result<std::string_view> given = ToText(text, kLongestText);
  if (!given) {
    return std::unexpected(given.error());
  }
  if (const Result<Endpoint> endpoint = Endpoint::Parse(*given)) {
    return *endpoint;
  }
  const Result<IpAddress> alone = IpAddress::Parse(*given);
  if (!alone) {
    return std::unexpected(alone.error());
  }
  return Endpoint{.address = *alone, .port = 0};
}

Result<Endpoint> FromV4(const void* address, size_t size) {
  sockaddr_in v4{};
  if (size < sizeof v4) {
    return Fail(Errc::kBadLength);
  }
  std::memcpy(&v4, address, sizeof v4);
  std::array<uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
  return Endpoint{.address = IpAddress::V4(bytes), .port = ntohs(v4.sin_port)};
}

Result<Endpoint> FromV6(const void* address, size_t size) {
  sockaddr_in6 v6{};
  if (size < sizeof v6) {
    return Fail(Errc::kBadLength);
  }
  std::memcpy(&v6, address, sizeof v6);
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return Endpoint{.address = IpAddress::V6(bytes).Unmapped(),
                  .port = ntohs(v6.sin6_port)};
}

/// `address` may lie anywhere, as bytes of a buffer do.
Result<Endpoint> FromSockaddr(const void* address, size_t size) {
  sa_family_t family = 0;
  if (size < offsetof(sockaddr, sa_family) + sizeof family) {
    return Fail(Errc::kBadLength);
  }
  const auto* const bytes = static_cast<const uint8_t*>(address);
  std::memcpy(&family, bytes + offsetof(sockaddr, sa_family), sizeof family);
  switch (family) {
    case AF_INET:
      return FromV4(address, size);
    case AF_INET6:
      return FromV6(address, size);
    default:
      return Fail(Errc::kUnsupported);
  }
}

template <class T>
Result<int> PutSockaddr(const T& value, void* out, size_t size) {
  if (size < sizeof value) {
    return Fail(Errc::kBufferTooSmall);
  }
  std::memcpy(out, &value, sizeof value);
  return static_cast<int>(sizeof value);
}

Result<int> PutEndpoint(const Endpoint& endpoint, void* out, size_t size) {
  const ByteView bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    return PutSockaddr(v4, out, size);
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
  return PutSockaddr(v6, out, size);
}

Result<void> PutAddress(const Result<Endpoint>& endpoint, natkit_address* out) {
  if (!endpoint) {
    return std::unexpected(endpoint.error());
  }
  *out = FromEndpoint(*endpoint);
  return {};
}

/// Events have addresses that are not set; who prints one does nothing wrong.
Result<int> FormatAddress(const natkit_address* address, char* buffer,
                          size_t capacity) {
  if (address != nullptr && address->family == NATKIT_FAMILY_NONE) {
    return PutText("none", buffer, capacity);
  }
  const Result<Endpoint> endpoint = ToSetEndpoint(address);
  if (!endpoint) {
    return std::unexpected(endpoint.error());
  }
  return PutText(endpoint->ToString(), buffer, capacity);
}

}  // namespace
}  // namespace natkit::c

using natkit::Errc;
using natkit::Fail;
using natkit::Result;
using namespace natkit::c;

int natkit_address_parse(const char* text, natkit_address* out) {
  if (out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return ToCode(__func__, PutAddress(ParseAddress(text), out));
}

int natkit_address_format(const natkit_address* address, char* buffer,
                          size_t capacity) {
  return ToCode(__func__, FormatAddress(address, buffer, capacity));
}

int natkit_address_equal(const natkit_address* a, const natkit_address* b) {
  if (a == nullptr || b == nullptr) {
    return 0;
  }
  const bool both_unset =
      a->family == NATKIT_FAMILY_NONE && b->family == NATKIT_FAMILY_NONE;
  const Result<natkit::Endpoint> left = ToSetEndpoint(a);
  const Result<natkit::Endpoint> right = ToSetEndpoint(b);
  return both_unset || (left && right && *left == *right) ? 1 : 0;
}

int natkit_address_from_sockaddr(const sockaddr* address, size_t size,
                                 natkit_address* out) {
  if (out == nullptr || address == nullptr || !ToBytes(address, size)) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return ToCode(__func__, PutAddress(FromSockaddr(address, size), out));
}

int natkit_address_to_sockaddr(const natkit_address* address, sockaddr* out,
                               size_t capacity) {
  const Result<natkit::Endpoint> endpoint = ToSetEndpoint(address);
  if (!endpoint || out == nullptr) {
    return Refuse(__func__, Errc::kBadArgument);
  }
  return ToCode(__func__, PutEndpoint(*endpoint, out, capacity));
}
