#pragma once

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "natkit/base/check.h"
#include "natkit/mesh/agent/agent_hub.h"
#include "sim_network.h"
#include "sim_relay.h"
#include "sim_stun_server.h"

namespace natkit::mesh {

/// A machine that runs one hub; it notes what its agents receive.
class AgentHost : public sim::SimActor {
 public:
  AgentHost(sim::SimWorld& world, std::vector<SimRelay*> relays, uint64_t seed)
      : world_(world),
        rng_(seed),
        links_(std::move(relays), hub_, [this](Instant now) { Pump(now); }) {
    private_key_ = GeneratePrivateKey(rng_);
    id_ = world.network().AddHost(
        [this](Instant now, const Endpoint& local, const Endpoint& from,
               ByteView payload) { OnDatagram(now, local, from, payload); });
    world.Add(*this);
  }

  void AddBase(sim::SimNetwork::RealmId realm, const std::string& base) {
    bases_.push_back(*Endpoint::Parse(base));
    world_.network().AddAddress(id_, realm, bases_.back().address);
  }

  void ReplaceBase(sim::SimNetwork::RealmId realm, const std::string& base) {
    for (const Endpoint& old : bases_) {
      world_.network().RemoveAddress(id_, old.address);
    }
    bases_.clear();
    AddBase(realm, base);
    hub_->SetLocalEndpoints(world_.now(), bases_);
    Pump(world_.now());
  }

  /// Starts, or starts anew as a process that was killed.
  void Start(const std::vector<Endpoint>& stun_servers) {
    links_.Cut(world_.now());
    AgentHubConfig config{.private_key = private_key_.Clone(),
                          .wall_clock_offset = wall_clock_};
    for (size_t i = 0; i < links_.relay_count(); ++i) {
      const std::string name = "relay-" + std::to_string(i);
      config.relays.push_back({.name = name, .host = name});
    }
    hub_ = std::make_unique<AgentHub>(std::move(config), rng_);
    hub_->SetLocalEndpoints(world_.now(), bases_);
    hub_->SetStunServers(world_.now(), stun_servers);
    Pump(world_.now());
  }

  /// Since 1970 at the start of time; from the next Start().
  void SetWallClock(Duration time) { wall_clock_ = time; }

  /// From the next Start().
  void ChangeKey() { private_key_ = GeneratePrivateKey(rng_); }

  AgentId Add(const AgentOptions& options) {
    const Result<AgentId> agent = hub_->Add(world_.now(), options);
    NATKIT_CHECK(agent.has_value());
    Pump(world_.now());
    return *agent;
  }

  /// What the other side is told, as text.
  [[nodiscard]] std::string Describe(AgentId agent) const {
    return FormatDescription(*hub_->LocalDescription(agent));
  }

  Result<void> Tell(AgentId agent, const std::string& text) {
    const Result<AgentDescription> description = ParseDescription(text);
    NATKIT_CHECK(description.has_value());
    auto set = hub_->SetRemoteDescription(world_.now(), agent, *description);
    Pump(world_.now());
    return set;
  }

  /// Sends one datagram; false where there is no path.
  bool Send(AgentId agent, const std::string& text) {
    const Instant now = world_.now();
    const Result<DataRoute> route = hub_->Route(now, agent, AsBytes(text));
    bool is_sent = route.has_value();
    if (route && route->kind == PathKind::kDirect) {
      world_.network().Send(now, id_, route->local, route->remote,
                            AsBytes(text));
    } else if (route) {
      is_sent = hub_->SendRelayed(now, agent, AsBytes(text)).has_value();
    }
    Pump(now);
    return is_sent;
  }

  /// Does something to the hub and carries what comes of it.
  template <class Action>
  auto Do(Action action) {
    const auto result = action(*hub_, world_.now());
    Pump(world_.now());
    return result;
  }

  [[nodiscard]] AgentHub& hub() { return *hub_; }

  [[nodiscard]] PublicKey key() const { return DerivePublicKey(private_key_); }

  [[nodiscard]] PathKind KindOf(AgentId agent) const {
    return hub_->CurrentPath(agent)->kind;
  }

  /// How often each datagram arrived, by agent and text.
  [[nodiscard]] const std::map<std::pair<AgentId, std::string>, int>& arrived()
      const {
    return arrived_;
  }

  [[nodiscard]] const std::vector<HubEvent>& events() const { return events_; }

  /// Sent to relays so far.
  [[nodiscard]] size_t relay_bytes() const { return links_.bytes(); }

  template <class Event>
  [[nodiscard]] std::vector<Event> EventsOf() const {
    std::vector<Event> out;
    for (const HubEvent& event : events_) {
      if (const auto* found = std::get_if<Event>(&event)) {
        out.push_back(*found);
      }
    }
    return out;
  }

  [[nodiscard]] sim::SimNetwork::HostId id() const { return id_; }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return hub_ ? hub_->NextTimeout() : std::nullopt;
  }

  void HandleTimeout(Instant now) override {
    hub_->HandleTimeout(now);
    Pump(now);
  }

