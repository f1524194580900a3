#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/nat_engine.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim {

using Bytes = std::vector<uint8_t>;

inline Endpoint At(std::string_view text) {
  return Endpoint::Parse(text).value();
}

inline IpAddress Ip(std::string_view text) {
  return IpAddress::Parse(text).value();
}

/// A home router with port mapping services.
inline NatConfig HomeRouter(const PortMappingServices& services) {
  NatConfig config;
  config.external = {Ip("203.0.113.1")};
  config.inside_address = Ip("192.168.1.1");
  config.services = services;
  return config;
}

/// An engine and inside hosts that talk to its services.
class PortMapLab {
 public:
  explicit PortMapLab(const NatConfig& config, Instant start = Instant{})
      : engine(config, 1, start) {}

  /// What the box answers to a datagram, if anything; the first if several.
  std::optional<Bytes> Ask(const Endpoint& from, const Endpoint& to,
                           ByteView datagram) {
    Bytes packet = BuildUdp(from, to, datagram);
    (void)engine.Process(now, Side::kInside, packet);
    std::optional<Bytes> answer;
    while (const auto reply = engine.PollTransmit()) {
      const auto info = ParsePacket(reply->bytes);
      const auto payload =
          info ? UdpPayload(reply->bytes, *info) : std::nullopt;
      if (payload && reply->to == Side::kInside && info->destination == from &&
          HasValidTransportChecksum(reply->bytes, *info) && !answer) {
        answer.emplace(payload->begin(), payload->end());
      }
    }
    return answer;
  }

  /// Whether a datagram from outside reaches an inside host, and where.
  std::optional<Endpoint> ReachFromOutside(const Endpoint& from,
                                           const Endpoint& to) {
    Bytes packet = BuildUdp(from, to, AsBytes("hello"));
    const auto side = engine.Process(now, Side::kOutside, packet);
    return side == Side::kInside
               ? std::optional(ParsePacket(packet)->destination)
               : std::nullopt;
  }

  NatEngine engine;
  Instant now = Instant{} + std::chrono::seconds(100);
};

}  // namespace natkit::netsim
