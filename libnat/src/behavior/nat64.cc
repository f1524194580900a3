#include "natkit/nat/nat64.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <utility>

namespace natkit::nat {
namespace {

constexpr std::array kLengths = {96, 64, 56, 48, 40, 32};
/// Bits 64 to 71 are zero and hold no part of an address (RFC 6052 section
/// 2.2).
constexpr size_t kReserved = 8;

constexpr std::array kWellKnown = {IpAddress::V4(192, 0, 0, 170),
                                   IpAddress::V4(192, 0, 0, 171)};

bool IsLength(int length) {
  return std::ranges::find(kLengths, length) != kLengths.end();
}

/// Where the four bytes of an IPv4 address stand.
std::array<size_t, 4> PlacesOf(int length) {
  std::array<size_t, 4> places{};
  auto at = static_cast<size_t>(length) / 8;
  for (size_t& place : places) {
    at += at == kReserved && length != 96 ? 1 : 0;
    place = at++;
  }
  return places;
}

/// A way to read an address, and what for.
struct Reading {
  IpPrefix prefix;
  IpAddress v4;
};

std::vector<Reading> ReadingsOf(const IpAddress& address) {
  std::vector<Reading> readings;
  for (const int length : kLengths) {
    const auto prefix = IpPrefix::Make(address, length);
    const auto v4 = prefix ? ExtractNat64(*prefix, address) : std::nullopt;
    if (v4 && std::ranges::find(kWellKnown, *v4) != kWellKnown.end()) {
      readings.push_back({.prefix = *prefix, .v4 = *v4});
    }
  }
  return readings;
}

}  // namespace

std::vector<IpPrefix> FindNat64Prefixes(std::span<const IpAddress> addresses) {
  std::set<std::pair<IpPrefix, IpAddress>> seen;
  for (const IpAddress& address : addresses) {
    for (const Reading& reading : ReadingsOf(address)) {
      seen.emplace(reading.prefix, reading.v4);
    }
  }
  std::vector<IpPrefix> found;
  for (const IpAddress& address : addresses) {
    const std::vector<Reading> readings = ReadingsOf(address);
    for (const Reading& reading : readings) {
      const bool has_both =
          std::ranges::all_of(kWellKnown, [&](const IpAddress& v4) {
            return seen.contains({reading.prefix, v4});
          });
      if ((readings.size() == 1 || has_both) &&
          std::ranges::find(found, reading.prefix) == found.end()) {
        found.push_back(reading.prefix);
      }
    }
  }
  return found;
}

std::optional<IpAddress> SynthesizeNat64(const IpPrefix& prefix,
                                         const IpAddress& v4) {
  if (!prefix.address().is_v6() || !v4.is_v4() || !IsLength(prefix.length())) {
    return std::nullopt;
  }
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(prefix.address().bytes(), bytes.begin());
  const auto places = PlacesOf(prefix.length());
  for (size_t i = 0; i < places.size(); ++i) {
    bytes.at(places[i]) = v4.bytes()[i];
  }
  return IpAddress::V6(bytes);
}

std::optional<IpAddress> ExtractNat64(const IpPrefix& prefix,
                                      const IpAddress& v6) {
  if (!v6.is_v6() || !IsLength(prefix.length()) || !prefix.Contains(v6) ||
      (prefix.length() != 96 && v6.bytes()[kReserved] != 0)) {
    return std::nullopt;
  }
  std::array<uint8_t, 4> bytes{};
  const auto places = PlacesOf(prefix.length());
  for (size_t i = 0; i < places.size(); ++i) {
    bytes[i] = v6.bytes()[places[i]];
  }
  return IpAddress::V4(bytes);
}

bool IsClatAddress(const IpAddress& address) {
  const ByteView bytes = address.bytes();
  return address.is_v4() && bytes[0] == 192 && bytes[1] == 0 && bytes[2] == 0 &&
         bytes[3] < 8;
}

}  // namespace natkit::nat
