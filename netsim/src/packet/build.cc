#include "packet/build.h"

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/netsim/packet.h"
#include "packet/wire.h"

namespace natkit::netsim {

namespace {

constexpr size_t kMaxPacketSize = 65535;
constexpr size_t kMssOptionSize = 4;

void WriteV4Header(MutableBytes packet, const IpAddress& from,
                   const IpAddress& to, uint8_t protocol, const IpFields& ip) {
  packet[0] = 0x45;
  wire::Put16(packet, wire::kIpv4TotalLength,
              static_cast<uint16_t>(packet.size()));
  wire::Put16(packet, wire::kIpv4Id, ip.id);
  wire::Put16(packet, wire::kIpv4Fragment,
              ip.dont_fragment ? wire::kDontFragment : uint16_t{0});
  packet[wire::kIpv4Ttl] = ip.ttl;
  packet[wire::kIpv4Protocol] = protocol;
  wire::PutBytes(packet, wire::kIpv4Source, from.bytes());
  wire::PutBytes(packet, wire::kIpv4Destination, to.bytes());
}

void WriteV6Header(MutableBytes packet, const IpAddress& from,
                   const IpAddress& to, uint8_t protocol, const IpFields& ip) {
  packet[0] = 0x60;
  wire::Put16(packet, wire::kIpv6PayloadLength,
              static_cast<uint16_t>(packet.size() - wire::kIpv6HeaderSize));
  packet[wire::kIpv6NextHeader] = protocol;
  packet[wire::kIpv6HopLimit] = ip.ttl;
  wire::PutBytes(packet, wire::kIpv6Source, from.bytes());
  wire::PutBytes(packet, wire::kIpv6Destination, to.bytes());
}

}  // namespace

std::vector<uint8_t> BuildIp(const IpAddress& from, const IpAddress& to,
                             uint8_t protocol, size_t payload_size,
                             const IpFields& ip) {
  NATKIT_CHECK(from.family() == to.family());
  const size_t header =
      from.is_v4() ? wire::kIpv4HeaderSize : wire::kIpv6HeaderSize;
  NATKIT_CHECK(header + payload_size <= kMaxPacketSize);
  std::vector<uint8_t> packet(header + payload_size);
  if (from.is_v4()) {
    WriteV4Header(packet, from, to, protocol, ip);
  } else {
    WriteV6Header(packet, from, to, protocol, ip);
  }
  return packet;
}

std::vector<uint8_t> BuildUdp(const Endpoint& from, const Endpoint& to,
                              ByteView payload, const IpFields& ip) {
  const size_t size = wire::kUdpHeaderSize + payload.size();
  std::vector<uint8_t> packet =
      BuildIp(from.address, to.address, wire::kUdp, size, ip);
  const MutableBytes udp = MutableBytes(packet).last(size);
  wire::Put16(udp, 0, from.port);
  wire::Put16(udp, 2, to.port);
  wire::Put16(udp, wire::kUdpLength, static_cast<uint16_t>(size));
  wire::PutBytes(udp, wire::kUdpHeaderSize, payload);
  FixChecksums(packet);
  return packet;
}

std::vector<uint8_t> BuildTcp(const Endpoint& from, const Endpoint& to,
                              const TcpFields& tcp, ByteView payload,
                              const IpFields& ip) {
  const size_t header =
      wire::kTcpHeaderSize + (tcp.mss != 0 ? kMssOptionSize : 0);
  const size_t size = header + payload.size();
  std::vector<uint8_t> packet =
      BuildIp(from.address, to.address, wire::kTcp, size, ip);
  const MutableBytes segment = MutableBytes(packet).last(size);
  wire::Put16(segment, 0, from.port);
  wire::Put16(segment, 2, to.port);
  wire::Put32(segment, 4, tcp.sequence);
  wire::Put32(segment, 8, tcp.acknowledgement);
  segment[wire::kTcpDataOffset] = static_cast<uint8_t>(header / 4 << 4);
  segment[wire::kTcpFlags] = tcp.flags;
  wire::Put16(segment, 14, tcp.window);
  if (tcp.mss != 0) {
    segment[wire::kTcpHeaderSize] = 2;  // kind: maximum segment size
    segment[wire::kTcpHeaderSize + 1] = kMssOptionSize;
    wire::Put16(segment, wire::kTcpHeaderSize + 2, tcp.mss);
  }
  wire::PutBytes(segment, header, payload);
  FixChecksums(packet);
  return packet;
}

std::vector<uint8_t> BuildEcho(const IpAddress& from, const IpAddress& to,
                               EchoKind kind, uint16_t id, uint16_t sequence,
                               ByteView payload, const IpFields& ip) {
  const size_t size = wire::kIcmpHeaderSize + payload.size();
  const bool is_request = kind == EchoKind::kRequest;
  std::vector<uint8_t> packet =
      BuildIp(from, to, from.is_v4() ? wire::kIcmp : wire::kIcmpv6, size, ip);
  const MutableBytes echo = MutableBytes(packet).last(size);
  echo[0] = from.is_v4() ? (is_request ? 8 : 0) : (is_request ? 128 : 129);
  wire::Put16(echo, wire::kIcmpId, id);
  wire::Put16(echo, wire::kIcmpId + 2, sequence);
  wire::PutBytes(echo, wire::kIcmpHeaderSize, payload);
  FixChecksums(packet);
  return packet;
}

}  // namespace natkit::netsim
