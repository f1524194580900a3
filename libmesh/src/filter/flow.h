#pragma once

#include <array>
#include <cstdint>

#include "filter/packet.h"
#include "filter/rule_table.h"
#include "natkit/base/time.h"

namespace natkit::mesh {

/// What names a flow: the two ends, seen from this node, and the protocol. The
/// bytes are those that the flow table hashes.
struct FlowKey {
  std::array<uint8_t, 40> bytes{};
  bool operator==(const FlowKey&) const = default;
};

/// The flow that `facts`, going `direction`, belongs to. An echo's key also
/// says who asks: both sides may use the same identifier.
[[nodiscard]] FlowKey KeyOf(const PacketFacts& facts, Direction direction);

/// The address at the far or at the near end of a flow.
[[nodiscard]] IpAddress RemoteOf(const FlowKey& key);
[[nodiscard]] IpAddress LocalOf(const FlowKey& key);

[[nodiscard]] constexpr Direction Opposite(Direction direction) {
  return direction == Direction::kInbound ? Direction::kOutbound
                                          : Direction::kInbound;
}

/// Flows that live equally long without packets, and are given up alike.
enum class FlowClass : uint8_t {
  kTcpClosing,
  kUdpNew,
  kTcpOpening,
  kEcho,
  kUdpAnswered,
  kTcpEstablished,
  kOther,
};

inline constexpr size_t kFlowClassCount = 7;

/// Whether a flow of the class has shown that both ends want it.
[[nodiscard]] constexpr bool IsSettled(FlowClass flow_class) {
  return flow_class >= FlowClass::kUdpAnswered;
}

[[nodiscard]] Duration TimeoutOf(FlowClass flow_class,
                                 const FlowTimeouts& timeouts);

/// What is known about a TCP connection.
struct TcpProgress {
  bool is_answered = false;        ///< the responder sent something with ACK
  bool is_established = false;     ///< and the initiator acknowledged it
  bool initiator_is_done = false;  ///< it sent FIN
  bool responder_is_done = false;
  bool is_reset = false;
};

/// One flow. `initiator` is the direction of its first packet.
struct FlowState {
  Direction initiator = Direction::kInbound;
  FlowClass flow_class = FlowClass::kOther;
  TcpProgress tcp;
  RuleRef rule;
};

/// Whether this packet may begin a flow if a rule allows it. TCP: SYN alone, or
/// what an open connection sends, so that connections outlive a restart of the
/// node. A RST begins nothing.
[[nodiscard]] bool CanBegin(const PacketFacts& facts);

/// Whether this packet, though it matches `state`, begins a new flow between
/// the same ends: SYN alone, after the end or from the responder.
[[nodiscard]] bool BeginsAnew(const FlowState& state, const PacketFacts& facts,
                              Direction direction);

/// What a rule has to allow for the flow to go on: a packet as its first one.
[[nodiscard]] PacketFacts FirstPacketOf(const FlowKey& key,
                                        const FlowState& state);

/// The state of a flow that begins with this packet.
[[nodiscard]] FlowState BeginFlow(const PacketFacts& facts, Direction direction,
                                  RuleRef rule);

/// What this packet of the flow changes.
void Advance(FlowState& state, const PacketFacts& facts, Direction direction);

}  // namespace natkit::mesh
