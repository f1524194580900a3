#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/copy.h"

namespace natkit::netsim {

/// An Ethernet address.
struct MacAddress {
  std::array<uint8_t, 6> bytes{};

  auto operator<=>(const MacAddress&) const = default;

  /// The `index`-th of a range of locally administered addresses.
  [[nodiscard]] static constexpr MacAddress Numbered(uint32_t index) {
    return {{0x02, 0x6e, static_cast<uint8_t>(index >> 24),
             static_cast<uint8_t>(index >> 16),
             static_cast<uint8_t>(index >> 8), static_cast<uint8_t>(index)}};
  }

  [[nodiscard]] static constexpr MacAddress Broadcast() {
    return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  }

  /// From exactly 6 bytes.
  [[nodiscard]] static MacAddress From(ByteView six) {
    MacAddress mac;
    CopyBytes(six.first<6>(), mac.bytes);
    return mac;
  }

  /// Broadcast or multicast.
  [[nodiscard]] constexpr bool is_group() const { return (bytes[0] & 1) != 0; }

  [[nodiscard]] constexpr uint64_t AsNumber() const {
    uint64_t number = 0;
    for (const uint8_t byte : bytes) {
      number = number << 8 | byte;
    }
    return number;
  }
};

inline constexpr size_t kEthernetHeaderSize = 14;
inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

/// Fields of the header of a frame with at least kEthernetHeaderSize bytes.
[[nodiscard]] inline MacAddress FrameDestination(ByteView frame) {
  return MacAddress::From(frame.first<6>());
}

[[nodiscard]] inline MacAddress FrameSource(ByteView frame) {
  return MacAddress::From(frame.subspan<6, 6>());
}

[[nodiscard]] inline uint16_t FrameType(ByteView frame) {
  return static_cast<uint16_t>(frame[12] << 8 | frame[13]);
}

/// Writes the header into the first kEthernetHeaderSize bytes of `frame`.
inline void WriteFrameHeader(MutableBytes frame, const MacAddress& to,
                             const MacAddress& from, uint16_t type) {
  CopyBytes(to.bytes, frame);
  CopyBytes(from.bytes, frame.subspan(6));
  frame[12] = static_cast<uint8_t>(type >> 8);
  frame[13] = static_cast<uint8_t>(type);
}

}  // namespace natkit::netsim
