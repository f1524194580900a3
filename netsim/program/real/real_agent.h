#pragma once

#include "grid/punch.h"
#include "natkit/base/endpoint.h"

namespace natkit::netsim::program {

/// What an agent's process reports, as one message of a SOCK_SEQPACKET pair.
/// Both ends are the same program, so the bytes are the value's own.
struct AgentReport {
  enum class State : uint8_t { kChecking, kSelected, kFailed };

  State state = State::kChecking;
  Endpoint mapped;  ///< our end of the selected pair, as the other sees it
  Endpoint remote;
  int64_t started_ns = 0;  ///< monotonic clock: the other's credentials came
  int64_t changed_ns = 0;  ///< and the last change
  uint64_t packets = 0;    ///< sent so far
};

/// Serves Binding requests on a UDP socket for ever; returns an exit status.
[[nodiscard]] int ServeStun(const Endpoint& local);

/// Runs libnat's ICE agent on a real UDP socket until it is ended. `signals` is
/// a SOCK_SEQPACKET descriptor to the other agent, `reports` one to who wants
/// to know. Returns an exit status if the sockets fail.
[[nodiscard]] int RunAgent(const Endpoint& base, ice::AgentConfig config,
                           int signals, int reports);

}  // namespace natkit::netsim::program
