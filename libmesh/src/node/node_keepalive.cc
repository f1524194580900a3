#include <algorithm>
#include <chrono>
#include <optional>

#include "node/node_impl.h"

namespace natkit::mesh {

namespace {

/// With the time a relay has to answer, at most 25 s.
constexpr Duration kRelayCheck = std::chrono::seconds(20);

}  // namespace

void Node::Impl::SetRelayChecks() {
  for (auto& [stream, relay] : relays_) {
    relay.SetIdleCheck(power_ == nat::PowerMode::kMains
                           ? std::optional<Duration>(kRelayCheck)
                           : std::nullopt);
  }
}

void Node::Impl::SetPowerMode(Instant now, nat::PowerMode power) {
  power_ = power;
  prober_.SetPower(power);
  SetRelayChecks();
  if (power == nat::PowerMode::kMobileIdle) {
    lifetime_.Stop();
  }
  UpdateNetwork(now);
  TouchAll();
  Settle(now);
}

void Node::Impl::MeasureLifetime(Instant now) {
  // Who sends no keepalives need not know.
  if (!self_.mapping_lifetime && power_ != nat::PowerMode::kMobileIdle) {
    lifetime_.Want(now);
  }
}

std::optional<LifetimeProber::Place> Node::Impl::FindPlace() const {
  const auto found = std::ranges::find_if(
      local_.reflexive, [this](const ReflexiveAddress& address) {
        return address.base.address.is_v4() &&
               std::ranges::find(local_.bases, address.base) !=
                   local_.bases.end();
      });
  if (found == local_.reflexive.end()) {
    return std::nullopt;
  }
  return LifetimeProber::Place{found->base, found->mapped.address};
}

void Node::Impl::DrainLifetime(Instant now) {
  lifetime_.SetPlace(FindPlace());
  while (auto transmit = lifetime_.PollTransmit()) {
    udp_out_.AppendCopy(
        transmit->datagram.payload,
        {.remote = transmit->datagram.to, .local = transmit->from});
  }
  if (self_.mapping_lifetime ||
      local_.mapping_lifetime == lifetime_.lifetime()) {
    return;
  }
  local_.mapping_lifetime = lifetime_.lifetime();
  for (const auto& [id, peer] : peers_) {
    peer->link.HandleLocalAddresses(now);
    Touch(*peer);
  }
}

}  // namespace natkit::mesh
