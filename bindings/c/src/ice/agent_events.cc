// What an agent says of itself.
#include <variant>

#include "ice/agent.h"
#include "ice/agent_config.h"
#include "ice/candidate.h"
#include "support/convert.h"
#include "support/core_calls.h"
#include "support/door.h"
#include "support/structs.h"

namespace natkit::c {

namespace {

constexpr size_t kFirstEventSize = sizeof(natkit_ice_event);
constexpr size_t kFirstCountersSize = sizeof(natkit_ice_counters);
constexpr size_t kFirstKeepaliveSize = sizeof(natkit_ice_keepalive);

static_assert(NATKIT_ICE_STATE_NEW == static_cast<int>(ice::AgentState::kNew) &&
              NATKIT_ICE_STATE_CHECKING ==
                  static_cast<int>(ice::AgentState::kChecking) &&
              NATKIT_ICE_STATE_CONNECTED ==
                  static_cast<int>(ice::AgentState::kConnected) &&
              NATKIT_ICE_STATE_DISCONNECTED ==
                  static_cast<int>(ice::AgentState::kDisconnected) &&
              NATKIT_ICE_STATE_FAILED ==
                  static_cast<int>(ice::AgentState::kFailed));
static_assert(NATKIT_ICE_CONTROLLING ==
                  static_cast<int>(ice::Role::kControlling) &&
              NATKIT_ICE_CONTROLLED ==
                  static_cast<int>(ice::Role::kControlled));
static_assert(NATKIT_POWER_MAINS == static_cast<int>(nat::PowerMode::kMains) &&
              NATKIT_POWER_BATTERY ==
                  static_cast<int>(nat::PowerMode::kBattery) &&
              NATKIT_POWER_MOBILE_IDLE ==
                  static_cast<int>(nat::PowerMode::kMobileIdle));

/// Writes an event to the structure that C programs get.
struct EventWriter {
  natkit_ice_event& out;

  void operator()(const ice::LocalCandidateEvent& event) const {
    out.type = NATKIT_ICE_EVENT_CANDIDATE;
    out.candidate = FromCandidate(event.candidate);
  }

  void operator()(const ice::GatheringDoneEvent& /*event*/) const {
    out.type = NATKIT_ICE_EVENT_GATHERING_DONE;
  }

  void operator()(const ice::StateEvent& event) const {
    out.type = NATKIT_ICE_EVENT_STATE;
    out.state = static_cast<uint32_t>(event.state);
  }

  void operator()(const ice::SelectedPairEvent& event) const {
    out.type = NATKIT_ICE_EVENT_SELECTED;
    if (event.pair) {
      out.has_pair = 1;
      out.pair = FromPair(*event.pair);
    }
  }

  void operator()(const ice::SuspectEvent& event) const {
    out.type = NATKIT_ICE_EVENT_SUSPECT;
    out.is_suspect = event.is_suspect ? 1 : 0;
  }

  void operator()(const ice::RoleEvent& event) const {
    out.type = NATKIT_ICE_EVENT_ROLE;
    out.role = static_cast<uint32_t>(event.role);
  }

  void operator()(const ice::RestartedEvent& /*event*/) const {
    out.type = NATKIT_ICE_EVENT_RESTARTED;
  }
};

natkit_ice_event FromEvent(const ice::AgentEvent& event) {
  natkit_ice_event out{};
  std::visit(EventWriter{out}, event);
  return out;
}

natkit_ice_counters FromCounters(const ice::AgentCounters& from) {
  natkit_ice_counters out{};
  out.checks_sent = from.checks_sent;
  out.retransmits = from.retransmits;
  out.consent_checks_sent = from.consent_checks_sent;
  out.probes_sent = from.probes_sent;
  out.keepalives_sent = from.keepalives_sent;
  out.rests = from.rests;
  out.requests_answered = from.requests_answered;
  out.responses_accepted = from.responses_accepted;
  out.role_conflicts = from.role_conflicts;
  out.dropped_malformed = from.dropped_malformed;
  out.dropped_unauthenticated = from.dropped_unauthenticated;
  out.dropped_replayed = from.dropped_replayed;
  out.dropped_asymmetric = from.dropped_asymmetric;
  out.dropped_over_limit = from.dropped_over_limit;
  return out;
}

Result<void> SetKeepalive(IceAgent& it, Instant now,
                          const natkit_ice_keepalive* keepalive) {
  const auto given = ReadStruct(keepalive, kFirstKeepaliveSize);
  if (!given) {
    return std::unexpected(given.error());
  }
  const auto unreplied =
      ToIceDuration(given->unreplied_lifetime_ns, Duration::zero());
  const auto assured =
      ToIceDuration(given->assured_lifetime_ns, Duration::zero());
  if (!unreplied || !assured || given->reserved != 0 ||
      given->power > NATKIT_POWER_MOBILE_IDLE) {
    return Fail(Errc::kBadArgument);
  }
  nat::NatTraits traits;
  if (*unreplied != Duration::zero()) {
    traits.unreplied_lifetime = *unreplied;
  }
  if (*assured != Duration::zero()) {
    traits.assured_lifetime = *assured;
  }
  nat::KeepalivePolicy policy = it.core().keepalive();
  policy.SetTraits(traits);
  policy.SetPower(static_cast<nat::PowerMode>(given->power));
  it.core().SetKeepalive(now, policy);
  return {};
}

}  // namespace

natkit_ice_pair FromPair(const ice::SelectedPair& pair) {
  natkit_ice_pair out{};
  out.local_base = FromEndpoint(pair.local_base);
  out.remote = FromEndpoint(pair.remote);
  out.local_mapped = FromEndpoint(pair.local_mapped);
  out.remote_type = static_cast<uint32_t>(pair.remote_type);
  out.priority = pair.priority;
  out.rtt_ns = ToNs(pair.rtt);
  out.is_selected = 1;
  return out;
}

natkit_ice_pair FromPath(const ice::PathInfo& path) {
  natkit_ice_pair out{};
  out.local_base = FromEndpoint(path.local_base);
  out.remote = FromEndpoint(path.remote);
  out.remote_type = static_cast<uint32_t>(path.remote_type);
  out.priority = path.priority;
  out.rtt_ns = ToNs(path.rtt);
  out.rtt_variation_ns = ToNs(path.rtt_variation);
  out.rtt_samples = path.rtt_samples;
  out.is_selected = path.is_selected ? 1 : 0;
  return out;
}

}  // namespace natkit::c

