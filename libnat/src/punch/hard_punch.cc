#include "natkit/nat/hard_punch.h"

#include <utility>

#include "punch/hard_punch_core.h"

namespace natkit::nat {

HardPunch::HardPunch(HardPunchConfig config, Rng& rng)
    : core_(std::make_unique<Core>(std::move(config), rng)) {}

HardPunch::HardPunch(HardPunch&& other) noexcept = default;
HardPunch& HardPunch::operator=(HardPunch&& other) noexcept = default;
HardPunch::~HardPunch() = default;

void HardPunch::Start(Instant now) {
  core_->Start(now);
}

void HardPunch::HandleMessage(Instant now, const PunchMessage& message) {
  core_->HandleMessage(now, message);
}

void HardPunch::HandleSocketOpened(Instant now, const Endpoint& base) {
  core_->HandleSocketOpened(now, base);
}

void HardPunch::HandleSocketsDone(Instant now) {
  core_->HandleSocketsDone(now);
}

bool HardPunch::HandleDatagram(Instant now, const Endpoint& local,
                               const Endpoint& from, ByteView datagram) {
  return core_->HandleDatagram(now, local, from, datagram);
}

void HardPunch::HandleTimeout(Instant now) {
  core_->HandleTimeout(now);
}

std::optional<PunchTransmit> HardPunch::PollTransmit() {
  return core_->PollTransmit();
}

std::optional<HardPunchEvent> HardPunch::PollEvent() {
  return core_->PollEvent();
}

std::optional<Instant> HardPunch::NextTimeout() const {
  return core_->NextTimeout();
}

HardPunchState HardPunch::state() const {
  return core_->state;
}

const HardPunchCounters& HardPunch::counters() const {
  return core_->counters;
}

const std::optional<PortForecast>& HardPunch::forecast() const {
  return core_->forecast;
}

}  // namespace natkit::nat
