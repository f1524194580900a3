#include <array>

#include "engine/box.h"
#include "packet/wire.h"

namespace natkit::netsim::engine {
namespace {

constexpr IpAddress kBroadcast = IpAddress::V4(255, 255, 255, 255);

/// What follows the headers of a TCP segment, and SYN and FIN count one each
/// (RFC 9293 section 3.4).
uint32_t SegmentLength(const Transit& packet) {
  const ByteView segment = packet.bytes.subspan(packet.info.transport_offset);
  const size_t header = size_t{4} * (segment[wire::kTcpDataOffset] >> 4);
  const size_t payload = segment.size() > header ? segment.size() - header : 0;
  const uint8_t flags = packet.info.tcp_flags;
  return static_cast<uint32_t>(payload) + ((flags & kTcpSyn) != 0 ? 1 : 0) +
         ((flags & kTcpFin) != 0 ? 1 : 0);
}

/// The RST for a segment of no connection (RFC 9293 section 3.10.7.1).
TcpFields ResetFor(const Transit& packet) {
  const ByteView segment = packet.bytes.subspan(packet.info.transport_offset);
  if ((packet.info.tcp_flags & kTcpAck) != 0) {
    return {.sequence = wire::Get32(segment, 8), .flags = kTcpRst};
  }
  return {.acknowledgement = wire::Get32(segment, 4) + SegmentLength(packet),
          .flags = kTcpRst | kTcpAck};
}

}  // namespace

const IpAddress& Box::OwnAddress(Side side, bool is_v4) const {
  static constexpr IpAddress kNoAddress;
  if (!is_v4) {
    const auto& address = side == Side::kInside ? config_.inside_address6
                                                : config_.outside_address6;
    return address ? *address : kNoAddress;
  }
  return side == Side::kInside || config_.external.empty()
             ? config_.inside_address
             : state_.pool().primary();
}

/// Addressed to the box, or to everybody near it. External addresses of a box
/// that translates are not meant: what its mappings do not want goes the way
/// of unsolicited packets.
bool Box::IsForBox(const Transit& packet) const {
  const IpAddress& to = packet.info.destination.address;
  if (to.is_multicast() || to == kBroadcast) {
    return true;
  }
  const bool is_v4 = to.is_v4();
  if (to == OwnAddress(Side::kInside, is_v4)) {
    return true;
  }
  return (config_.translation == Translation::kNone || !is_v4) &&
         to == OwnAddress(Side::kOutside, is_v4);
}

void Box::DeliverLocally(Transit& packet) {
  const PacketInfo& info = packet.info;
  if (info.is_fragment) {
    ++counters_.dropped_fragment;
    return;
  }
  if (!HasValidTransportChecksum(packet.bytes, info)) {
    ++counters_.dropped_malformed;
    return;
  }
  const bool is_unicast = !info.destination.address.is_multicast() &&
                          info.destination.address != kBroadcast;
  if (packet.from == Side::kInside) {
    for (const auto& service : services_) {
      if (service->HandlePacket(now_, packet.bytes, info)) {
        DrainServices();
        return;
      }
    }
  }
  if (is_unicast && info.is_icmp_echo() &&
      wire::IsIcmpRequest(info.protocol, info.icmp_type)) {
    AnswerEcho(packet);
    return;
  }
  ++counters_.dropped_unmapped;
  // To its own side a box is a host like others; outside it may be silent.
  if (is_unicast && (packet.from == Side::kInside ||
                     config_.unsolicited == Unsolicited::kReject)) {
    Reject(packet);
  }
}

void Box::AnswerEcho(const Transit& packet) {
  const PacketInfo& info = packet.info;
  const ByteView message =
      ByteView(packet.bytes).subspan(info.transport_offset);
  Queue(packet.from,
        BuildEcho(info.destination.address, info.source.address,
                  EchoKind::kReply, info.icmp_id, wire::Get16(message, 6),
                  message.subspan(wire::kIcmpHeaderSize)));
}

/// As a host without a listener does: RFC 1122 sections 4.1.3.1 and 4.2.2.13.
void Box::Reject(const Transit& packet) {
  const PacketInfo& info = packet.info;
  if (info.protocol == wire::kUdp) {
    auto error = BuildIcmpError(info.destination.address, info.is_v4() ? 3 : 1,
                                info.is_v4() ? 3 : 4, 0, packet.bytes);
    if (!error.empty()) {
      ++counters_.icmp_errors_sent;
      Queue(packet.from, std::move(error));
    }
  } else if (info.protocol == wire::kTcp && (info.tcp_flags & kTcpRst) == 0) {
    Queue(packet.from,
          BuildTcp(info.destination, info.source, ResetFor(packet), {}));
  }
}

}  // namespace natkit::netsim::engine