using namespace natkit::c;
using natkit::Errc;
using natkit::Fail;
using natkit::Instant;
using natkit::Result;

int natkit_ice_agent_poll_event(natkit_ice_agent* agent,
                                natkit_ice_event* out) {
  return WithHandle<IceAgent>(__func__, agent, [&](IceAgent& it) {
    return PutNext(out, kFirstEventSize,
                   [&] { return it.core().PollEvent().transform(FromEvent); });
  });
}

int natkit_ice_agent_set_keepalive(natkit_ice_agent* agent, uint64_t now_ns,
                                   const natkit_ice_keepalive* keepalive) {
  return WithTime<IceAgent>(__func__, agent, now_ns,
                            [&](IceAgent& it, Instant now) {
                              return SetKeepalive(it, now, keepalive);
                            });
}

int natkit_ice_agent_get_selected(const natkit_ice_agent* agent,
                                  natkit_ice_pair* out) {
  return WithHandle<IceAgent>(__func__, agent,
                              [&](IceAgent& it) -> Result<int> {
                                if (out == nullptr) {
                                  return Fail(Errc::kBadArgument);
                                }
                                const auto pair = it.core().selected();
                                if (!pair) {
                                  return 0;
                                }
                                *out = FromPair(*pair);
                                return 1;
                              });
}

int natkit_ice_agent_get_paths(const natkit_ice_agent* agent,
                               natkit_ice_pair* out, size_t capacity) {
  return WithHandle<IceAgent>(__func__, agent, [&](IceAgent& it) {
    return PutList(it.core().paths(), out, capacity, FromPath);
  });
}

int natkit_ice_agent_get_local_candidates(const natkit_ice_agent* agent,
                                          natkit_ice_candidate* out,
                                          size_t capacity) {
  return WithHandle<IceAgent>(__func__, agent, [&](IceAgent& it) {
    return PutList(it.core().local_candidates(), out, capacity, FromCandidate);
  });
}

int natkit_ice_agent_get_state(const natkit_ice_agent* agent) {
  return WithHandle<IceAgent>(__func__, agent, [](IceAgent& it) -> Result<int> {
    return static_cast<int>(it.core().state());
  });
}

int natkit_ice_agent_get_role(const natkit_ice_agent* agent) {
  return WithHandle<IceAgent>(__func__, agent, [](IceAgent& it) -> Result<int> {
    return static_cast<int>(it.core().role());
  });
}

int natkit_ice_agent_is_suspect(const natkit_ice_agent* agent) {
  return WithHandle<IceAgent>(__func__, agent, [](IceAgent& it) -> Result<int> {
    return it.core().is_suspect() ? 1 : 0;
  });
}

int natkit_ice_agent_is_resting(const natkit_ice_agent* agent) {
  return WithHandle<IceAgent>(__func__, agent, [](IceAgent& it) -> Result<int> {
    return it.core().is_resting() ? 1 : 0;
  });
}

int natkit_ice_agent_get_counters(const natkit_ice_agent* agent,
                                  natkit_ice_counters* out) {
  return WithHandle<IceAgent>(__func__, agent, [&](IceAgent& it) {
    return WriteStruct(out, FromCounters(it.core().counters()),
                       kFirstCountersSize);
  });
}
