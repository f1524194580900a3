#include "node/icmp_echo.h"

#include "natkit/base/check.h"

namespace natkit::mesh {

namespace {

constexpr size_t kDataSize = 56;
constexpr size_t kIcmpSize = 8 + kDataSize;
constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;
constexpr uint8_t kProtocolIcmp = 1;
constexpr uint8_t kProtocolIcmpV6 = 58;
constexpr uint8_t kHopLimit = 64;

/// The Internet checksum's running sum (RFC 1071).
uint32_t Sum(ByteView bytes, uint32_t sum) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint32_t byte = bytes[i];
    sum += i % 2 == 0 ? byte << 8 : byte;
  }
  return sum;
}

uint16_t Fold(uint32_t sum) {
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(~sum);
}

uint32_t PseudoHeaderSum(const IcmpEcho& echo) {
  if (echo.source.is_v4()) {
    return 0;  // ICMPv4 has none
  }
  uint32_t sum = Sum(echo.source.bytes(), 0);
  sum = Sum(echo.destination.bytes(), sum);
  return sum + kIcmpSize + kProtocolIcmpV6;
}

void WriteIpHeader(ByteWriter& out, const IcmpEcho& echo) {
  if (echo.source.is_v6()) {
    out.WriteU32(0x60000000);
    out.WriteU16(kIcmpSize);
    out.WriteU8(kProtocolIcmpV6);
    out.WriteU8(kHopLimit);
  } else {
    out.WriteU16(0x4500);
    out.WriteU16(kIpv4Header + kIcmpSize);
    out.WriteU32(0x00004000);  // identification 0, don't fragment
    out.WriteU8(kHopLimit);
    out.WriteU8(kProtocolIcmp);
    out.WriteU16(0);  // checksum, patched below
  }
  out.WriteBytes(echo.source.bytes());
  out.WriteBytes(echo.destination.bytes());
  if (echo.source.is_v4()) {
    out.PatchU16(10, Fold(Sum(out.written(), 0)));
  }
}

/// Reads the IP header: leaves `in` at the ICMP message.
bool ReadIpHeader(ByteReader& in, ByteView packet, IcmpEcho& echo) {
  if (packet.empty()) {
    return false;
  }
  const bool is_v6 = packet[0] >> 4 == 6;
  const size_t address_size = is_v6 ? 16 : 4;
  const size_t addresses_at = is_v6 ? 8 : 12;
  if (packet.size() < (is_v6 ? kIpv6Header : kIpv4Header)) {
    return false;
  }
  const uint8_t protocol = packet[is_v6 ? 6 : 9];
  if (is_v6 ? protocol != kProtocolIcmpV6
            : packet[0] != 0x45 || protocol != kProtocolIcmp ||
                  (packet[6] & 0x3f) != 0 || packet[7] != 0) {
    return false;
  }
  ByteView source;
  ByteView destination;
  if (!in.Skip(addresses_at) || !in.ReadView(address_size, source) ||
      !in.ReadView(address_size, destination)) {
    return false;
  }
  echo.source = *IpAddress::FromBytes(source);
  echo.destination = *IpAddress::FromBytes(destination);
  return true;
}

}  // namespace

std::vector<uint8_t> BuildEchoRequest(const IcmpEcho& echo) {
  NATKIT_CHECK(echo.source.family() == echo.destination.family());
  const bool is_v6 = echo.source.is_v6();
  std::vector<uint8_t> packet((is_v6 ? kIpv6Header : kIpv4Header) + kIcmpSize);
  ByteWriter out(packet);
  WriteIpHeader(out, echo);
  const size_t icmp_at = out.size();
  out.WriteU8(is_v6 ? 128 : 8);
  out.WriteU8(0);
  out.WriteU16(0);
  out.WriteU16(echo.identifier);
  out.WriteU16(echo.sequence);
  out.WriteZeros(kDataSize);
  const uint32_t sum =
      Sum(ByteView(packet).subspan(icmp_at), PseudoHeaderSum(echo));
  out.PatchU16(icmp_at + 2, Fold(sum));
  return packet;
}

std::optional<IcmpEcho> ParseEcho(ByteView packet) {
  IcmpEcho echo;
  ByteReader in(packet);
  uint8_t type = 0;
  if (!ReadIpHeader(in, packet, echo) || !in.ReadU8(type) || !in.Skip(3) ||
      !in.ReadU16(echo.identifier) || !in.ReadU16(echo.sequence)) {
    return std::nullopt;
  }
  const bool is_v6 = echo.source.is_v6();
  echo.is_reply = type == (is_v6 ? 129 : 0);
  if (!echo.is_reply && type != (is_v6 ? 128 : 8)) {
    return std::nullopt;
  }
  return echo;
}

}  // namespace natkit::mesh
