#include "ice_program.h"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/base/check.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"

namespace natkit::netsim::grid {

IceProgram::IceProgram(World& world, HostId host, ice::AgentConfig config,
                       uint64_t seed, std::function<void()> on_change)
    : world_(world),
      host_(host),
      rng_(seed),
      agent_(std::move(config), rng_),
      on_change_(std::move(on_change)) {}

void IceProgram::Connect(IceProgram& other, Duration signalling_delay) {
  other_ = &other;
  signalling_delay_ = signalling_delay;
}

void IceProgram::Gather(const Endpoint& base) {
  base_ = base;
  NATKIT_CHECK(agent_.AddHostBase(world_.now(), base).has_value());
  agent_.SetLocalEndOfCandidates(world_.now());
  Pump();
}

void IceProgram::Start() {
  Signal(agent_.local_credentials());
  Pump();
}

void IceProgram::HandleDatagram(Instant now, const Endpoint& local,
                                const Endpoint& from, ByteView payload) {
  const bool is_hard =
      hard_ && hard_->HandleDatagram(now, local, from, payload);
  if (!is_hard && (local == base_ || local == hit_base_)) {
    (void)agent_.HandleDatagram(now, local, from, payload);
  }
  Pump();
}

std::optional<Instant> IceProgram::NextTimeout() const {
  auto next = agent_.NextTimeout();
  if (const auto hard = hard_ ? hard_->NextTimeout() : std::nullopt) {
    next = std::min(next.value_or(Instant::max()), *hard);
  }
  return next;
}

void IceProgram::HandleTimeout(Instant now) {
  agent_.HandleTimeout(now);
  if (hard_) {
    hard_->HandleTimeout(now);
  }
  Pump();
}

void IceProgram::Signal(Signalled signalled) {
  NATKIT_CHECK(other_ != nullptr);
  world_.At(world_.now() + signalling_delay_,
            [to = other_, what = std::move(signalled)] { to->Take(what); });
}

void IceProgram::Take(const Signalled& signalled) {
  const Instant now = world_.now();
  if (const auto* credentials = std::get_if<ice::Credentials>(&signalled)) {
    started_at_ = started_at_.value_or(now);
    remote_ = *credentials;
    (void)agent_.SetRemoteCredentials(now, *credentials);
  } else if (const auto* candidate = std::get_if<ice::Candidate>(&signalled)) {
    (void)agent_.AddRemoteCandidate(now, *candidate);
  } else if (const auto* hard = std::get_if<nat::PunchMessage>(&signalled)) {
    if (hard_) {
      hard_->HandleMessage(now, *hard);
    }
  } else {
    agent_.SetRemoteEndOfCandidates(now);
  }
  Pump();
}

void IceProgram::PunchHard(nat::HardPunchConfig config) {
  if (!remote_ || !base_) {
    return;
  }
  config.main = *base_;
  config.role = agent_.role();
  config.local = agent_.local_credentials();
  config.remote = *remote_;
  next_port_ = base_->port;
  hard_.emplace(std::move(config), rng_);
  if (agent_.role() == ice::Role::kControlling) {
    hard_->Start(world_.now());
  }
  Pump();
}

bool IceProgram::is_punching() const {
  return hard_ && hard_->state() != nat::HardPunchState::kFailed;
}

void IceProgram::PumpHard() {
  while (auto transmit = hard_->PollTransmit()) {
    (void)world_.SendUdp(host_, transmit->from, transmit->to,
                         transmit->payload);
  }
  while (auto event = hard_->PollEvent()) {
    OnHardEvent(*event);
  }
}

void IceProgram::OnHardEvent(const nat::HardPunchEvent& event) {
  if (const auto* open = std::get_if<nat::OpenSocketsEvent>(&event)) {
    for (uint32_t i = 0; i < open->count; ++i) {
      hard_->HandleSocketOpened(world_.now(), {base_->address, ++next_port_});
    }
    PumpHard();
  } else if (const auto* message =
                 std::get_if<nat::PunchMessageEvent>(&event)) {
    Signal(message->message);
  } else if (const auto* hit = std::get_if<nat::PunchHitEvent>(&event)) {
    OnHit(*hit);
  } else if (std::holds_alternative<nat::PunchFailedEvent>(event)) {
    on_change_();
  }
}

void IceProgram::OnHit(const nat::PunchHitEvent& hit) {
  const Instant now = world_.now();
  if (hit.local != *base_) {
    hit_base_ = hit.local;
    (void)agent_.AddHostBase(now, hit.local);
  }
  (void)agent_.AddRemoteCandidate(
      now, {.type = ice::CandidateType::kServerReflexive,
            .endpoint = hit.remote,
            .base = {},
            .priority = ice::CandidatePriority(
                ice::CandidateType::kServerReflexive, ice::kMaxLocalPreference),
            .foundation = "hard"});
  Pump();
}

void IceProgram::Pump() {
  if (hard_) {
    PumpHard();
  }
  while (auto transmit = agent_.PollTransmit()) {
    (void)world_.SendUdp(host_, transmit->from_base, transmit->to,
                         transmit->payload,
                         {.ttl = transmit->ttl.value_or(64)});
  }
  while (auto event = agent_.PollEvent()) {
    OnEvent(*event);
  }
}

void IceProgram::OnEvent(const ice::AgentEvent& event) {
  if (const auto* local = std::get_if<ice::LocalCandidateEvent>(&event)) {
    Signal(local->candidate);
  } else if (std::holds_alternative<ice::GatheringDoneEvent>(event)) {
    Signal(EndOfCandidates{});
  } else if (std::holds_alternative<ice::RestartedEvent>(event)) {
    Signal(agent_.local_credentials());
  } else if (std::holds_alternative<ice::SelectedPairEvent>(event) ||
             std::holds_alternative<ice::StateEvent>(event)) {
    on_change_();
  }
}

std::optional<ByteView> AnswerBinding(ByteView datagram, const Endpoint& from,
                                      MutableBytes buffer) {
  const auto request = stun::Message::Parse(datagram);
  if (!request || request->type() != stun::kBindingRequest) {
    return std::nullopt;
  }
  stun::MessageBuilder builder(buffer, stun::kBindingSuccess, request->id());
  builder.Add<stun::attr::XorMappedAddress>(from);
  const auto response = builder.Finish();
  return response ? std::optional<ByteView>(*response) : std::nullopt;
}

void StunProgram::HandleDatagram(Instant /*now*/, const Endpoint& local,
                                 const Endpoint& from, ByteView payload) {
  std::array<uint8_t, 128> buffer{};
  if (const auto response = AnswerBinding(payload, from, buffer)) {
    (void)world_.SendUdp(host_, local, from, *response);
  }
}

}  // namespace natkit::netsim::grid
