#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "natkit/base/time.h"

namespace natkit::stun::testing {

/// What a client core did while nobody answered it.
template <class Event>
struct Trace {
  std::vector<Duration> sent_at;
  std::optional<Event> event;
  Duration ended_at{};
};

/// Drives a core from one NextTimeout() to the next until it is idle.
template <class Core>
auto RunUntilIdle(Core& core, Instant now) {
  using Event = typename decltype(core.PollEvent())::value_type;
  Trace<Event> trace;
  for (int steps = 0; steps < 1000; ++steps) {
    while (core.PollTransmit()) {
      trace.sent_at.push_back(now.time_since_epoch());
    }
    while (auto event = core.PollEvent()) {
      trace.event = std::move(event);
      trace.ended_at = now.time_since_epoch();
    }
    const auto next = core.NextTimeout();
    if (!next) {
      break;
    }
    now = *next;
    core.HandleTimeout(now);
  }
  return trace;
}

}  // namespace natkit::stun::testing
