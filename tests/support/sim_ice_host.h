#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_agent.h"
#include "sim_network.h"

namespace natkit::ice {

/// A simulated host with one agent, whose signalling reaches the other host
/// after a delay and in order.
class IceHost : public sim::SimActor {
 public:
  IceHost(sim::SimWorld& world, AgentConfig config, uint64_t seed)
      : world_(world), rng_(seed), agent_(std::move(config), rng_) {
    host_ =
        world.network().AddHost([this](Instant now, const Endpoint& local,
                                       const Endpoint& from, ByteView payload) {
          (void)agent_.HandleDatagram(now, local, from, payload);
          Pump(now);
        });
    world.Add(*this);
  }

  /// Comes first: says whom to signal to.
  void Connect(IceHost& other, Duration signalling_delay) {
    other_ = &other;
    signalling_delay_ = signalling_delay;
  }

  void AddBase(sim::SimNetwork::RealmId realm, const Endpoint& base) {
    world_.network().AddAddress(host_, realm, base.address);
    (void)agent_.AddHostBase(world_.now(), base);
    Pump(world_.now());
  }

  void RemoveBase(const Endpoint& base) {
    agent_.RemoveHostBase(world_.now(), base);
    Pump(world_.now());
  }

  /// Signals the credentials; candidates have been and will be signalled.
  void Start() {
    Signal(agent_.local_credentials());
    agent_.SetLocalEndOfCandidates(world_.now());
    Pump(world_.now());
  }

  void Restart() {
    agent_.Restart(world_.now());
    Signal(agent_.local_credentials());
    Pump(world_.now());
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    auto next = agent_.NextTimeout();
    if (!inbox_.empty()) {
      next = std::min(next.value_or(Instant::max()), inbox_.begin()->first);
    }
    return next;
  }

  void HandleTimeout(Instant now) override {
    while (!inbox_.empty() && inbox_.begin()->first <= now) {
      const Signalled signalled = std::move(inbox_.begin()->second);
      inbox_.erase(inbox_.begin());
      Take(now, signalled);
    }
    agent_.HandleTimeout(now);
    Pump(now);
  }

  void NoteData() {
    agent_.NoteData(world_.now());
    Pump(world_.now());
  }

  void SetKeepalive(const nat::KeepalivePolicy& policy) {
    agent_.SetKeepalive(world_.now(), policy);
    Pump(world_.now());
  }

  [[nodiscard]] Agent& agent() { return agent_; }

  [[nodiscard]] const Agent& agent() const { return agent_; }

  [[nodiscard]] bool is_connected() const {
    return agent_.selected().has_value();
  }

  [[nodiscard]] sim::SimNetwork::HostId id() const { return host_; }

  [[nodiscard]] const std::vector<AgentEvent>& events() const {
    return events_;
  }

  template <class Event>
  [[nodiscard]] size_t CountEvents() const {
    size_t count = 0;
    for (const AgentEvent& event : events_) {
      count += std::holds_alternative<Event>(event) ? 1 : 0;
    }
    return count;
  }

  /// When the remote credentials were known for the first time.
  [[nodiscard]] std::optional<Instant> started_at() const {
    return started_at_;
  }

  [[nodiscard]] std::optional<Instant> connected_at() const {
    return connected_at_;
  }

 private:
  struct EndOfCandidates {};

  using Signalled = std::variant<Credentials, Candidate, EndOfCandidates>;

  void Signal(Signalled signalled) {
    NATKIT_CHECK(other_ != nullptr);
    other_->inbox_.emplace(world_.now() + signalling_delay_,
                           std::move(signalled));
  }

  void Take(Instant now, const Signalled& signalled) {
    if (const auto* credentials = std::get_if<Credentials>(&signalled)) {
      started_at_ = started_at_.value_or(now);
      (void)agent_.SetRemoteCredentials(now, *credentials);
    } else if (const auto* candidate = std::get_if<Candidate>(&signalled)) {
      (void)agent_.AddRemoteCandidate(now, *candidate);
    } else {
      agent_.SetRemoteEndOfCandidates(now);
    }
  }

  void Pump(Instant now) {
    while (auto transmit = agent_.PollTransmit()) {
      world_.network().Send(now, host_, transmit->from_base, transmit->to,
                            transmit->payload, transmit->ttl);
    }
    while (auto event = agent_.PollEvent()) {
      OnEvent(now, *event);
      events_.push_back(std::move(*event));
    }
  }

  void OnEvent(Instant now, const AgentEvent& event) {
    if (const auto* local = std::get_if<LocalCandidateEvent>(&event)) {
      Signal(local->candidate);
    } else if (std::holds_alternative<GatheringDoneEvent>(event)) {
      Signal(EndOfCandidates{});
    } else if (std::holds_alternative<RestartedEvent>(event)) {
      Signal(agent_.local_credentials());
    } else if (const auto* pair = std::get_if<SelectedPairEvent>(&event);
               pair != nullptr && pair->pair) {
      connected_at_ = connected_at_.value_or(now);
    }
  }

  sim::SimWorld& world_;
  SeededRng rng_;
  Agent agent_;
  sim::SimNetwork::HostId host_ = 0;
  IceHost* other_ = nullptr;
  Duration signalling_delay_{};
  std::multimap<Instant, Signalled> inbox_;
  std::vector<AgentEvent> events_;
  std::optional<Instant> started_at_;
  std::optional<Instant> connected_at_;
};

}  // namespace natkit::ice
