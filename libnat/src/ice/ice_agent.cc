#include "natkit/nat/ice_agent.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "ice/agent_core.h"
#include "natkit/base/queue.h"

namespace natkit::ice {
Agent::Agent(AgentConfig config, Rng& rng)
    : core_(std::make_unique<Core>(std::move(config), rng)) {}

Agent::Agent(Agent&& other) noexcept = default;
Agent& Agent::operator=(Agent&& other) noexcept = default;
Agent::~Agent() = default;

const Credentials& Agent::local_credentials() const {
  return core_->local_credentials();
}

Result<void> Agent::AddHostBase(Instant now, const Endpoint& base) {
  return core_->AddHostBase(now, base);
}

void Agent::RemoveHostBase(Instant now, const Endpoint& base) {
  core_->RemoveHostBase(now, base);
}

Result<void> Agent::AddReflexiveCandidate(Instant now, const Endpoint& mapped,
                                          const Endpoint& base) {
  return core_->AddReflexive(now, mapped, base, std::nullopt);
}

void Agent::SetLocalEndOfCandidates(Instant now) {
  core_->SetLocalEndOfCandidates(now);
}

Result<void> Agent::SetRemoteCredentials(Instant now,
                                         const Credentials& remote) {
  return core_->SetRemoteCredentials(now, remote);
}

Result<void> Agent::ReplaceRemoteCredentials(Instant now,
                                             const Credentials& remote) {
  return core_->ReplaceRemoteCredentials(now, remote);
}

std::string_view Agent::remote_ufrag() const {
  return core_->remote_ufrag();
}

Result<void> Agent::AddRemoteCandidate(Instant now,
                                       const Candidate& candidate) {
  return core_->AddRemoteCandidate(now, candidate);
}

Result<void> Agent::AddRemoteEndpointHint(Instant now, const Endpoint& remote) {
  return core_->AddRemoteHint(now, remote);
}

void Agent::SetRemoteEndOfCandidates(Instant now) {
  core_->SetRemoteEndOfCandidates(now);
}

void Agent::Restart(Instant now) {
  core_->Restart(now);
}

bool Agent::HandleDatagram(Instant now, const Endpoint& local_base,
                           const Endpoint& from, ByteView datagram) {
  return core_->HandleDatagram(now, {.base = local_base, .remote = from},
                               datagram);
}

void Agent::HandleTimeout(Instant now) {
  core_->HandleTimeout(now);
}

void Agent::NoteData(Instant now) {
  core_->NoteData(now);
}

void Agent::AbandonPrevious(Instant now) {
  core_->AbandonPrevious(now);
}

void Agent::CheckAtRest(Instant now) {
  core_->CheckAtRest(now);
}

void Agent::SetRecheckInterval(Duration interval) {
  core_->SetRecheckInterval(interval);
}

void Agent::SetKeepalive(Instant now, const nat::KeepalivePolicy& policy) {
  core_->SetKeepalive(now, policy);
}

const nat::KeepalivePolicy& Agent::keepalive() const {
  return core_->context().config.keepalive;
}

std::optional<AgentTransmit> Agent::PollTransmit() {
  return TakeFront(core_->context().transmits);
}

std::optional<AgentEvent> Agent::PollEvent() {
  return TakeFront(core_->context().events);
}

std::optional<Instant> Agent::NextTimeout() const {
  return core_->NextTimeout();
}

std::optional<SelectedPair> Agent::selected() const {
  return core_->selected();
}

std::vector<PathInfo> Agent::paths() const {
  return core_->paths();
}

bool Agent::is_suspect() const {
  return core_->is_suspect();
}

bool Agent::is_resting() const {
  return core_->is_resting();
}

AgentState Agent::state() const {
  return core_->state();
}

Role Agent::role() const {
  return core_->context().role;
}

const AgentCounters& Agent::counters() const {
  return core_->context().counters;
}

std::vector<Candidate> Agent::local_candidates() const {
  std::vector<Candidate> out = core_->context().locals.items();
  std::ranges::sort(out, std::greater{}, &Candidate::priority);
  return out;
}

}  // namespace natkit::ice
