#include "natkit/netsim/nat_engine.h"

#include <utility>

#include "engine/box.h"
#include "natkit/base/check.h"

namespace natkit::netsim {

class NatEngine::Impl : public engine::Box {
 public:
  using Box::Box;
};

NatEngine::NatEngine(NatConfig config, uint64_t seed, Instant start) {
  NATKIT_CHECK(FindProblems(config).empty());
  impl_ = std::make_unique<Impl>(std::move(config), seed, start);
}

NatEngine::~NatEngine() = default;
NatEngine::NatEngine(NatEngine&&) noexcept = default;
NatEngine& NatEngine::operator=(NatEngine&&) noexcept = default;

std::optional<Side> NatEngine::Process(Instant now, Side from,
                                       MutableBytes packet) {
  return impl_->Process(now, from, packet);
}

std::optional<EnginePacket> NatEngine::PollTransmit() {
  return impl_->PollTransmit();
}

std::optional<Instant> NatEngine::NextTimeout() const {
  return impl_->NextTimeout();
}

void NatEngine::HandleTimeout(Instant now) {
  impl_->HandleTimeout(now);
}

void NatEngine::Reboot(Instant now, std::optional<IpAddress> new_external) {
  impl_->Reboot(now, new_external);
}

void NatEngine::SetUdpBlocked(bool is_blocked) {
  impl_->SetUdpBlocked(is_blocked);
}

Result<Endpoint> NatEngine::AddForward(Instant now,
                                       const ForwardRequest& request) {
  return impl_->AddForward(now, request);
}

bool NatEngine::RemoveForward(Instant now, uint8_t protocol,
                              const Endpoint& inside) {
  return impl_->RemoveForward(now, protocol, inside);
}

std::vector<MappingView> NatEngine::Mappings(Instant now) const {
  return impl_->Mappings(now);
}

size_t NatEngine::mapping_count() const {
  return impl_->state().mapping_count();
}

size_t NatEngine::session_count() const {
  return impl_->state().session_count();
}

const NatCounters& NatEngine::counters() const {
  return impl_->counters();
}

const NatConfig& NatEngine::config() const {
  return impl_->config();
}

const IpAddress& NatEngine::external_address() const {
  return impl_->external_address();
}

}  // namespace natkit::netsim
