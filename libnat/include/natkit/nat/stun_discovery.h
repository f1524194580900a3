#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/nat/response_port_guard.h"

namespace natkit::stun {

/// The two addresses and two ports of an RFC 5780 server, all of one address
/// family: four local endpoints.
struct DiscoveryEndpoints {
  /// One of the four, by the indices of its address and port.
  struct Slot {
    size_t address = 0;
    size_t port = 0;
    bool operator==(const Slot&) const = default;

    /// The slot that CHANGE-REQUEST with these flags means.
    [[nodiscard]] Slot Changed(bool change_ip, bool change_port) const {
      return {.address = address ^ (change_ip ? 1U : 0U),
              .port = port ^ (change_port ? 1U : 0U)};
    }
  };

  /// As the sockets have them.
  std::array<IpAddress, 2> addresses;
  std::array<uint16_t, 2> ports{3478, 3479};
  /// What clients see instead of `addresses` where the server is behind a 1:1
  /// NAT, as in most clouds; unspecified: the same.
  std::array<IpAddress, 2> advertised;

  bool operator==(const DiscoveryEndpoints&) const = default;

  /// nullopt if `local` is none of the four.
  [[nodiscard]] std::optional<Slot> Find(const Endpoint& local) const;

  [[nodiscard]] Endpoint Local(Slot slot) const {
    return {.address = addresses[slot.address], .port = ports[slot.port]};
  }

  /// What RESPONSE-ORIGIN and OTHER-ADDRESS call the slot.
  [[nodiscard]] Endpoint Advertised(Slot slot) const;

  /// Whether there are two different addresses of one family and two ports.
  [[nodiscard]] bool is_valid() const;
};

/// How a server helps to discover NAT behaviour (RFC 5780).
struct DiscoveryConfig {
  /// Sets of four, such as one for IPv4 and one for IPv6; all valid. On a
  /// local endpoint that is in none of them the server has one address alone:
  /// no OTHER-ADDRESS, and CHANGE-REQUEST gets 420.
  std::vector<DiscoveryEndpoints> endpoints;
  nat::ResponsePortLimits response_port;
};

}  // namespace natkit::stun
