#pragma once

#include <cstdint>
#include <optional>

#include "engine/timer_lists.h"

namespace natkit::netsim::engine {

/// Which way a packet goes through a session.
enum class Direction : uint8_t { kOutbound, kInbound };

enum class TcpPhase : uint8_t { kOpening, kEstablished, kClosing };

/// What a NAT follows of one TCP connection (RFC 5382 section 5, RFC 7857
/// section 2, RFC 6146 section 3.5.2). It sees flags only, no sequence
/// numbers. Bit arrays are indexed by Direction.
struct TcpState {
  TcpPhase phase = TcpPhase::kOpening;
  bool was_reset = false;
  bool has_syn[2] = {};
  bool has_ack[2] = {};  ///< an ACK of the other side's SYN
  bool has_fin[2] = {};
};

/// Whether these flags can begin a connection.
[[nodiscard]] bool IsOpeningSegment(uint8_t flags);

/// Whether a connection whose begin nobody saw may be picked up at it.
[[nodiscard]] bool IsMiddleSegment(uint8_t flags);

/// Moves the state on by one segment. Returns the lifetime that starts now;
/// nullopt if the segment leaves the running one as it is.
///
/// A connection is established once each side has acknowledged the other's
/// SYN, which covers simultaneous open. It closes with FINs from both sides or
/// with a RST. A closing one is not refreshed, but any later segment revives
/// one that was only reset (RFC 6146 section 3.5.2.2, state TRANS: the RST may
/// have been forged), and a SYN begins anew.
[[nodiscard]] std::optional<TimerClass> AdvanceTcp(TcpState& state,
                                                   Direction direction,
                                                   uint8_t flags);

}  // namespace natkit::netsim::engine
