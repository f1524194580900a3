#include <algorithm>

#include "natkit/netsim/packet.h"
#include "packet/ipv6_headers.h"
#include "packet/wire.h"

namespace natkit::netsim {

namespace {

using wire::Get16;

/// Whether the bytes are all there or were cut by whoever quoted them.
enum class Extent : uint8_t { kWhole, kQuoted };

void ReadPorts(ByteView transport, PacketInfo& info) {
  info.source.port = Get16(transport, 0);
  info.destination.port = Get16(transport, 2);
  info.has_transport = true;
}

void ReadIcmp(ByteView transport, PacketInfo& info) {
  info.icmp_type = transport[0];
  info.icmp_code = transport[1];
  info.has_transport = true;
  if (wire::IsIcmpQuery(info.protocol, info.icmp_type)) {
    info.icmp_id = Get16(transport, wire::kIcmpId);
    (wire::IsIcmpRequest(info.protocol, info.icmp_type) ? info.source
                                                        : info.destination)
        .port = info.icmp_id;
  }
}

/// `transport` ends where the packet or the bytes of it do.
void ReadTransport(ByteView transport, Extent extent, PacketInfo& info) {
  switch (info.protocol) {
    case wire::kUdp:
      if (transport.size() >= wire::kUdpHeaderSize) {
        ReadPorts(transport, info);
      }
      break;
    case wire::kTcp:
      if (transport.size() >=
          (extent == Extent::kWhole ? wire::kTcpHeaderSize : 8)) {
        ReadPorts(transport, info);
        info.tcp_flags = transport.size() > wire::kTcpFlags
                             ? transport[wire::kTcpFlags]
                             : uint8_t{0};
      }
      break;
    case wire::kIcmp:
    case wire::kIcmpv6:
      if (transport.size() >= wire::kIcmpHeaderSize) {
        ReadIcmp(transport, info);
      }
      break;
    default:
      break;
  }
}

void ReadFragment(uint16_t offset, bool has_more, PacketInfo& info) {
  info.fragment_offset = offset;
  info.has_more_fragments = has_more;
  info.is_fragment = has_more || offset != 0;
}

std::optional<PacketInfo> ParseV4(ByteView packet, Extent extent) {
  if (packet.size() < wire::kIpv4HeaderSize) {
    return std::nullopt;
  }
  const size_t header = wire::Ipv4HeaderLength(packet);
  const uint16_t total = Get16(packet, wire::kIpv4TotalLength);
  if (header < wire::kIpv4HeaderSize || header > packet.size() ||
      total < header || (extent == Extent::kWhole && total > packet.size())) {
    return std::nullopt;
  }
  if (extent == Extent::kWhole && !wire::HasValidIpv4Checksum(packet, header)) {
    return std::nullopt;
  }
  std::optional<PacketInfo> out(std::in_place);
  PacketInfo& info = *out;
  info.source.address = wire::GetV4(packet, wire::kIpv4Source);
  info.destination.address = wire::GetV4(packet, wire::kIpv4Destination);
  info.protocol = packet[wire::kIpv4Protocol];
  info.ttl = packet[wire::kIpv4Ttl];
  info.total_size = total;
  info.transport_offset = static_cast<uint16_t>(header);
  info.fragment_id = Get16(packet, wire::kIpv4Id);
  const uint16_t fragment = Get16(packet, wire::kIpv4Fragment);
  info.has_dont_fragment = (fragment & wire::kDontFragment) != 0;
  ReadFragment(static_cast<uint16_t>((fragment & wire::kOffsetMask) * 8),
               (fragment & wire::kMoreFragments) != 0, info);
  if (info.fragment_offset == 0) {
    const size_t end = std::min<size_t>(packet.size(), total);
    ReadTransport(packet.subspan(header, end - header), extent, info);
  }
  return out;
}

void ReadV6Chain(const Ipv6Headers& headers, ByteView packet,
                 PacketInfo& info) {
  info.protocol = headers.protocol;
  info.transport_offset = static_cast<uint16_t>(headers.end);
  if (const size_t at = headers.fragment_header; at != 0) {
    const uint16_t fragment = Get16(packet, at + 2);
    info.fragment_id = Get16(packet, at + 6);
    ReadFragment(fragment & 0xfff8, (fragment & 1) != 0, info);
  }
}

std::optional<PacketInfo> ParseV6(ByteView packet, Extent extent) {
  if (packet.size() < wire::kIpv6HeaderSize) {
    return std::nullopt;
  }
  const size_t total =
      wire::kIpv6HeaderSize + Get16(packet, wire::kIpv6PayloadLength);
  if (total > 0xffff || (extent == Extent::kWhole && total > packet.size())) {
    return std::nullopt;
  }
  packet = packet.first(std::min(packet.size(), total));
  const Ipv6Headers headers = WalkIpv6Headers(packet);
  if (headers.is_cut && extent == Extent::kWhole) {
    return std::nullopt;
  }
  std::optional<PacketInfo> out(std::in_place);
  PacketInfo& info = *out;
  info.source.address = wire::GetV6(packet, wire::kIpv6Source);
  info.destination.address = wire::GetV6(packet, wire::kIpv6Destination);
  info.ttl = packet[wire::kIpv6HopLimit];
  info.total_size = static_cast<uint16_t>(total);
  ReadV6Chain(headers, packet, info);
  if (info.fragment_offset == 0 && !headers.is_cut) {
    ReadTransport(packet.subspan(headers.end), extent, info);
  }
  return out;
}

std::optional<PacketInfo> Parse(ByteView packet, Extent extent) {
  if (packet.empty()) {
    return std::nullopt;
  }
  switch (packet[0] >> 4) {
    case 4:
      return ParseV4(packet, extent);
    case 6:
      return ParseV6(packet, extent);
    default:
      return std::nullopt;
  }
}

}  // namespace

bool PacketInfo::is_icmp_error() const {
  if (!has_transport) {
    return false;
  }
  if (is_v4()) {
    return protocol == wire::kIcmp &&
           (icmp_type == 3 || icmp_type == 4 || icmp_type == 5 ||
            icmp_type == 11 || icmp_type == 12);
  }
  return protocol == wire::kIcmpv6 && icmp_type < 128;
}

bool PacketInfo::is_icmp_echo() const {
  if (!has_transport) {
    return false;
  }
  if (is_v4()) {
    return protocol == wire::kIcmp && (icmp_type == 0 || icmp_type == 8);
  }
  return protocol == wire::kIcmpv6 && (icmp_type == 128 || icmp_type == 129);
}

std::optional<PacketInfo> ParsePacket(ByteView packet) {
  return Parse(packet, Extent::kWhole);
}

std::optional<PacketInfo> ParseQuotedPacket(ByteView quoted) {
  return Parse(quoted, Extent::kQuoted);
}

std::optional<ByteView> UdpPayload(ByteView packet, const PacketInfo& info) {
  if (info.protocol != wire::kUdp || !info.has_transport || info.is_fragment) {
    return std::nullopt;
  }
  const ByteView transport =
      packet.first(info.total_size).subspan(info.transport_offset);
  const size_t length = Get16(transport, wire::kUdpLength);
  if (length < wire::kUdpHeaderSize || length > transport.size()) {
    return std::nullopt;
  }
  return transport.first(length).subspan(wire::kUdpHeaderSize);
}

}  // namespace natkit::netsim
