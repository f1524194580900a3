#include "ipv6/nat64_translate.h"

#include <algorithm>
#include <array>
#include <functional>

#include "ipv6/nat64_headers.h"
#include "packet/ipv6_headers.h"
#include "packet/wire.h"

namespace natkit::netsim::ipv6 {
namespace {

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kDestinationOptions = 60;
constexpr size_t kPrefixBytes = 12;

/// A change of what a checksum covers: equation 3 of RFC 1624.
class ChecksumChange {
 public:
  void Remove(uint32_t sum) { sum_ += uint16_t(~wire::Fold(sum)); }

  void Add(uint32_t sum) { sum_ += wire::Fold(sum); }

  void Write16(MutableBytes bytes, size_t at, uint16_t value) {
    Remove(wire::Get16(bytes, at));
    Add(value);
    wire::Put16(bytes, at, value);
  }

  [[nodiscard]] uint16_t ApplyTo(uint16_t checksum) const {
    return static_cast<uint16_t>(
        ~wire::Fold(uint32_t{static_cast<uint16_t>(~checksum)} + sum_));
  }

 private:
  uint32_t sum_ = 0;
};

/// ICMP over IPv4 has no pseudo header.
uint32_t PseudoSum(const Endpoint& source, const Endpoint& destination,
                   uint8_t protocol, size_t length) {
  return protocol == wire::kIcmp
             ? 0
             : wire::PseudoHeaderSum(source.address, destination.address,
                                     protocol, length);
}

uint8_t OtherEcho(const PacketInfo& info) {
  const bool is_request = wire::IsIcmpRequest(info.protocol, info.icmp_type);
  return info.is_v4() ? (is_request ? 128 : 129) : (is_request ? 8 : 0);
}

/// The two zeros of one's complement: see UDP (RFC 768), and an echo reply of
/// zeros only.
bool IsZeroForbidden(ByteView transport, uint8_t protocol) {
  return protocol == wire::kUdp ||
         (protocol == wire::kIcmp &&
          std::ranges::all_of(transport.first(2), std::logical_not{}) &&
          std::ranges::all_of(transport.subspan(4), std::logical_not{}));
}

/// `info` is what the packet was.
void ConvertTransport(MutableBytes transport, const PacketInfo& info,
                      const Ends& ends) {
  const uint8_t protocol = OtherProtocol(info.protocol);
  const size_t length = info.total_size - info.transport_offset;
  ChecksumChange change;
  change.Remove(
      PseudoSum(info.source, info.destination, info.protocol, length));
  change.Add(PseudoSum(ends.source, ends.destination, protocol, length));
  if (protocol == info.protocol) {
    change.Write16(transport, 0, ends.source.port);
    change.Write16(transport, 2, ends.destination.port);
  } else {
    const bool is_request = wire::IsIcmpRequest(info.protocol, info.icmp_type);
    change.Write16(transport, 0,
                   static_cast<uint16_t>(OtherEcho(info) << 8 | transport[1]));
    change.Write16(transport, wire::kIcmpId,
                   is_request ? ends.source.port : ends.destination.port);
  }
  const size_t at = wire::ChecksumOffset(protocol);
  if (at + 2 > transport.size()) {
    return;  // whoever quoted it has cut it off
  }
  const uint16_t old = wire::Get16(transport, at);
  if (protocol == wire::kUdp && old == 0) {
    return;
  }
  const uint16_t fresh = change.ApplyTo(old);
  wire::Put16(
      transport, at,
      fresh == 0 && IsZeroForbidden(transport, protocol) ? 0xffff : fresh);
}

/// Whether only echoes of ICMP are concerned.
bool CanConvert(const PacketInfo& info) {
  switch (info.protocol) {
    case wire::kUdp:
    case wire::kTcp:
      return true;
    case wire::kIcmp:
    case wire::kIcmpv6:
      return info.is_icmp_echo() && !info.is_fragment &&
             (info.protocol == wire::kIcmp) == info.is_v4();
    default:
      return false;
  }
}

ByteView TransportOf(ByteView packet, const PacketInfo& info) {
  return packet.first(std::min<size_t>(packet.size(), info.total_size))
      .subspan(info.transport_offset);
}

uint16_t FragmentField(const PacketInfo& info) {
  return static_cast<uint16_t>(
      info.fragment_offset / 8 |
      (info.has_more_fragments ? wire::kMoreFragments : 0));
}

}  // namespace

IpAddress Embed(const IpPrefix& prefix, const IpAddress& v4) {
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(prefix.address().bytes().first(kPrefixBytes),
                    bytes.begin());
  std::ranges::copy(v4.bytes(), bytes.begin() + kPrefixBytes);
  return IpAddress::V6(bytes);
}

std::optional<IpAddress> Extract(const IpPrefix& prefix, const IpAddress& v6) {
  if (!v6.is_v6() || !prefix.Contains(v6)) {
    return std::nullopt;
  }
  return wire::GetV4(v6.bytes(), kPrefixBytes);
}

uint8_t OtherProtocol(uint8_t protocol) {
  switch (protocol) {
    case wire::kIcmp:
      return wire::kIcmpv6;
    case wire::kIcmpv6:
      return wire::kIcmp;
    default:
      return protocol;
  }
}

ExtensionVerdict CheckExtensions(ByteView packet) {
  uint8_t type = packet[wire::kIpv6NextHeader];
  size_t at = wire::kIpv6HeaderSize;
  const size_t end = WalkIpv6Headers(packet).end;
  while (at < end) {
    if (type != kHopByHop && type != kRouting && type != kFragment &&
        type != kDestinationOptions) {
      return {};
    }
    if (type == kRouting && packet[at + 3] != 0) {
      return {.unreached_stop = static_cast<uint32_t>(at + 3)};
    }
    const size_t size = type == kFragment ? wire::kFragmentHeaderSize
                                          : (size_t{packet[at + 1]} + 1) * 8;
    type = packet[at];
    at += size;
  }
  return {.can_translate = true, .unreached_stop = {}};
}

bool HasSourceRoute(ByteView packet) {
  constexpr uint8_t kLoose = 131;
  constexpr uint8_t kStrict = 137;
  const ByteView options = packet.first(wire::Ipv4HeaderLength(packet))
                               .subspan(wire::kIpv4HeaderSize);
  size_t at = 0;
  while (at < options.size() && options[at] != 0) {  // 0 ends the list
    if (options[at] == 1) {
      ++at;
      continue;
    }
    if (options.size() - at < 3 || options[at + 1] < 2) {
      return false;
    }
    if ((options[at] == kLoose || options[at] == kStrict) &&
        options[at + 2] <= options[at + 1]) {
      return true;  // the pointer is not past the last stop
    }
    at += options[at + 1];
  }
  return false;
}

size_t TranslatedSize(const PacketInfo& info) {
  const size_t payload = info.total_size - info.transport_offset;
  if (!info.is_v4()) {
    return wire::kIpv4HeaderSize + payload;
  }
  return wire::kIpv6HeaderSize + payload +
         (info.is_fragment ? wire::kFragmentHeaderSize : 0);
}

bool GetsDontFragment(ByteView packet, const PacketInfo& info) {
  return TranslatedSize(info) > kMaxCuttableV4 &&
         WalkIpv6Headers(packet).fragment_header == 0;
}

std::vector<uint8_t> ConvertToV4(ByteView packet, const PacketInfo& info,
                                 const Ends& ends, uint16_t id) {
  if (!CanConvert(info)) {
    return {};
  }
  const ByteView transport = TransportOf(packet, info);
  std::vector<uint8_t> out(wire::kIpv4HeaderSize + transport.size());
  const bool has_df = GetsDontFragment(packet, info);
  out[0] = 0x45;
  out[1] = static_cast<uint8_t>(wire::Get16(packet, 0) >> 4);
  wire::Put16(out, wire::kIpv4TotalLength,
              static_cast<uint16_t>(TranslatedSize(info)));
  wire::Put16(out, wire::kIpv4Id, has_df ? uint16_t{0} : id);
  wire::Put16(out, wire::kIpv4Fragment,
              has_df ? wire::kDontFragment : FragmentField(info));
  out[wire::kIpv4Ttl] = info.ttl;
  out[wire::kIpv4Protocol] = OtherProtocol(info.protocol);
  wire::PutBytes(out, wire::kIpv4Source, ends.source.address.bytes());
  wire::PutBytes(out, wire::kIpv4Destination, ends.destination.address.bytes());
  wire::Put16(out, wire::kIpv4Checksum,
              InternetChecksum(ByteView(out).first(wire::kIpv4HeaderSize)));
  wire::PutBytes(out, wire::kIpv4HeaderSize, transport);
  if (info.has_transport) {
    ConvertTransport(MutableBytes(out).subspan(wire::kIpv4HeaderSize), info,
                     ends);
  }
  return out;
}

std::vector<uint8_t> ConvertToV6(ByteView packet, const PacketInfo& info,
                                 const Ends& ends) {
  const size_t total = TranslatedSize(info);
  if (!CanConvert(info) || total - wire::kIpv6HeaderSize > 0xffff) {
    return {};
  }
  const ByteView transport = TransportOf(packet, info);
  const size_t header = wire::kIpv6HeaderSize +
                        (info.is_fragment ? wire::kFragmentHeaderSize : 0);
  std::vector<uint8_t> out(header + transport.size());
  const uint8_t protocol = OtherProtocol(info.protocol);
  wire::Put32(out, 0, 0x60000000U | uint32_t{packet[1]} << 20);
  wire::Put16(out, wire::kIpv6PayloadLength,
              static_cast<uint16_t>(total - wire::kIpv6HeaderSize));
  out[wire::kIpv6NextHeader] = info.is_fragment ? kFragment : protocol;
  out[wire::kIpv6HopLimit] = info.ttl;
  wire::PutBytes(out, wire::kIpv6Source, ends.source.address.bytes());
  wire::PutBytes(out, wire::kIpv6Destination, ends.destination.address.bytes());
  if (info.is_fragment) {
    const MutableBytes fragment =
        MutableBytes(out).subspan(wire::kIpv6HeaderSize);
    fragment[0] = protocol;
    wire::Put16(fragment, 2,
                static_cast<uint16_t>(info.fragment_offset |
                                      (info.has_more_fragments ? 1U : 0U)));
    wire::Put32(fragment, 4, info.fragment_id);
  }
  wire::PutBytes(out, header, transport);
  if (info.has_transport) {
    ConvertTransport(MutableBytes(out).subspan(header), info, ends);
  }
  return out;
}

std::vector<uint8_t> TranslateToV4(ByteView packet, const PacketInfo& info,
                                   const Ends& ends, uint16_t id) {
  return ConvertToV4(packet, info, ends, id);
}

std::vector<uint8_t> TranslateToV6(ByteView packet, const PacketInfo& info,
                                   const Ends& ends) {
  std::vector<uint8_t> out = ConvertToV6(packet, info, ends);
  if (!out.empty() && info.protocol == wire::kUdp && info.has_transport &&
      wire::Get16(packet, info.transport_offset + wire::kUdpChecksum) == 0) {
    FixChecksums(out);
  }
  return out;
}

}  // namespace natkit::netsim::ipv6
