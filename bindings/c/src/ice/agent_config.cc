#include "ice/agent_config.h"

#include <limits>
#include <span>

#include "natkit/nat/stun_types.h"
#include "support/convert.h"
#include "support/door.h"

namespace natkit::c {

namespace {

constexpr size_t kMaxStunServers = 64;
constexpr uint32_t kMaxBound = 10'000;

/// Changes what the caller gives and leaves the rest; remembers whether all of
/// it was acceptable.
class Overrides {
 public:
  void Set(uint64_t ns, Duration& value) {
    const Result<Duration> given = ToIceDuration(ns, value);
    is_valid_ = is_valid_ && given;
    value = given.value_or(value);
  }

  /// As Set(), for durations of which zero means never.
  void SetOrNever(uint64_t ns, Duration& value) {
    if (ns == NATKIT_ICE_NEVER) {
      value = Duration::zero();
    } else {
      Set(ns, value);
    }
  }

  void Set(uint32_t bound, size_t& value) {
    is_valid_ = is_valid_ && bound <= kMaxBound;
    value = bound == 0 ? value : bound;
  }

  void Set(uint32_t number, uint8_t& value) {
    is_valid_ = is_valid_ && number <= std::numeric_limits<uint8_t>::max();
    value = number == 0 ? value : static_cast<uint8_t>(number);
  }

  void Set(const natkit_ice_schedule& given, ice::RetransmitSchedule& value) {
    Set(given.initial_rto_ns, value.initial_rto);
    Set(given.max_interval_ns, value.max_interval);
    Set(given.burst_interval_ns, value.burst_interval);
    Set(given.final_wait_ns, value.final_wait);
    Set(given.burst_sends, value.burst_sends);
    Set(given.max_sends, value.max_sends);
  }

  [[nodiscard]] bool is_valid() const { return is_valid_; }

 private:
  bool is_valid_ = true;
};

Result<std::vector<Endpoint>> ToServers(const natkit_address* servers,
                                        size_t count) {
  if (servers == nullptr ? count != 0 : count > kMaxStunServers) {
    return Fail(Errc::kBadArgument);
  }
  std::vector<Endpoint> out;
  for (const natkit_address& server : std::span(servers, count)) {
    const Result<Endpoint> endpoint = ToServer(&server, stun::kDefaultPort);
    if (!endpoint) {
      return Fail(Errc::kBadArgument);
    }
    out.push_back(*endpoint);
  }
  return out;
}

void SetTimes(const natkit_ice_agent_config& config, Overrides& overrides,
              ice::AgentConfig& out) {
  overrides.Set(config.opener_ttl, out.opener_ttl);
  overrides.Set(config.opener_time_ns, out.opener_time);
  overrides.Set(config.pacing_ns, out.pacing);
  overrides.Set(config.check_schedule, out.check_schedule);
  overrides.Set(config.gather_schedule, out.gather_schedule);
  overrides.Set(config.nomination_wait_ns, out.nomination_wait);
  overrides.Set(config.consent_interval_ns, out.consent_interval);
  overrides.Set(config.consent_expiry_ns, out.consent_expiry);
  overrides.Set(config.suspect_after_ns, out.suspect_after);
  overrides.Set(config.unanswered_interval_ns, out.unanswered_interval);
  overrides.SetOrNever(config.rest_after_ns, out.rest_after);
  overrides.Set(config.patience_ns, out.patience);
  overrides.SetOrNever(config.recheck_interval_ns, out.recheck_interval);
  overrides.SetOrNever(config.reprobe_interval_ns, out.reprobe_interval);
  overrides.Set(config.rtt_dwell_ns, out.rtt_dwell);
  overrides.Set(config.old_session_linger_ns, out.old_session_linger);
}

void SetBounds(const natkit_ice_agent_config& config, Overrides& overrides,
               ice::AgentConfig& out) {
  overrides.Set(config.max_pairs, out.max_pairs);
  overrides.Set(config.max_local_candidates, out.max_local_candidates);
  overrides.Set(config.max_remote_candidates, out.max_remote_candidates);
  overrides.Set(config.max_early_checks, out.max_early_checks);
}

}  // namespace

Result<Duration> ToIceDuration(uint64_t ns, Duration fallback) {
  if (ns > NATKIT_ICE_LONGEST) {
    return Fail(Errc::kBadArgument);
  }
  return ToDuration(ns, fallback);
}

Result<ice::AgentConfig> ToAgentConfig(const natkit_ice_agent_config& config) {
  if (config.role > NATKIT_ICE_CONTROLLED || config.profile > NATKIT_ICE_MESH ||
      config.nomination > NATKIT_ICE_NOMINATION_CONTINUOUS) {
    return Fail(Errc::kBadArgument);
  }
  auto servers = ToServers(config.stun_servers, config.stun_server_count);
  if (!servers) {
    return std::unexpected(servers.error());
  }
  const auto role = static_cast<ice::Role>(config.role);
  ice::AgentConfig out;
  if (config.profile == NATKIT_ICE_MESH) {
    out = ice::AgentConfig::Mesh(role);
  }
  out.role = role;
  out.stun_servers = std::move(*servers);
  if (config.nomination != NATKIT_ICE_NOMINATION_DEFAULT) {
    out.nomination = config.nomination == NATKIT_ICE_NOMINATION_REGULAR
                         ? ice::Nomination::kRegular
                         : ice::Nomination::kContinuous;
  }
  out.scale_rto = out.scale_rto && config.no_rto_scaling == 0;
  out.freezing = out.freezing && config.no_freezing == 0;
  Overrides overrides;
  SetTimes(config, overrides, out);
  SetBounds(config, overrides, out);
  if (!overrides.is_valid()) {
    return Fail(Errc::kBadArgument);
  }
  return out;
}

}  // namespace natkit::c