 private:
  void OnDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                  ByteView payload) {
    if (!hub_) {
      return;
    }
    const auto claim = hub_->HandleDatagram(now, local, from, payload);
    if (claim.owner == DatagramOwner::kAgent) {
      ++arrived_[{claim.agent, std::string(AsText(payload))}];
    }
    Pump(now);
  }

  void Pump(Instant now) {
    links_.Obey(now);
    links_.Carry(now);
    while (const auto transmit = hub_->PollTransmit()) {
      world_.network().Send(now, id_, transmit->from_base, transmit->to,
                            transmit->payload, transmit->ttl);
    }
    while (const auto data = hub_->PollRelayed()) {
      ++arrived_[{data->agent, std::string(AsText(data->bytes))}];
    }
    while (auto event = hub_->PollEvent()) {
      events_.push_back(std::move(*event));
    }
  }

  sim::SimWorld& world_;
  SeededRng rng_;
  StaticPrivateKey private_key_;
  sim::SimNetwork::HostId id_ = 0;
  std::vector<Endpoint> bases_;
  std::unique_ptr<AgentHub> hub_;
  SimRelayLinks<AgentHub> links_;
  std::map<std::pair<AgentId, std::string>, int> arrived_;
  std::vector<HubEvent> events_;
  Duration wall_clock_ = std::chrono::hours(440000);
};

/// Two hubs, each behind a NAT of its own, two STUN servers and a relay.
class AgentWorld {
 public:
  AgentWorld(const sim::NatBehavior& nat_a, const sim::NatBehavior& nat_b,
             uint64_t seed, bool has_relay = true)
      : world_(seed),
        relay_(world_, seed + 1),
        stun_{sim::SimStunServer(world_, *IpAddress::Parse("198.51.100.1")),
              sim::SimStunServer(world_, *IpAddress::Parse("198.51.100.2"))},
        a(world_, Relays(has_relay), seed + 3),
        b(world_, Relays(has_relay), seed + 4) {
    realm_a =
        world_.network().AddNat(0, *IpAddress::Parse("203.0.113.1"), nat_a);
    realm_b =
        world_.network().AddNat(0, *IpAddress::Parse("203.0.113.2"), nat_b);
    a.AddBase(realm_a, "192.168.1.2:4000");
    b.AddBase(realm_b, "192.168.1.2:4000");
  }

  [[nodiscard]] static std::vector<Endpoint> servers() {
    return {*Endpoint::Parse("198.51.100.1:3478"),
            *Endpoint::Parse("198.51.100.2:3478")};
  }

  void StartBoth() {
    a.Start(servers());
    b.Start(servers());
  }

  void Run(Duration length) { world_.Run(length); }

 private:
  [[nodiscard]] std::vector<SimRelay*> Relays(bool has_relay) {
    return has_relay ? std::vector<SimRelay*>{&relay_}
                     : std::vector<SimRelay*>{};
  }

 public:
  sim::SimWorld world_;
  SimRelay relay_;
  std::array<sim::SimStunServer, 2> stun_;
  AgentHost a;
  AgentHost b;
  sim::SimNetwork::RealmId realm_a = 0;
  sim::SimNetwork::RealmId realm_b = 0;
};

/// A NAT that punching passes.
inline sim::NatBehavior Cone() {
  return {.mapping = sim::Dependence::kEndpointIndependent,
          .filtering = sim::Dependence::kAddressAndPortDependent};
}

/// One that it does not, where both sides have it.
inline sim::NatBehavior Symmetric() {
  return {.mapping = sim::Dependence::kAddressAndPortDependent,
          .filtering = sim::Dependence::kAddressAndPortDependent};
}

/// Sends a numbered datagram each way every 20 ms; returns how many of those of
/// "a" did not arrive, and checks that none arrived twice.
inline int Exchange(AgentWorld& world, AgentId at_a, AgentId at_b,
                    Duration length) {
  static int number = 0;
  const int first = number;
  for (Duration sent{}; sent < length; sent += std::chrono::milliseconds(20)) {
    ++number;
    (void)world.a.Send(at_a, "a" + std::to_string(number));
    (void)world.b.Send(at_b, "b" + std::to_string(number));
    world.Run(std::chrono::milliseconds(20));
  }
  world.Run(std::chrono::milliseconds(500));
  int lost = 0;
  for (int i = first + 1; i <= number; ++i) {
    const auto found = world.b.arrived().find({at_b, "a" + std::to_string(i)});
    const int count = found == world.b.arrived().end() ? 0 : found->second;
    EXPECT_LE(count, 1) << "datagram " << i << " came twice";
    lost += count == 0 ? 1 : 0;
  }
  return lost;
}

/// Runs until `done`, for at most `limit`.
bool RunUntil(AgentWorld& world, Duration limit, auto done) {
  for (Duration ran{}; ran < limit && !done();
       ran += std::chrono::milliseconds(100)) {
    world.Run(std::chrono::milliseconds(100));
  }
  return done();
}

}  // namespace natkit::mesh
