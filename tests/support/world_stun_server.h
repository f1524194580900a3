#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "natkit/base/bytes.h"
#include "natkit/base/check.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/nat/stun_server.h"
#include "natkit/netsim/world.h"

namespace natkit::sim {

/// A host in a World with a real StunServer: RFC 5780 with two addresses and
/// two ports, or with one address alone. Link natkit::nat and
/// natkit::netsim_core to use it.
class WorldStunServer : public netsim::Actor {
 public:
  static constexpr uint16_t kPort1 = 3478;
  static constexpr uint16_t kPort2 = 3479;

  /// No rate limit and answers of any length, so that tests of clients need no
  /// patience.
  static stun::ServerConfig DefaultConfig() {
    stun::ServerConfig config;
    config.rate_limit.reset();
    config.discovery.emplace();
    return config;
  }

  /// Adds a host with the addresses to `network`, which has them. Without a
  /// second address the server has one address and two ports. What `config`
  /// says of discovery endpoints is replaced.
  WorldStunServer(netsim::World& world, netsim::NetworkId network,
                  std::string name, const IpAddress& address1,
                  std::optional<IpAddress> address2 = std::nullopt,
                  stun::ServerConfig config = DefaultConfig(),
                  uint64_t seed = 1)
      : world_(world), host_(world.AddHost(std::move(name))) {
    NATKIT_CHECK(world.AddAddress(host_, network, address1).has_value());
    if (address2 && config.discovery) {
      NATKIT_CHECK(world.AddAddress(host_, network, *address2).has_value());
      config.discovery->endpoints = {{.addresses = {address1, *address2},
                                      .ports = {kPort1, kPort2},
                                      .advertised = {}}};
    }
    NATKIT_CHECK(world.Attach(host_, *this, kPort1).has_value());
    NATKIT_CHECK(world.Attach(host_, *this, kPort2).has_value());
    SeededRng rng(seed);
    server_.emplace(std::move(config), rng);
  }

  void HandleDatagram(Instant now, const Endpoint& local, const Endpoint& from,
                      ByteView payload) override {
    std::array<uint8_t, stun::StunServer::kMaxResponseSize> out{};
    const stun::ServerReply reply =
        server_->HandleDatagram(now, local, from, payload, out);
    if (reply.size > 0) {
      (void)world_.SendUdp(host_, reply.from, reply.to,
                           ByteView(out).first(reply.size));
    }
  }

  [[nodiscard]] netsim::HostId host() const { return host_; }

  [[nodiscard]] const stun::ServerCounters& counters() const {
    return server_->counters();
  }

 private:
  netsim::World& world_;
  netsim::HostId host_;
  std::optional<stun::StunServer> server_;
};

}  // namespace natkit::sim
