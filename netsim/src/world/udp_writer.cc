#include "udp_writer.h"

namespace natkit::netsim {
namespace {

constexpr size_t kIpv4HeaderSize = 20;
constexpr size_t kIpv6HeaderSize = 40;
constexpr size_t kUdpHeaderSize = 8;
constexpr size_t kIpv4ChecksumOffset = 10;
constexpr size_t kUdpChecksumOffset = 6;
constexpr uint16_t kDontFragment = 0x4000;
constexpr auto kUdp = static_cast<uint8_t>(IpProtocol::kUdp);

void WriteIpv4Header(ByteWriter& out, const Endpoint& from, const Endpoint& to,
                     size_t size, const IpFields& ip) {
  out.WriteU16(0x4500);
  out.WriteU16(static_cast<uint16_t>(size));
  out.WriteU16(ip.id);
  out.WriteU16(ip.dont_fragment ? kDontFragment : 0);
  out.WriteU8(ip.ttl);
  out.WriteU8(kUdp);
  out.WriteU16(0);
  out.WriteBytes(from.address.bytes());
  out.WriteBytes(to.address.bytes());
  out.PatchU16(kIpv4ChecksumOffset, InternetChecksum(out.written()));
}

void WriteIpv6Header(ByteWriter& out, const Endpoint& from, const Endpoint& to,
                     size_t size, const IpFields& ip) {
  out.WriteU32(0x60000000);
  out.WriteU16(static_cast<uint16_t>(size - kIpv6HeaderSize));
  out.WriteU8(kUdp);
  out.WriteU8(ip.ttl);
  out.WriteBytes(from.address.bytes());
  out.WriteBytes(to.address.bytes());
}

/// The sum over the pseudo header (RFC 768; RFC 8200 section 8.1) and over the
/// UDP header, whose length field says the same a second time.
uint32_t HeaderSum(const Endpoint& from, const Endpoint& to, size_t udp_size) {
  uint32_t sum = kUdp + 2 * static_cast<uint32_t>(udp_size) + from.port +
                 uint32_t{to.port};
  for (const ByteView address : {from.address.bytes(), to.address.bytes()}) {
    for (size_t i = 0; i < address.size(); i += 2) {
      sum += static_cast<uint32_t>(address[i] << 8 | address[i + 1]);
    }
  }
  return sum;
}

}  // namespace

size_t UdpPacketSize(AddressFamily family, size_t payload_size) {
  return payload_size + kUdpHeaderSize +
         (family == AddressFamily::kIpv4 ? kIpv4HeaderSize : kIpv6HeaderSize);
}

void WriteUdp(MutableBytes out, const Endpoint& from, const Endpoint& to,
              ByteView payload, const IpFields& ip) {
  ByteWriter writer(out);
  if (from.address.is_v4()) {
    WriteIpv4Header(writer, from, to, out.size(), ip);
  } else {
    WriteIpv6Header(writer, from, to, out.size(), ip);
  }
  const size_t udp_offset = writer.size();
  const size_t udp_size = kUdpHeaderSize + payload.size();
  writer.WriteU16(from.port);
  writer.WriteU16(to.port);
  writer.WriteU16(static_cast<uint16_t>(udp_size));
  writer.WriteU16(0);
  writer.WriteBytes(payload);
  // Over the bytes where they came from: a buffer may have to be fetched.
  const uint16_t checksum =
      InternetChecksum(payload, HeaderSum(from, to, udp_size));
  // Zero would say that there is none (RFC 768).
  writer.PatchU16(udp_offset + kUdpChecksumOffset,
                  checksum == 0 ? 0xFFFF : checksum);
}

}  // namespace natkit::netsim
