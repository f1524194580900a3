#include "packet/ipv6_headers.h"

#include "packet/wire.h"

namespace natkit::netsim {

namespace {

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kAuthentication = 51;
constexpr uint8_t kDestinationOptions = 60;
constexpr uint8_t kMobility = 135;
constexpr uint8_t kHip = 139;
constexpr uint8_t kShim6 = 140;
/// A chain longer than this is taken as cut: no honest one is, and a router
/// must not be made to walk one.
constexpr int kMaxHeaders = 16;

bool IsExtension(uint8_t protocol) {
  switch (protocol) {
    case kHopByHop:
    case kRouting:
    case kFragment:
    case kAuthentication:
    case kDestinationOptions:
    case kMobility:
    case kHip:
    case kShim6:
      return true;
    default:
      return false;
  }
}

/// Bytes of the extension header at `at`; its first two bytes are there.
size_t ExtensionSize(ByteView packet, size_t at, uint8_t protocol) {
  const size_t units = packet[at + 1];
  switch (protocol) {
    case kFragment:
      return wire::kFragmentHeaderSize;
    case kAuthentication:
      return (units + 2) * 4;
    default:
      return (units + 1) * 8;
  }
}

}  // namespace

Ipv6Headers WalkIpv6Headers(ByteView packet) {
  Ipv6Headers out;
  out.protocol = packet[wire::kIpv6NextHeader];
  out.end = wire::kIpv6HeaderSize;
  out.unfragmentable_end = out.end;
  out.unfragmentable_next = wire::kIpv6NextHeader;
  int walked = 0;
  while (IsExtension(out.protocol)) {
    // One fragment header is free: a packet that is fine stays so when cut.
    const bool is_free = out.protocol == kFragment && out.fragment_header == 0;
    if ((walked == kMaxHeaders && !is_free) || packet.size() - out.end < 8 ||
        packet.size() - out.end <
            ExtensionSize(packet, out.end, out.protocol)) {
      out.is_cut = true;
      return out;
    }
    const size_t start = out.end;
    const uint8_t type = out.protocol;
    out.end += ExtensionSize(packet, start, type);
    out.protocol = packet[start];
    walked += is_free ? 0 : 1;
    if (is_free) {
      out.fragment_header = start;
      if ((wire::Get16(packet, start + 2) & 0xfff8) != 0) {
        return out;  // what follows is from the middle of something
      }
    } else if (type == kHopByHop || type == kRouting) {
      out.unfragmentable_end =
          out.fragment_header == 0 ? out.end : out.unfragmentable_end;
      out.unfragmentable_next =
          out.fragment_header == 0 ? start : out.unfragmentable_next;
    }
  }
  return out;
}

}  // namespace natkit::netsim
