#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "ice/local_candidates.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/nat/ice_agent.h"

namespace natkit::ice {

/// What the parts of one agent share: settings, role, outputs.
struct AgentContext {
  AgentContext(AgentConfig settings, Rng& random)
      : config(std::move(settings)),
        rng(random),
        role(config.role),
        tiebreaker(random.NextU64()),
        locals(config.max_local_candidates) {}

  void Send(const Endpoint& from_base, const Endpoint& to,
            std::vector<uint8_t> payload,
            std::optional<uint8_t> ttl = std::nullopt) {
    if (transmits.size() >= kMaxQueued) {
      ++counters.dropped_over_limit;  // the owner does not drain
      return;
    }
    transmits.push_back({.from_base = from_base,
                         .to = to,
                         .payload = std::move(payload),
                         .ttl = ttl});
  }

  void Raise(AgentEvent event) {
    if (events.size() >= kMaxQueued) {
      ++counters.dropped_over_limit;
      return;
    }
    events.push_back(std::move(event));
  }

  static constexpr size_t kMaxQueued = 512;

  AgentConfig config;
  Rng& rng;
  Role role;
  uint64_t tiebreaker;
  LocalCandidates locals;
  bool is_gathering_done = false;
  AgentCounters counters;
  std::deque<AgentTransmit> transmits;
  std::deque<AgentEvent> events;
};

}  // namespace natkit::ice
