#include <algorithm>
#include <array>

#include "ipv6/nat64_headers.h"
#include "ipv6/nat64_translate.h"
#include "packet/build.h"
#include "packet/wire.h"

namespace natkit::netsim::ipv6 {
namespace {

constexpr size_t kMaxErrorSizeV4 = 576;
constexpr size_t kMaxErrorSizeV6 = 1280;
constexpr uint32_t kLeastMtuV6 = 1280;
constexpr uint32_t kLeastMtuV4 = 68;  // RFC 791 section 3.2
constexpr uint32_t kHeaderGrowth = 20;

/// The first bytes of an ICMP error; `rest` is an MTU or a pointer.
struct ErrorHead {
  uint8_t type = 0;
  uint8_t code = 0;
  uint32_t rest = 0;
};

using MaybeHead = std::optional<ErrorHead>;

/// No field of the other header tells the same.
constexpr uint8_t kNone = 0xff;

/// RFC 7915 section 4.2, figure 3.
MaybeHead PointerToV6(uint8_t pointer) {
  constexpr std::array<uint8_t, 20> kTable = {
      0,     1,     4, 4, kNone, kNone, kNone, kNone, 7,  6,
      kNone, kNone, 8, 8, 8,     8,     24,    24,    24, 24};
  if (pointer >= kTable.size() || kTable[pointer] == kNone) {
    return std::nullopt;
  }
  return ErrorHead{4, 0, kTable[pointer]};
}

/// RFC 7915 section 5.2, figure 6.
MaybeHead PointerToV4(uint32_t pointer) {
  constexpr std::array<uint8_t, 8> kTable = {0, 1, kNone, kNone, 2, 2, 9, 8};
  if (pointer >= wire::kIpv6HeaderSize) {
    return std::nullopt;
  }
  const uint8_t field = pointer < kTable.size() ? kTable[pointer]
                        : pointer < 24          ? uint8_t{12}
                                                : uint8_t{16};
  return field == kNone ? std::nullopt
                        : MaybeHead({12, 0, uint32_t{field} << 24});
}

/// A router that knows no RFC 1191 tells of MTU 0: the next lower of the usual
/// ones (RFC 1191 section 7.1).
uint32_t Plateau(uint16_t size) {
  constexpr std::array<uint32_t, 10> kPlateaus = {
      65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296};
  const auto* found = std::ranges::find_if(
      kPlateaus, [size](uint32_t plateau) { return plateau < size; });
  return found == kPlateaus.end() ? kLeastMtuV4 : *found;
}

/// Smaller packets than 1280 bytes are not asked of IPv6 hosts: of those the
/// translator's IPv4 packets have no DF.
uint32_t MtuToV6(uint16_t mtu, uint16_t quoted_size, const LinkMtus& mtus) {
  const uint32_t known = mtu != 0 ? mtu : Plateau(quoted_size);
  return std::max(kLeastMtuV6,
                  std::min({known + kHeaderGrowth, uint32_t{mtus.v6},
                            uint32_t{mtus.v4} + kHeaderGrowth}));
}

uint32_t MtuToV4(uint32_t mtu, const LinkMtus& mtus) {
  const uint32_t less = std::max(mtu, kLeastMtuV6) - kHeaderGrowth;
  return std::min({less, uint32_t{mtus.v4}, uint32_t{mtus.v6} - kHeaderGrowth});
}

MaybeHead UnreachableToV6(uint8_t code, ByteView message, uint16_t quoted_size,
                          const LinkMtus& mtus) {
  switch (code) {
    case 2:  // protocol: the next header field is what was not understood
      return ErrorHead{4, 1, wire::kIpv6NextHeader};
    case 3:  // port
      return ErrorHead{1, 4, 0};
    case 4:
      return ErrorHead{2, 0,
                       MtuToV6(wire::Get16(message, 6), quoted_size, mtus)};
    case 9:
    case 10:
    case 13:
    case 15:  // prohibited
      return ErrorHead{1, 1, 0};
    case 14:
      return std::nullopt;
    default:
      return code <= 12 ? MaybeHead({1, 0, 0}) : std::nullopt;
  }
}

MaybeHead HeadToV6(ByteView message, uint16_t quoted_size,
                   const LinkMtus& mtus) {
  const uint8_t code = message[1];
  switch (message[0]) {
    case 3:
      return UnreachableToV6(code, message, quoted_size, mtus);
    case 11:
      return ErrorHead{3, code, 0};
    case 12:
      return code == 0 || code == 2 ? PointerToV6(message[4]) : std::nullopt;
    default:
      return std::nullopt;
  }
}

MaybeHead HeadToV4(ByteView message, const LinkMtus& mtus) {
  const uint8_t code = message[1];
  switch (message[0]) {
    case 1:
      switch (code) {
        case 0:
        case 2:
        case 3:
          return ErrorHead{3, 1, 0};
        case 1:
          return ErrorHead{3, 10, 0};
        case 4:
          return ErrorHead{3, 3, 0};
        default:
          return std::nullopt;
      }
    case 2:
      return ErrorHead{3, 4, MtuToV4(wire::Get32(message, 4), mtus)};
    case 3:
      return ErrorHead{11, code, 0};
    case 4:
      if (code == 1) {
        return ErrorHead{3, 2, 0};
      }
      return code == 0 ? PointerToV4(wire::Get32(message, 4)) : std::nullopt;
    default:
      return std::nullopt;
  }
}

/// The quoted packet, without what RFC 4884 has behind it.
ByteView QuoteOf(ByteView message, const PacketInfo& info) {
  const ByteView quote = message.subspan(wire::kIcmpHeaderSize);
  const bool may_extend =
      info.is_v4()
          ? info.icmp_type == 3 || info.icmp_type == 11 || info.icmp_type == 12
          : info.icmp_type == 1 || info.icmp_type == 3;
  const size_t length =
      info.is_v4() ? size_t{message[5]} * 4 : size_t{message[4]} * 8;
  return may_extend && length != 0 ? quote.first(std::min(length, quote.size()))
                                   : quote;
}

std::vector<uint8_t> Build(const ErrorEnds& ends, uint8_t ttl,
                           const ErrorHead& head, ByteView quote) {
  const bool is_v4 = ends.source.is_v4();
  const size_t headers =
      wire::kIcmpHeaderSize +
      (is_v4 ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize);
  quote = quote.first(std::min(
      quote.size(), (is_v4 ? kMaxErrorSizeV4 : kMaxErrorSizeV6) - headers));
  std::vector<uint8_t> out = BuildIp(
      ends.source, ends.destination, is_v4 ? wire::kIcmp : wire::kIcmpv6,
      wire::kIcmpHeaderSize + quote.size(), {.ttl = ttl});
  const MutableBytes icmp =
      MutableBytes(out).last(wire::kIcmpHeaderSize + quote.size());
  icmp[0] = head.type;
  icmp[1] = head.code;
  wire::Put32(icmp, 4, head.rest);
  wire::PutBytes(icmp, wire::kIcmpHeaderSize, quote);
  FixChecksums(out);
  return out;
}

}  // namespace

std::vector<uint8_t> TranslateErrorToV4(ByteView packet, const PacketInfo& info,
                                        const ErrorEnds& ends,
                                        const LinkMtus& mtus) {
  const ByteView message = packet.subspan(info.transport_offset);
  const ByteView quote = QuoteOf(message, info);
  const auto quoted = ParseQuotedPacket(quote);
  const auto head = HeadToV4(message, mtus);
  if (!head || !quoted || quoted->is_v4() || !quoted->has_transport) {
    return {};
  }
  const auto converted =
      ConvertToV4(quote, *quoted, ends.quoted, quoted->fragment_id);
  return converted.empty() ? std::vector<uint8_t>()
                           : Build(ends, info.ttl, *head, converted);
}

std::vector<uint8_t> TranslateErrorToV6(ByteView packet, const PacketInfo& info,
                                        const ErrorEnds& ends,
                                        const LinkMtus& mtus) {
  const ByteView message = packet.subspan(info.transport_offset);
  const ByteView quote = QuoteOf(message, info);
  const auto quoted = ParseQuotedPacket(quote);
  if (!quoted || !quoted->is_v4() || !quoted->has_transport) {
    return {};
  }
  const auto head = HeadToV6(message, quoted->total_size, mtus);
  const auto converted = ConvertToV6(quote, *quoted, ends.quoted);
  return !head || converted.empty() ? std::vector<uint8_t>()
                                    : Build(ends, info.ttl, *head, converted);
}

}  // namespace natkit::netsim::ipv6
