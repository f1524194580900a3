#pragma once

#include <algorithm>
#include <cstdint>

#include "natkit/netsim/nat_config.h"
#include "natkit/netsim/packet.h"

namespace natkit::netsim::engine {

/// Whether packets of the protocol show a NAT neither ports nor an identifier.
[[nodiscard]] inline bool IsPortless(uint8_t protocol) {
  switch (static_cast<IpProtocol>(protocol)) {
    case IpProtocol::kUdp:
    case IpProtocol::kTcp:
    case IpProtocol::kIcmp:
    case IpProtocol::kIcmpv6:
      return false;
  }
  return true;
}

/// Whether a flow to this remote port may begin. Protocols that no rule can
/// name pass only where nothing is forbidden.
[[nodiscard]] inline bool IsAllowedOut(const NatPolicy& policy,
                                       uint8_t protocol, uint16_t remote_port) {
  const auto lists = [&](const std::vector<uint16_t>& ports) {
    return ports.empty() ||
           std::find(ports.begin(), ports.end(), remote_port) != ports.end();
  };
  switch (static_cast<IpProtocol>(protocol)) {
    case IpProtocol::kUdp:
      return policy.udp && lists(policy.udp_ports);
    case IpProtocol::kTcp:
      return policy.tcp && lists(policy.tcp_ports);
    case IpProtocol::kIcmp:
    case IpProtocol::kIcmpv6:
      return policy.icmp;
  }
  return policy.udp && policy.tcp && policy.icmp && policy.udp_ports.empty() &&
         policy.tcp_ports.empty();
}

}  // namespace natkit::netsim::engine
