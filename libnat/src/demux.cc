#include "natkit/nat/demux.h"

#include <algorithm>
#include <array>

#include "natkit/nat/stun_message.h"

namespace natkit::nat {

namespace {

constexpr std::array<uint8_t, 6> kDiscoMagic = {0x54, 0x53, 0xF0,
                                                0x9F, 0x92, 0xAC};
constexpr size_t kMinDiscoSize = 62;

constexpr size_t kHandshakeInitiationSize = 148;
constexpr size_t kHandshakeResponseSize = 92;
constexpr size_t kCookieReplySize = 64;
constexpr size_t kMinTransportDataSize = 32;

bool IsStun(ByteView datagram) {
  const auto size = stun::PeekMessageSize(datagram);
  return size && *size == datagram.size();
}

bool IsWireGuard(ByteView datagram) {
  ByteReader in(datagram);
  uint32_t type = 0;
  if (!in.ReadU32Le(type)) {
    return false;
  }
  switch (type) {
    case 1:
      return datagram.size() == kHandshakeInitiationSize;
    case 2:
      return datagram.size() == kHandshakeResponseSize;
    case 3:
      return datagram.size() == kCookieReplySize;
    case 4:
      return datagram.size() >= kMinTransportDataSize;
    default:
      return false;
  }
}

bool IsDisco(ByteView datagram) {
  return datagram.size() >= kMinDiscoSize &&
         std::ranges::equal(datagram.first(kDiscoMagic.size()), kDiscoMagic);
}

}  // namespace

DatagramKind Classify(ByteView datagram) {
  // Most frequent first. WireGuard's three zero bytes would make a STUN
  // length of 0, a datagram of 20 bytes: too short for WireGuard.
  if (IsWireGuard(datagram)) {
    return DatagramKind::kWireGuard;
  }
  if (IsStun(datagram)) {
    return DatagramKind::kStun;
  }
  if (IsDisco(datagram)) {
    return DatagramKind::kDisco;
  }
  return DatagramKind::kUnknown;
}

}  // namespace natkit::nat
