#include "ice_program.h"

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
  (void)agent_.HandleDatagram(now, local, from, payload);
  Pump();
}

std::optional<Instant> IceProgram::NextTimeout() const {
  return agent_.NextTimeout();
}

void IceProgram::HandleTimeout(Instant now) {
  agent_.HandleTimeout(now);
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
    (void)agent_.SetRemoteCredentials(now, *credentials);
  } else if (const auto* candidate = std::get_if<ice::Candidate>(&signalled)) {
    (void)agent_.AddRemoteCandidate(now, *candidate);
  } else {
    agent_.SetRemoteEndOfCandidates(now);
  }
  Pump();
}

void IceProgram::Pump() {
  while (auto transmit = agent_.PollTransmit()) {
    (void)world_.SendUdp(host_, transmit->from_base, transmit->to,
                         transmit->payload);
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
