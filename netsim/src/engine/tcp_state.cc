#include "engine/tcp_state.h"

#include <cstddef>

#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {
namespace {

bool IsSynchronized(const TcpState& state) {
  return state.has_syn[0] && state.has_syn[1] && state.has_ack[0] &&
         state.has_ack[1];
}

std::optional<TimerClass> HandleReset(TcpState& state) {
  if (state.phase == TcpPhase::kClosing) {
    return std::nullopt;
  }
  state.phase = TcpPhase::kClosing;
  state.was_reset = true;
  return TimerClass::kTcpClosing;
}

/// False if the connection stays closing whatever this segment is.
bool LeaveClosing(TcpState& state, uint8_t flags) {
  if (IsOpeningSegment(flags)) {
    state = {};
    return true;
  }
  if (!state.was_reset) {
    return false;
  }
  state.was_reset = false;
  state.phase =
      IsSynchronized(state) ? TcpPhase::kEstablished : TcpPhase::kOpening;
  return true;
}

}  // namespace

bool IsOpeningSegment(uint8_t flags) {
  return (flags & (kTcpSyn | kTcpAck | kTcpRst | kTcpFin)) == kTcpSyn;
}

bool IsMiddleSegment(uint8_t flags) {
  return (flags & (kTcpSyn | kTcpAck | kTcpRst | kTcpFin)) == kTcpAck;
}

std::optional<TimerClass> AdvanceTcp(TcpState& state, Direction direction,
                                     uint8_t flags) {
  if ((flags & kTcpRst) != 0) {
    return HandleReset(state);
  }
  if (state.phase == TcpPhase::kClosing && !LeaveClosing(state, flags)) {
    return std::nullopt;
  }
  const auto self = static_cast<size_t>(direction);
  state.has_syn[self] |= (flags & kTcpSyn) != 0;
  state.has_ack[self] |= (flags & kTcpAck) != 0 && state.has_syn[1 - self];
  state.has_fin[self] |= (flags & kTcpFin) != 0;
  if (IsSynchronized(state)) {
    state.phase = TcpPhase::kEstablished;
  }
  if (state.has_fin[0] && state.has_fin[1]) {
    state.phase = TcpPhase::kClosing;
    return TimerClass::kTcpClosing;
  }
  return state.phase == TcpPhase::kOpening ? TimerClass::kTcpOpening
                                           : TimerClass::kTcpEstablished;
}

}  // namespace natkit::netsim::engine
