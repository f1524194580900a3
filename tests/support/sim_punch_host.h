#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/nat/hard_punch.h"
#include "natkit/nat/stun_attributes.h"
#include "natkit/nat/stun_message.h"
#include "natkit/nat/stun_message_builder.h"
#include "natkit/netsim/world.h"

namespace natkit::netsim {

/// Answers plain Binding requests on every port of its host.
class PunchStunServer final : public Actor {
 public:
  PunchStunServer(World& world, HostId host) : world_(world), host_(host) {}

  void HandleDatagram(Instant /*now*/, const Endpoint& local,
                      const Endpoint& from, ByteView payload) override {
    const auto request = stun::Message::Parse(payload);
    if (!request || request->type() != stun::kBindingRequest) {
      return;
    }
    std::array<uint8_t, 64> buffer{};
    stun::MessageBuilder builder(buffer, stun::kBindingSuccess, request->id());
    builder.Add<stun::attr::XorMappedAddress>(from);
    if (const auto response = builder.Finish()) {
      (void)world_.SendUdp(host_, local, from, *response);
    }
  }

 private:
  World& world_;
  HostId host_;
};

/// A simulated host with one HardPunch; messages reach the other host after a
/// delay and in order, beside the network.
class PunchHost final : public Actor {
 public:
  PunchHost(World& world, HostId host, nat::HardPunchConfig config,
            uint64_t seed, Duration signalling_delay)
      : world_(world),
        host_(host),
        rng_(seed),
        main_(config.main),
        next_port_(config.main.port),
        delay_(signalling_delay),
        punch_(std::move(config), rng_) {}

  void Connect(PunchHost& other) { other_ = &other; }

  void Start() {
    punch_.Start(world_.now());
    Pump();
  }

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override {
    arrivals_.emplace_back(now, from);
    (void)punch_.HandleDatagram(now, local, from, payload);
    Pump();
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return punch_.NextTimeout();
  }

  void HandleTimeout(Instant now) override {
    punch_.HandleTimeout(now);
    Pump();
  }

  [[nodiscard]] const nat::HardPunch& punch() const { return punch_; }

  [[nodiscard]] bool is_over() const {
    return punch_.state() == nat::HardPunchState::kHit ||
           punch_.state() == nat::HardPunchState::kFailed;
  }

  [[nodiscard]] bool has_hit() const {
    return punch_.state() == nat::HardPunchState::kHit;
  }

  [[nodiscard]] const std::optional<nat::PunchHitEvent>& hit() const {
    return hit_;
  }

  [[nodiscard]] std::optional<nat::PunchFailure> failure() const {
    return failure_;
  }

  [[nodiscard]] const std::optional<nat::PunchPlannedEvent>& planned() const {
    return planned_;
  }

  /// When each packet was sent.
  [[nodiscard]] const std::vector<Instant>& sent_at() const { return sent_at_; }

  [[nodiscard]] const std::vector<std::pair<Instant, Endpoint>>& arrivals()
      const {
    return arrivals_;
  }

  [[nodiscard]] uint32_t open_sockets() const { return open_sockets_; }

  [[nodiscard]] uint32_t opened_sockets() const { return opened_sockets_; }

  [[nodiscard]] uint64_t openers() const { return openers_; }

  /// Sends what the path found is for.
  void SendOver(ByteView payload) {
    (void)world_.SendUdp(host_, hit_->local, hit_->remote, payload);
  }

 private:
  void Pump() {
    while (true) {
      if (auto transmit = punch_.PollTransmit()) {
        Send(*transmit);
      } else if (auto event = punch_.PollEvent()) {
        OnEvent(*event);
      } else {
        return;
      }
    }
  }

  void Send(const nat::PunchTransmit& transmit) {
    sent_at_.push_back(world_.now());
    openers_ += transmit.ttl ? 1 : 0;
    (void)world_.SendUdp(
        host_, transmit.from, transmit.to, transmit.payload,
        {.ttl = transmit.ttl.value_or(64), .dont_fragment = false});
  }

  void OnEvent(const nat::HardPunchEvent& event) {
    if (const auto* open = std::get_if<nat::OpenSocketsEvent>(&event)) {
      for (uint32_t i = 0; i < open->count; ++i) {
        ++open_sockets_;
        ++opened_sockets_;
        punch_.HandleSocketOpened(world_.now(), {main_.address, ++next_port_});
      }
    } else if (const auto* close =
                   std::get_if<nat::CloseSocketsEvent>(&event)) {
      open_sockets_ = close->keep ? 1 : 0;
    } else if (const auto* out = std::get_if<nat::PunchMessageEvent>(&event)) {
      world_.At(world_.now() + delay_,
                [other = other_, message = out->message] {
                  other->punch_.HandleMessage(other->world_.now(), message);
                  other->Pump();
                });
    } else if (const auto* planned =
                   std::get_if<nat::PunchPlannedEvent>(&event)) {
      planned_ = *planned;
    } else if (const auto* hit = std::get_if<nat::PunchHitEvent>(&event)) {
      hit_ = *hit;
    } else if (const auto* failed =
                   std::get_if<nat::PunchFailedEvent>(&event)) {
      failure_ = failed->reason;
    }
  }

  World& world_;
  HostId host_;
  SeededRng rng_;
  Endpoint main_;
  uint16_t next_port_;
  Duration delay_;
  nat::HardPunch punch_;
  PunchHost* other_ = nullptr;
  std::optional<nat::PunchHitEvent> hit_;
  std::optional<nat::PunchFailure> failure_;
  std::optional<nat::PunchPlannedEvent> planned_;
  std::vector<Instant> sent_at_;
  std::vector<std::pair<Instant, Endpoint>> arrivals_;
  uint32_t open_sockets_ = 0;
  uint32_t opened_sockets_ = 0;
  uint64_t openers_ = 0;
};

}  // namespace natkit::netsim
