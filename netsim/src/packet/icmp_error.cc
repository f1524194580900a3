#include <algorithm>

#include "natkit/netsim/packet.h"
#include "packet/build.h"
#include "packet/wire.h"

namespace natkit::netsim {

namespace {

constexpr size_t kMaxErrorSizeV4 = 576;
constexpr size_t kMaxErrorSizeV6 = 1280;
constexpr uint8_t kPacketTooBig = 2;
constexpr uint8_t kParameterProblem = 4;
constexpr uint8_t kUnknownOption = 2;
constexpr uint8_t kRedirectV6 = 137;
/// Internetwork control (RFC 1812 section 4.3.2.5).
constexpr uint8_t kErrorTos = 0xc0;

/// Multicast, broadcast and the reserved class above.
bool IsGroup(const IpAddress& address) {
  return address.is_v4() ? address.bytes()[0] >= 224 : address.is_multicast();
}

/// RFC 4443 section 2.4 (e.3): these two may answer a multicast.
bool MayAnswerMulticast(const PacketInfo& cause, uint8_t type, uint8_t code) {
  return !cause.is_v4() &&
         (type == kPacketTooBig ||
          (type == kParameterProblem && code == kUnknownOption));
}

bool MayAnswer(const PacketInfo& cause, uint8_t type, uint8_t code) {
  const bool is_redirect = !cause.is_v4() && cause.protocol == wire::kIcmpv6 &&
                           cause.icmp_type == kRedirectV6;
  const IpAddress& source = cause.source.address;
  return !cause.is_icmp_error() && !is_redirect && cause.fragment_offset == 0 &&
         !source.is_unspecified() && !source.is_loopback() &&
         !IsGroup(source) &&
         (!IsGroup(cause.destination.address) ||
          MayAnswerMulticast(cause, type, code));
}

}  // namespace

std::vector<uint8_t> BuildIcmpError(const IpAddress& from, uint8_t type,
                                    uint8_t code, uint32_t rest,
                                    ByteView cause) {
  const auto info = ParseQuotedPacket(cause);
  if (!info || from.family() != info->source.address.family() ||
      !MayAnswer(*info, type, code)) {
    return {};
  }
  const bool is_v4 = from.is_v4();
  const size_t room =
      is_v4 ? kMaxErrorSizeV4 - wire::kIpv4HeaderSize - wire::kIcmpHeaderSize
            : kMaxErrorSizeV6 - wire::kIpv6HeaderSize - wire::kIcmpHeaderSize;
  const ByteView quote =
      cause.first(std::min({room, cause.size(), size_t{info->total_size}}));
  const size_t size = wire::kIcmpHeaderSize + quote.size();
  std::vector<uint8_t> packet =
      BuildIp(from, info->source.address, is_v4 ? wire::kIcmp : wire::kIcmpv6,
              size, {});
  if (is_v4) {
    packet[1] = kErrorTos;
  }
  const MutableBytes icmp = MutableBytes(packet).last(size);
  icmp[0] = type;
  icmp[1] = code;
  wire::Put32(icmp, 4, rest);
  wire::PutBytes(icmp, wire::kIcmpHeaderSize, quote);
  FixChecksums(packet);
  return packet;
}

}  // namespace natkit::netsim
