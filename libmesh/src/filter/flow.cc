#include "filter/flow.h"

#include <algorithm>

namespace natkit::mesh {

namespace {

constexpr size_t kAddressSize = 16;
constexpr size_t kRemoteAt = 0;
constexpr size_t kLocalAt = kAddressSize;
constexpr size_t kPortsAt = 2 * kAddressSize;
constexpr size_t kProtocolAt = kPortsAt + 4;

bool IsSynAlone(uint8_t flags) {
  return (flags & (kTcpSyn | kTcpAck)) == kTcpSyn;
}

bool IsTcp(const PacketFacts& facts) {
  return facts.protocol == kProtocolTcp && facts.kind == PacketKind::kPorts;
}

IpAddress AddressAt(const FlowKey& key, size_t offset) {
  const auto family = static_cast<AddressFamily>(key.bytes.back());
  const ByteView bytes(key.bytes);
  return *IpAddress::FromBytes(
      bytes.subspan(offset, family == AddressFamily::kIpv4 ? 4 : kAddressSize));
}

FlowClass TcpClass(const TcpProgress& tcp) {
  if (tcp.is_reset || (tcp.initiator_is_done && tcp.responder_is_done)) {
    return FlowClass::kTcpClosing;
  }
  return tcp.is_established ? FlowClass::kTcpEstablished
                            : FlowClass::kTcpOpening;
}

void AdvanceTcp(FlowState& state, uint8_t flags, bool from_initiator) {
  TcpProgress& tcp = state.tcp;
  const bool has_ack = (flags & kTcpAck) != 0;
  if ((flags & kTcpRst) != 0) {
    tcp.is_reset = true;
  } else if (!from_initiator) {
    tcp.is_answered = tcp.is_answered || has_ack;
  } else if (has_ack && tcp.is_answered) {
    tcp.is_established = true;
  }
  if ((flags & kTcpFin) != 0) {
    (from_initiator ? tcp.initiator_is_done : tcp.responder_is_done) = true;
  }
  state.flow_class = TcpClass(tcp);
}

}  // namespace

FlowKey KeyOf(const PacketFacts& facts, Direction direction) {
  const bool inbound = direction == Direction::kInbound;
  FlowKey key;
  const ByteView remote = (inbound ? facts.source : facts.destination).bytes();
  const ByteView local = (inbound ? facts.destination : facts.source).bytes();
  std::ranges::copy(remote, key.bytes.begin() + kRemoteAt);
  std::ranges::copy(local, key.bytes.begin() + kLocalAt);
  ByteWriter out(MutableBytes(key.bytes).subspan(kPortsAt));
  if (facts.kind == PacketKind::kEchoRequest ||
      facts.kind == PacketKind::kEchoReply) {
    const bool asks_inbound =
        inbound == (facts.kind == PacketKind::kEchoRequest);
    out.WriteU16(facts.source_port);
    out.WriteU16(asks_inbound ? 1 : 2);
  } else {
    out.WriteU16(inbound ? facts.source_port : facts.destination_port);
    out.WriteU16(inbound ? facts.destination_port : facts.source_port);
  }
  out.WriteU8(facts.protocol);
  out.WriteZeros(2);
  out.WriteU8(static_cast<uint8_t>(facts.source.family()));
  return key;
}

IpAddress RemoteOf(const FlowKey& key) {
  return AddressAt(key, kRemoteAt);
}

IpAddress LocalOf(const FlowKey& key) {
  return AddressAt(key, kLocalAt);
}

Duration TimeoutOf(FlowClass flow_class, const FlowTimeouts& timeouts) {
  switch (flow_class) {
    case FlowClass::kTcpClosing:
    case FlowClass::kTcpOpening:
      return timeouts.tcp_transitory;
    case FlowClass::kUdpNew:
      return timeouts.udp_new;
    case FlowClass::kEcho:
      return timeouts.echo;
    case FlowClass::kUdpAnswered:
      return timeouts.udp_answered;
    case FlowClass::kTcpEstablished:
      return timeouts.tcp_established;
    case FlowClass::kOther:
      return timeouts.other;
  }
  return timeouts.other;
}

bool CanBegin(const PacketFacts& facts) {
  if (!IsTcp(facts)) {
    return facts.kind != PacketKind::kEchoReply;
  }
  const uint8_t flags = facts.tcp_flags;
  const bool is_syn_ack = (flags & (kTcpSyn | kTcpAck)) == (kTcpSyn | kTcpAck);
  return !is_syn_ack && (flags & kTcpRst) == 0;
}

bool BeginsAnew(const FlowState& state, const PacketFacts& facts,
                Direction direction) {
  return IsTcp(facts) && IsSynAlone(facts.tcp_flags) &&
         (state.flow_class == FlowClass::kTcpClosing ||
          state.tcp.initiator_is_done || direction != state.initiator);
}

PacketFacts FirstPacketOf(const FlowKey& key, const FlowState& state) {
  const bool inbound = state.initiator == Direction::kInbound;
  PacketFacts facts;
  facts.source = inbound ? RemoteOf(key) : LocalOf(key);
  facts.destination = inbound ? LocalOf(key) : RemoteOf(key);
  facts.protocol = key.bytes[kProtocolAt];
  if (state.flow_class == FlowClass::kEcho) {
    facts.kind = PacketKind::kEchoRequest;
    return facts;
  }
  const bool has_ports = facts.protocol == kProtocolTcp ||
                         facts.protocol == kProtocolUdp ||
                         facts.protocol == kProtocolSctp;
  facts.kind = has_ports ? PacketKind::kPorts : PacketKind::kOther;
  ByteReader in(ByteView(key.bytes).subspan(kPortsAt));
  (void)in.ReadU16(inbound ? facts.source_port : facts.destination_port);
  (void)in.ReadU16(inbound ? facts.destination_port : facts.source_port);
  return facts;
}

FlowState BeginFlow(const PacketFacts& facts, Direction direction,
                    RuleRef rule) {
  FlowState state{.initiator = direction,
                  .flow_class = FlowClass::kOther,
                  .tcp = {},
                  .rule = rule};
  if (facts.kind == PacketKind::kEchoRequest) {
    state.flow_class = FlowClass::kEcho;
  } else if (IsTcp(facts)) {
    AdvanceTcp(state, facts.tcp_flags, true);
  } else if (facts.kind == PacketKind::kPorts &&
             facts.protocol == kProtocolUdp) {
    state.flow_class = FlowClass::kUdpNew;
  }
  return state;
}

void Advance(FlowState& state, const PacketFacts& facts, Direction direction) {
  const bool from_initiator = direction == state.initiator;
  if (IsTcp(facts)) {
    AdvanceTcp(state, facts.tcp_flags, from_initiator);
  } else if (state.flow_class == FlowClass::kUdpNew && !from_initiator) {
    state.flow_class = FlowClass::kUdpAnswered;
  }
}

}  // namespace natkit::mesh
