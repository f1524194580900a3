#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "natkit/base/bytes.h"
#include "natkit/base/result.h"

namespace natkit {

/// IPv4 or IPv6.
enum class AddressFamily : uint8_t { kIpv4 = 4, kIpv6 = 6 };

/// One IP address, compared by value. IPv4-mapped IPv6 is a distinct value
/// until Unmapped().
class IpAddress {
 public:
  /// 0.0.0.0
  constexpr IpAddress() = default;
  static IpAddress V4(std::array<uint8_t, 4> bytes);

  static constexpr IpAddress V4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    IpAddress ip;
    ip.bytes_[0] = a;
    ip.bytes_[1] = b;
    ip.bytes_[2] = c;
    ip.bytes_[3] = d;
    return ip;
  }

  static IpAddress V6(const std::array<uint8_t, 16>& bytes);
  /// 4 or 16 bytes. Errors: kBadLength.
  static Result<IpAddress> FromBytes(ByteView bytes);
  /// Dotted quad or RFC 4291 text, no brackets, no zone. Errors: kBadEncoding.
  static Result<IpAddress> Parse(std::string_view text);

  [[nodiscard]] constexpr AddressFamily family() const { return family_; }

  [[nodiscard]] constexpr bool is_v4() const {
    return family_ == AddressFamily::kIpv4;
  }

  [[nodiscard]] constexpr bool is_v6() const { return !is_v4(); }

  /// 4 or 16 bytes in network order.
  [[nodiscard]] ByteView bytes() const {
    return {bytes_.data(), is_v4() ? size_t{4} : size_t{16}};
  }

  [[nodiscard]] int bit_count() const { return is_v4() ? 32 : 128; }

  /// The IPv4 address inside ::ffff:a.b.c.d; otherwise itself.
  [[nodiscard]] IpAddress Unmapped() const;
  /// The IPv6 form ::ffff:a.b.c.d of an IPv4 address; otherwise itself.
  [[nodiscard]] IpAddress MappedToV6() const;
  [[nodiscard]] bool is_unspecified() const;
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] bool is_link_local() const;
  [[nodiscard]] bool is_multicast() const;
  /// RFC 1918, RFC 6598 shared space, or fc00::/7.
  [[nodiscard]] bool is_private() const;
  /// "192.0.2.1", "2001:db8::7" (RFC 5952).
  [[nodiscard]] std::string ToString() const;

  constexpr auto operator<=>(const IpAddress&) const = default;

 private:
  AddressFamily family_ = AddressFamily::kIpv4;
  std::array<uint8_t, 16> bytes_{};
};

/// IP address and port, compared by value.
struct Endpoint {
  IpAddress address;
  uint16_t port = 0;

  /// "192.0.2.1:80" or "[2001:db8::7]:80". Errors: kBadEncoding.
  static Result<Endpoint> Parse(std::string_view text);
  [[nodiscard]] std::string ToString() const;

  constexpr auto operator<=>(const Endpoint&) const = default;
};

/// An address with a prefix length; host bits are zero.
class IpPrefix {
 public:
  /// 0.0.0.0/0
  IpPrefix() = default;
  /// Clears the host bits. Errors: kBadValue for a length over 32 or 128.
  static Result<IpPrefix> Make(const IpAddress& address, int length);
  /// "10.0.0.0/8", or an address alone (host prefix). Errors: kBadEncoding,
  /// kBadValue.
  static Result<IpPrefix> Parse(std::string_view text);

  [[nodiscard]] const IpAddress& address() const { return address_; }

  [[nodiscard]] int length() const { return length_; }

  [[nodiscard]] bool Contains(const IpAddress& ip) const;
  [[nodiscard]] bool Overlaps(const IpPrefix& other) const;
  [[nodiscard]] std::string ToString() const;

  auto operator<=>(const IpPrefix&) const = default;

 private:
  IpAddress address_;
  int length_ = 0;
};

}  // namespace natkit

template <>
struct std::hash<natkit::IpAddress> {
  size_t operator()(const natkit::IpAddress& ip) const noexcept {
    return std::hash<std::string_view>{}(natkit::AsText(ip.bytes()));
  }
};

template <>
struct std::hash<natkit::Endpoint> {
  size_t operator()(const natkit::Endpoint& endpoint) const noexcept {
    return std::hash<natkit::IpAddress>{}(endpoint.address) * 65599 +
           endpoint.port;
  }
};
