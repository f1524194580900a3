#pragma once

#include <array>
#include <cstdint>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/nat/stun_server.h"
#include "sim_network.h"

namespace natkit::sim {

/// A host on the simulated Internet with a real StunServer of two addresses and
/// two ports (RFC 5780). Link natkit::nat to use it.
class SimDiscoveryServer {
 public:
  SimDiscoveryServer(SimWorld& world, const IpAddress& first,
                     const IpAddress& second)
      : world_(world), server_(MakeConfig(first, second), rng_) {
    host_ = world.network().AddHost(
        [this](Instant now, const Endpoint& local, const Endpoint& from,
               ByteView payload) { Answer(now, local, from, payload); });
    world.network().AddAddress(host_, SimNetwork::kInternet, first);
    world.network().AddAddress(host_, SimNetwork::kInternet, second);
  }

  /// Off: CHANGE-REQUEST and RESPONSE-PORT are refused, as servers without a
  /// second address do.
  void SetProbes(bool probes) { probes_ = probes; }

 private:
  static stun::ServerConfig MakeConfig(const IpAddress& first,
                                       const IpAddress& second) {
    stun::ServerConfig config;
    config.rate_limit.reset();
    config.discovery.emplace();
    config.discovery->endpoints = {{.addresses = {first, second},
                                    .ports = {3478, 3479},
                                    .advertised = {}}};
    return config;
  }

  static stun::ServerConfig PlainConfig() {
    stun::ServerConfig config;
    config.rate_limit.reset();
    return config;
  }

  void Answer(Instant now, const Endpoint& local, const Endpoint& from,
              ByteView payload) {
    std::array<uint8_t, stun::StunServer::kMaxResponseSize> out{};
    stun::StunServer& server = probes_ ? server_ : plain_;
    const auto reply = server.HandleDatagram(now, local, from, payload, out);
    if (reply.size > 0) {
      world_.network().Send(now, host_, probes_ ? reply.from : local, reply.to,
                            ByteView(out).first(reply.size));
    }
  }

  SimWorld& world_;
  SeededRng rng_{1};
  stun::StunServer server_;
  stun::StunServer plain_{PlainConfig(), rng_};
  SimNetwork::HostId host_ = 0;
  bool probes_ = true;
};

}  // namespace natkit::sim
