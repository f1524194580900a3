#include "routing/ip_packet.h"

namespace natkit::wg {

namespace {

constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIpv6HeaderSize = 40;

template <size_t N>
bool ReadAddresses(ByteReader& in, IpHeader& header) {
  ByteView source;
  ByteView destination;
  if (!in.ReadView(N, source) || !in.ReadView(N, destination)) {
    return false;
  }
  header.source = *IpAddress::FromBytes(source);
  header.destination = *IpAddress::FromBytes(destination);
  return true;
}

Result<IpHeader> CheckTotalSize(const IpHeader& header, size_t header_size,
                                ByteView packet) {
  if (header.total_size < header_size) {
    return Fail(Errc::kBadLength);
  }
  if (header.total_size > packet.size()) {
    return Fail(Errc::kTruncated);
  }
  return header;
}

Result<IpHeader> ParseIpv4Header(ByteView packet) {
  ByteReader in(packet);
  IpHeader header;
  uint16_t total = 0;
  if (!in.Skip(2) || !in.ReadU16(total) || !in.Skip(8) ||
      !ReadAddresses<4>(in, header)) {
    return Fail(Errc::kTruncated);
  }
  header.total_size = total;
  return CheckTotalSize(header, kIpv4HeaderSize, packet);
}

Result<IpHeader> ParseIpv6Header(ByteView packet) {
  ByteReader in(packet);
  IpHeader header;
  uint16_t payload = 0;
  if (!in.Skip(4) || !in.ReadU16(payload) || !in.Skip(2) ||
      !ReadAddresses<16>(in, header)) {
    return Fail(Errc::kTruncated);
  }
  header.total_size = kIpv6HeaderSize + payload;
  return CheckTotalSize(header, kIpv6HeaderSize, packet);
}

}  // namespace

Result<IpHeader> ParseIpHeader(ByteView packet) {
  uint8_t first = 0;
  if (!ByteReader(packet).ReadU8(first)) {
    return Fail(Errc::kTruncated);
  }
  switch (first >> 4) {
    case 4:
      return ParseIpv4Header(packet);
    case 6:
      return ParseIpv6Header(packet);
    default:
      return Fail(Errc::kBadValue);
  }
}

}  // namespace natkit::wg
