#include <algorithm>

#include "natkit/netsim/packet.h"
#include "packet/ipv6_headers.h"
#include "packet/wire.h"

namespace natkit::netsim {

namespace {

/// No fragment ends past this; the offset field could not say it.
constexpr int kMaxReassembled = 65535;

using Fragments = std::vector<std::vector<uint8_t>>;

/// The IPv4 header of fragments after the first: only options whose copied
/// flag is set stay (RFC 791 section 3.1).
std::vector<uint8_t> LaterV4Header(ByteView header) {
  std::vector<uint8_t> out(header.begin(),
                           header.begin() + wire::kIpv4HeaderSize);
  size_t at = wire::kIpv4HeaderSize;
  while (at < header.size() && header[at] != 0) {  // 0 ends the list
    const bool is_padding = header[at] == 1;
    const size_t size = is_padding ? 1
                        : at + 1 < header.size()
                            ? std::max<size_t>(header[at + 1], 2)
                            : 2;
    if (size > header.size() - at) {
      break;
    }
    if ((header[at] & 0x80) != 0) {
      const ByteView option = header.subspan(at, size);
      out.insert(out.end(), option.begin(), option.end());
    }
    at += size;
  }
  out.resize((out.size() + 3) / 4 * 4);
  out[0] = static_cast<uint8_t>(0x40 | out.size() / 4);
  return out;
}

std::vector<uint8_t> MakeV4Fragment(ByteView header, ByteView payload,
                                    uint16_t offset_and_flags) {
  std::vector<uint8_t> out(header.begin(), header.end());
  out.insert(out.end(), payload.begin(), payload.end());
  wire::Put16(out, wire::kIpv4TotalLength, static_cast<uint16_t>(out.size()));
  wire::Put16(out, wire::kIpv4Fragment, offset_and_flags);
  wire::Put16(out, wire::kIpv4Checksum, 0);
  wire::Put16(out, wire::kIpv4Checksum,
              InternetChecksum(ByteView(out).first(header.size())));
  return out;
}

Fragments FragmentV4(ByteView packet, const PacketInfo& info, size_t mtu) {
  const size_t header = info.transport_offset;
  if (mtu < header + 8) {
    return {};
  }
  const std::vector<uint8_t> later = LaterV4Header(packet.first(header));
  const ByteView payload = packet.subspan(header);
  Fragments out;
  for (size_t at = 0; at < payload.size();) {
    const ByteView use = at == 0 ? packet.first(header) : ByteView(later);
    const size_t room = (mtu - use.size()) / 8 * 8;
    const size_t size = std::min(room, payload.size() - at);
    const bool has_more = at + size < payload.size() || info.has_more_fragments;
    const auto offset = static_cast<uint16_t>((info.fragment_offset + at) / 8);
    out.push_back(MakeV4Fragment(
        use, payload.subspan(at, size),
        offset | (has_more ? wire::kMoreFragments : uint16_t{0})));
    at += size;
  }
  return out;
}

/// The part of an IPv6 packet that every fragment repeats, with a fragment
/// header at its end.
std::vector<uint8_t> V6FragmentHead(ByteView packet, const Ipv6Headers& headers,
                                    uint32_t id) {
  if (headers.fragment_header != 0) {
    const ByteView head =
        packet.first(headers.fragment_header + wire::kFragmentHeaderSize);
    return {head.begin(), head.end()};
  }
  const ByteView head = packet.first(headers.unfragmentable_end);
  std::vector<uint8_t> out(head.begin(), head.end());
  out.resize(head.size() + wire::kFragmentHeaderSize);
  out[head.size()] = packet[headers.unfragmentable_next];
  out[headers.unfragmentable_next] = 44;
  wire::Put32(out, head.size() + 4, id);
  return out;
}

Fragments FragmentV6(ByteView packet, const PacketInfo& info, size_t mtu,
                     uint32_t id) {
  const Ipv6Headers headers = WalkIpv6Headers(packet);
  const std::vector<uint8_t> head = V6FragmentHead(packet, headers, id);
  const size_t start =
      headers.fragment_header != 0 ? head.size() : headers.unfragmentable_end;
  // The first fragment holds all headers (RFC 7112).
  if (mtu < head.size() + 8 + (headers.end - start)) {
    return {};
  }
  const ByteView payload = packet.subspan(start);
  const size_t room = (mtu - head.size()) / 8 * 8;
  Fragments out;
  for (size_t at = 0; at < payload.size(); at += room) {
    const ByteView part =
        payload.subspan(at, std::min(room, payload.size() - at));
    const bool has_more =
        at + part.size() < payload.size() || info.has_more_fragments;
    std::vector<uint8_t>& fragment = out.emplace_back(head);
    fragment.insert(fragment.end(), part.begin(), part.end());
    wire::Put16(fragment, wire::kIpv6PayloadLength,
                static_cast<uint16_t>(fragment.size() - wire::kIpv6HeaderSize));
    wire::Put16(fragment, head.size() - 6,
                static_cast<uint16_t>((info.fragment_offset + at) |
                                      (has_more ? 1U : 0U)));
  }
  return out;
}

}  // namespace

std::vector<std::vector<uint8_t>> FragmentPacket(ByteView packet, size_t mtu,
                                                 uint32_t id6) {
  const auto info = ParsePacket(packet);
  if (!info ||
      info->fragment_offset + info->total_size - info->transport_offset >
          kMaxReassembled) {
    return {};
  }
  packet = packet.first(info->total_size);
  if (packet.size() <= mtu) {
    return {{packet.begin(), packet.end()}};
  }
  return info->is_v4() ? FragmentV4(packet, *info, mtu)
                       : FragmentV6(packet, *info, mtu, id6);
}

}  // namespace natkit::netsim
