#include "ethernet/neighbor_messages.h"

#include <algorithm>
#include <array>

#include "natkit/netsim/packet.h"

namespace natkit::netsim {
namespace {

constexpr uint16_t kArpEthernet = 1;
constexpr uint16_t kArpRequest = 1;
constexpr uint16_t kArpReply = 2;
constexpr size_t kArpSize = 28;

constexpr size_t kIpv6HeaderSize = 40;
constexpr uint8_t kIcmpv6 = 58;
constexpr uint8_t kRouterSolicitation = 133;
constexpr uint8_t kNeighborSolicitation = 135;
constexpr uint8_t kNeighborAdvertisement = 136;
constexpr uint8_t kRedirect = 137;
constexpr uint8_t kHopLimit = 255;
constexpr uint8_t kSourceLinkLayer = 1;
constexpr uint8_t kTargetLinkLayer = 2;
/// Header, flags, target and one option of 8 bytes.
constexpr size_t kDiscoverySize = 32;

constexpr uint32_t kSolicited = 0x40000000;
constexpr uint32_t kOverride = 0x20000000;
constexpr uint32_t kRouter = 0x80000000;

std::optional<IpAddress> ReadAddress(ByteReader& in, size_t size) {
  ByteView bytes;
  if (!in.ReadView(size, bytes)) {
    return std::nullopt;
  }
  const auto address = IpAddress::FromBytes(bytes);
  return address ? std::optional(*address) : std::nullopt;
}

std::optional<NeighborMessage> ParseArp(ByteView packet) {
  ByteReader in(packet);
  uint16_t hardware = 0;
  uint16_t protocol = 0;
  uint16_t sizes = 0;
  uint16_t operation = 0;
  ByteView sender_mac;
  if (!in.ReadU16(hardware) || !in.ReadU16(protocol) || !in.ReadU16(sizes) ||
      !in.ReadU16(operation) || !in.ReadView(6, sender_mac) ||
      hardware != kArpEthernet || protocol != kEtherTypeIpv4 ||
      sizes != 0x0604 || (operation != kArpRequest && operation != kArpReply)) {
    return std::nullopt;
  }
  const auto sender = ReadAddress(in, 4);
  if (!sender || !in.Skip(6)) {
    return std::nullopt;
  }
  const auto target = ReadAddress(in, 4);
  if (!target) {
    return std::nullopt;
  }
  NeighborMessage message;
  message.kind = operation == kArpRequest ? NeighborMessage::Kind::kQuestion
                                          : NeighborMessage::Kind::kAnswer;
  message.sender = *sender;
  message.sender_mac = MacAddress::From(sender_mac);
  message.target = operation == kArpRequest ? *target : *sender;
  return message;
}

uint32_t PseudoHeaderSum(ByteView source, ByteView destination, size_t size) {
  uint32_t sum = kIcmpv6 + static_cast<uint32_t>(size);
  for (const ByteView address : {source, destination}) {
    for (size_t i = 0; i < address.size(); i += 2) {
      sum += static_cast<uint32_t>(address[i] << 8 | address[i + 1]);
    }
  }
  return sum;
}

/// The link-layer address option of the wanted type; false if options are
/// malformed.
bool ReadOptions(ByteReader in, uint8_t wanted,
                 std::optional<MacAddress>& found) {
  while (!in.is_empty()) {
    uint8_t type = 0;
    uint8_t units = 0;
    ByteView body;
    if (!in.ReadU8(type) || !in.ReadU8(units) || units == 0 ||
        !in.ReadView(size_t{units} * 8 - 2, body)) {
      return false;
    }
    if (type == wanted) {
      found = MacAddress::From(body.first(6));
    }
  }
  return true;
}

struct Ipv6Message {
  IpAddress source;
  ByteView icmp;
};

/// The ICMPv6 message of an IPv6 packet without extension headers.
std::optional<Ipv6Message> ReadIpv6(ByteView packet) {
  ByteReader in(packet);
  uint32_t version = 0;
  uint16_t size = 0;
  uint8_t next = 0;
  uint8_t hops = 0;
  ByteView source;
  ByteView destination;
  ByteView icmp;
  if (!in.ReadU32(version) || !in.ReadU16(size) || !in.ReadU8(next) ||
      !in.ReadU8(hops) || !in.ReadView(16, source) ||
      !in.ReadView(16, destination) || !in.ReadView(size, icmp) ||
      version >> 28 != 6 || next != kIcmpv6 || hops != kHopLimit ||
      InternetChecksum(icmp, PseudoHeaderSum(source, destination, size)) != 0) {
    return std::nullopt;
  }
  const auto from = IpAddress::FromBytes(source);
  return from ? std::optional(Ipv6Message{*from, icmp}) : std::nullopt;
}

std::optional<NeighborMessage> ParseDiscovery(ByteView packet) {
  const auto ip = ReadIpv6(packet);
  if (!ip) {
    return std::nullopt;
  }
  ByteReader in(ip->icmp);
  uint8_t type = 0;
  uint8_t code = 0;
  if (!in.ReadU8(type) || !in.ReadU8(code) || code != 0 ||
      (type != kNeighborSolicitation && type != kNeighborAdvertisement) ||
      !in.Skip(6)) {
    return std::nullopt;
  }
  const auto target = ReadAddress(in, 16);
  const bool is_question = type == kNeighborSolicitation;
  NeighborMessage message;
  if (!target || target->is_multicast() ||
      !ReadOptions(in, is_question ? kSourceLinkLayer : kTargetLinkLayer,
                   message.sender_mac)) {
    return std::nullopt;
  }
  message.kind = is_question ? NeighborMessage::Kind::kQuestion
                             : NeighborMessage::Kind::kAnswer;
  message.sender = ip->source;
  message.target = *target;
  return message;
}

/// The frame of an ARP packet.
std::vector<uint8_t> BuildArp(uint16_t operation, const IpAddress& sender,
                              const MacAddress& sender_mac,
                              const IpAddress& target,
                              const MacAddress& target_mac,
                              const MacAddress& to) {
  std::vector<uint8_t> frame(kEthernetHeaderSize + kArpSize);
  WriteFrameHeader(frame, to, sender_mac, kEtherTypeArp);
  ByteWriter out(MutableBytes(frame).subspan(kEthernetHeaderSize));
  out.WriteU16(kArpEthernet);
  out.WriteU16(kEtherTypeIpv4);
  out.WriteU16(0x0604);
  out.WriteU16(operation);
  out.WriteBytes(sender_mac.bytes);
  out.WriteBytes(sender.bytes());
  out.WriteBytes(target_mac.bytes);
  out.WriteBytes(target.bytes());
  return frame;
}

struct Discovery {
  uint8_t type = 0;
  uint32_t flags = 0;
  IpAddress target;
  MacAddress mac;  ///< of the sender, also its option
};

std::vector<uint8_t> BuildDiscovery(const Discovery& what,
                                    const IpAddress& from, const IpAddress& to,
                                    const MacAddress& to_mac) {
  std::vector<uint8_t> frame(kEthernetHeaderSize + kIpv6HeaderSize +
                             kDiscoverySize);
  WriteFrameHeader(frame, to_mac, what.mac, kEtherTypeIpv6);
  ByteWriter out(MutableBytes(frame).subspan(kEthernetHeaderSize));
  out.WriteU32(6U << 28);
  out.WriteU16(kDiscoverySize);
  out.WriteU8(kIcmpv6);
  out.WriteU8(kHopLimit);
  out.WriteBytes(from.bytes());
  out.WriteBytes(to.bytes());
  out.WriteU8(what.type);
  out.WriteU8(0);
  out.WriteU16(0);
  out.WriteU32(what.flags);
  out.WriteBytes(what.target.bytes());
  out.WriteU8(what.type == kNeighborSolicitation ? kSourceLinkLayer
                                                 : kTargetLinkLayer);
  out.WriteU8(1);
  out.WriteBytes(what.mac.bytes);
  const ByteView icmp = out.written().subspan(kIpv6HeaderSize);
  out.PatchU16(kIpv6HeaderSize + 2,
               InternetChecksum(icmp, PseudoHeaderSum(from.bytes(), to.bytes(),
                                                      kDiscoverySize)));
  return frame;
}

IpAddress SolicitedNodeGroup(const IpAddress& target) {
  std::array<uint8_t, 16> group{0xff, 0x02};
  group[11] = 1;
  group[12] = 0xff;
  std::ranges::copy(target.bytes().last(3), group.begin() + 13);
  return IpAddress::V6(group);
}

IpAddress AllNodes() {
  std::array<uint8_t, 16> group{0xff, 0x02};
  group[15] = 1;
  return IpAddress::V6(group);
}

}  // namespace

bool IsNeighborMessage(ByteView frame) {
  if (frame.size() < kEthernetHeaderSize) {
    return false;
  }
  if (FrameType(frame) == kEtherTypeArp) {
    return true;
  }
  const ByteView packet = frame.subspan(kEthernetHeaderSize);
  return FrameType(frame) == kEtherTypeIpv6 &&
         packet.size() > kIpv6HeaderSize && packet[6] == kIcmpv6 &&
         packet[kIpv6HeaderSize] >= kRouterSolicitation &&
         packet[kIpv6HeaderSize] <= kRedirect;
}

std::optional<NeighborMessage> ParseNeighborMessage(ByteView frame) {
  if (!IsNeighborMessage(frame)) {
    return std::nullopt;
  }
  const ByteView packet = frame.subspan(kEthernetHeaderSize);
  return FrameType(frame) == kEtherTypeArp ? ParseArp(packet)
                                           : ParseDiscovery(packet);
}

MacAddress GroupMac(const IpAddress& group) {
  const ByteView bytes = group.bytes();
  if (group.is_v4()) {
    return {{0x01, 0x00, 0x5e, static_cast<uint8_t>(bytes[1] & 0x7f), bytes[2],
             bytes[3]}};
  }
  return {{0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]}};
}

