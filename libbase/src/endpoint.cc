#include "natkit/base/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace natkit {

namespace {

constexpr size_t kMappedPrefixSize = 12;
constexpr std::array<uint8_t, kMappedPrefixSize> kMappedPrefix = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

std::optional<unsigned> ParseDecimal(std::string_view text, unsigned limit) {
  unsigned value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (text.empty() || failure != std::errc{} || stop != end || value > limit) {
    return std::nullopt;
  }
  return value;
}

bool StartsWithBits(ByteView bytes, ByteView prefix, int bits) {
  const auto whole = static_cast<size_t>(bits / 8);
  if (!std::ranges::equal(bytes.first(whole), prefix.first(whole))) {
    return false;
  }
  const int rest = bits % 8;
  if (rest == 0) {
    return true;
  }
  const auto mask = static_cast<uint8_t>(0xff << (8 - rest));
  return (bytes[whole] & mask) == (prefix[whole] & mask);
}

}  // namespace

IpAddress IpAddress::V4(std::array<uint8_t, 4> bytes) {
  return V4(bytes[0], bytes[1], bytes[2], bytes[3]);
}

IpAddress IpAddress::V6(const std::array<uint8_t, 16>& bytes) {
  IpAddress ip;
  ip.family_ = AddressFamily::kIpv6;
  ip.bytes_ = bytes;
  return ip;
}

Result<IpAddress> IpAddress::FromBytes(ByteView bytes) {
  IpAddress ip;
  if (bytes.size() == 16) {
    ip.family_ = AddressFamily::kIpv6;
  } else if (bytes.size() != 4) {
    return Fail(Errc::kBadLength);
  }
  std::ranges::copy(bytes, ip.bytes_.begin());
  return ip;
}

Result<IpAddress> IpAddress::Parse(std::string_view text) {
  const std::string terminated(text);
  IpAddress ip;
  if (terminated.size() != text.size() ||
      text.find('\0') != std::string_view::npos) {
    return Fail(Errc::kBadEncoding);
  }
  if (inet_pton(AF_INET, terminated.c_str(), ip.bytes_.data()) == 1) {
    return ip;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), ip.bytes_.data()) == 1) {
    ip.family_ = AddressFamily::kIpv6;
    return ip;
  }
  return Fail(Errc::kBadEncoding);
}

IpAddress IpAddress::Unmapped() const {
  if (is_v6() &&
      std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), bytes_.begin())) {
    return V4(bytes_[12], bytes_[13], bytes_[14], bytes_[15]);
  }
  return *this;
}

IpAddress IpAddress::MappedToV6() const {
  if (is_v6()) {
    return *this;
  }
  std::array<uint8_t, 16> mapped{};
  std::ranges::copy(kMappedPrefix, mapped.begin());
  std::copy_n(bytes_.begin(), 4, mapped.begin() + kMappedPrefixSize);
  return V6(mapped);
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes(), [](uint8_t b) { return b == 0; });
}

bool IpAddress::is_loopback() const {
  if (is_v4()) {
    return bytes_[0] == 127;
  }
  return bytes_[15] == 1 && std::all_of(bytes_.begin(), bytes_.begin() + 15,
                                        [](uint8_t b) { return b == 0; });
}

bool IpAddress::is_link_local() const {
  if (is_v4()) {
    return bytes_[0] == 169 && bytes_[1] == 254;
  }
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const {
  return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_private() const {
  if (is_v6()) {
    return (bytes_[0] & 0xfe) == 0xfc;
  }
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) ||
         (bytes_[0] == 192 && bytes_[1] == 168) ||
         (bytes_[0] == 100 && (bytes_[1] & 0xc0) == 64);
}

std::string IpAddress::ToString() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(),
            static_cast<socklen_t>(text.size()));
  return text.data();
}

Result<Endpoint> Endpoint::Parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return Fail(Errc::kBadEncoding);
  }
  std::string_view host = text.substr(0, colon);
  const bool bracketed =
      host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) {
    host = host.substr(1, host.size() - 2);
  }
  const auto address = IpAddress::Parse(host);
  const auto port = ParseDecimal(text.substr(colon + 1), 65535);
  if (!address || !port || address->is_v6() != bracketed) {
    return Fail(Errc::kBadEncoding);
  }
  return Endpoint{*address, static_cast<uint16_t>(*port)};
}

std::string Endpoint::ToString() const {
  const std::string host = address.ToString();
  return (address.is_v6() ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

Result<IpPrefix> IpPrefix::Make(const IpAddress& address, int length) {
  if (length < 0 || length > address.bit_count()) {
    return Fail(Errc::kBadValue);
  }
  std::array<uint8_t, 16> raw{};
  std::ranges::copy(address.bytes(), raw.begin());
  for (int bit = length; bit < address.bit_count(); ++bit) {
    raw[static_cast<size_t>(bit / 8)] &=
        static_cast<uint8_t>(~(0x80 >> (bit % 8)));
  }
  IpPrefix prefix;
  prefix.address_ =
      *IpAddress::FromBytes(ByteView(raw).first(address.bytes().size()));
  prefix.length_ = length;
  return prefix;
}

Result<IpPrefix> IpPrefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::Parse(text.substr(0, slash));
  if (!address) {
    return Fail(Errc::kBadEncoding);
  }
  if (slash == std::string_view::npos) {
    return Make(*address, address->bit_count());
  }
  const auto length = ParseDecimal(text.substr(slash + 1), 999);
  if (!length) {
    return Fail(Errc::kBadEncoding);
  }
  return Make(*address, static_cast<int>(*length));
}

bool IpPrefix::Contains(const IpAddress& ip) const {
  return ip.family() == address_.family() &&
         StartsWithBits(ip.bytes(), address_.bytes(), length_);
}

bool IpPrefix::Overlaps(const IpPrefix& other) const {
  return length_ <= other.length_ ? Contains(other.address_)
                                  : other.Contains(address_);
}

std::string IpPrefix::ToString() const {
  return address_.ToString() + "/" + std::to_string(length_);
}

}  // namespace natkit
