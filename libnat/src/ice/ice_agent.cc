#include "natkit/nat/ice_agent.h"

#include <utility>

namespace natkit::ice {

class Agent::Core {
 public:
  Core(AgentConfig settings, Rng& rng)
      : config(std::move(settings)), credentials(MakeCredentials(rng)) {}

  AgentConfig config;
  Credentials credentials;
  AgentCounters counters;
};

Agent::Agent(AgentConfig config, Rng& rng)
    : core_(std::make_unique<Core>(std::move(config), rng)) {}

Agent::Agent(Agent&& other) noexcept = default;
Agent& Agent::operator=(Agent&& other) noexcept = default;
Agent::~Agent() = default;

const Credentials& Agent::local_credentials() const {
  return core_->credentials;
}

Result<void> Agent::AddHostBase(Instant /*now*/, const Endpoint& /*base*/) {
  return {};
}

void Agent::RemoveHostBase(Instant /*now*/, const Endpoint& /*base*/) {}

Result<void> Agent::AddReflexiveCandidate(Instant /*now*/,
                                          const Endpoint& /*mapped*/,
                                          const Endpoint& /*base*/) {
  return {};
}

void Agent::SetLocalEndOfCandidates(Instant /*now*/) {}

Result<void> Agent::SetRemoteCredentials(Instant /*now*/,
                                         const Credentials& remote) {
  return CheckCredentials(remote);
}

Result<void> Agent::AddRemoteCandidate(Instant /*now*/,
                                       const Candidate& candidate) {
  if (!IsUsableRemote(candidate)) {
    return Fail(Errc::kBadCandidate);
  }
  return {};
}

void Agent::SetRemoteEndOfCandidates(Instant /*now*/) {}

void Agent::Restart(Instant /*now*/) {}

bool Agent::HandleDatagram(Instant /*now*/, const Endpoint& /*local_base*/,
                           const Endpoint& /*from*/, ByteView /*datagram*/) {
  return false;
}

void Agent::HandleTimeout(Instant /*now*/) {}

std::optional<AgentTransmit> Agent::PollTransmit() {
  return std::nullopt;
}

std::optional<AgentEvent> Agent::PollEvent() {
  return std::nullopt;
}

std::optional<Instant> Agent::NextTimeout() const {
  return std::nullopt;
}

std::optional<SelectedPair> Agent::selected() const {
  return std::nullopt;
}

bool Agent::is_suspect() const {
  return false;
}

AgentState Agent::state() const {
  return AgentState::kNew;
}

Role Agent::role() const {
  return core_->config.role;
}

const AgentCounters& Agent::counters() const {
  return core_->counters;
}

std::vector<Candidate> Agent::local_candidates() const {
  return {};
}

}  // namespace natkit::ice