MacAddress QuestionDestination(const IpAddress& target) {
  return target.is_v4() ? MacAddress::Broadcast()
                        : GroupMac(SolicitedNodeGroup(target));
}

std::vector<uint8_t> BuildQuestion(const IpAddress& from,
                                   const MacAddress& from_mac,
                                   const IpAddress& target) {
  const MacAddress to = QuestionDestination(target);
  if (target.is_v4()) {
    return BuildArp(kArpRequest, from, from_mac, target, MacAddress{}, to);
  }
  return BuildDiscovery({kNeighborSolicitation, 0, target, from_mac}, from,
                        SolicitedNodeGroup(target), to);
}

std::vector<uint8_t> BuildAnswer(const IpAddress& target,
                                 const MacAddress& target_mac,
                                 const IpAddress& to,
                                 const MacAddress& to_mac) {
  if (target.is_v4()) {
    return BuildArp(kArpReply, target, target_mac, to, to_mac, to_mac);
  }
  const bool is_known = !to.is_unspecified();
  const IpAddress destination = is_known ? to : AllNodes();
  return BuildDiscovery(
      {kNeighborAdvertisement,
       kRouter | kOverride | (is_known ? kSolicited : 0), target, target_mac},
      target, destination, is_known ? to_mac : GroupMac(destination));
}

std::vector<uint8_t> BuildAnnouncement(const IpAddress& address,
                                       const MacAddress& mac) {
  if (address.is_v4()) {
    return BuildArp(kArpRequest, address, mac, address, MacAddress{},
                    MacAddress::Broadcast());
  }
  return BuildAnswer(address, mac, IpAddress::V6({}), MacAddress::Broadcast());
}

IpAddress LinkLocalAddress(const MacAddress& mac) {
  const auto& m = mac.bytes;
  return IpAddress::V6({0xfe, 0x80, 0, 0, 0, 0, 0, 0,
                        static_cast<uint8_t>(m[0] ^ 2), m[1], m[2], 0xff, 0xfe,
                        m[3], m[4], m[5]});
}

}  // namespace natkit::netsim
