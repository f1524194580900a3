#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/netsim/world.h"

namespace natkit::netsim {

inline IpAddress Ip(std::string_view text) {
  return *IpAddress::Parse(text);
}

inline Endpoint At(std::string_view text) {
  return *Endpoint::Parse(text);
}

inline IpPrefix Cidr(std::string_view text) {
  return *IpPrefix::Parse(text);
}

/// One datagram as a program saw it.
struct Seen {
  Instant at;
  Endpoint local;
  Endpoint from;
  std::string text;
};

/// Remembers everything that reaches it; answers if told so.
class Listener : public Actor {
 public:
  /// A host with one address, listening on all of its ports.
  Listener(World& world, std::string name, NetworkId network,
           std::string_view address)
      : world_(world), host_(world.AddHost(std::move(name))) {
    (void)world.AddAddress(host_, network, Ip(address));
    (void)world.Attach(host_, *this);
    world.AttachRaw(host_, *this);
  }

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override {
    seen.push_back({.at = now,
                    .local = local,
                    .from = from,
                    .text = std::string(AsText(payload))});
    if (echoes) {
      (void)world_.SendUdp(host_, local, from, payload);
    }
  }

  void HandleIcmpError(Instant /*now*/, const IcmpReport& report) override {
    reports.push_back(report);
  }

  void HandlePacket(Instant /*now*/, ByteView packet) override {
    packets.emplace_back(packet.begin(), packet.end());
  }

  [[nodiscard]] std::optional<Instant> NextTimeout() const override {
    return deadline;
  }

  void HandleTimeout(Instant now) override {
    fired_at.push_back(now);
    deadline.reset();
    if (on_timeout) {
      on_timeout();
    }
  }

  Result<void> Send(std::string_view from, std::string_view to,
                    std::string_view text, const SendOptions& options = {}) {
    return world_.SendUdp(host_, At(from), At(to), AsBytes(text), options);
  }

  [[nodiscard]] HostId host() const { return host_; }

  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> all;
    for (const Seen& one : seen) {
      all.push_back(one.text);
    }
    return all;
  }

  bool echoes = false;
  std::vector<Seen> seen;
  std::vector<IcmpReport> reports;
  std::vector<std::vector<uint8_t>> packets;
  std::optional<Instant> deadline;
  std::function<void()> on_timeout;
  std::vector<Instant> fired_at;

 private:
  World& world_;
  HostId host_;
};

/// A config for a box with one external address.
inline NatConfig BoxConfig(std::string_view external,
                           std::string_view inside_address) {
  NatConfig config;
  config.external = {Ip(external)};
  config.inside_address = Ip(inside_address);
  return config;
}

}  // namespace natkit::netsim
