#pragma once

#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::natcheck::conformance {

/// Where an agent stands.
struct AgentConfig {
  std::string interface;
  std::vector<IpAddress> addresses;  ///< it speaks for; nobody else has them
  IpPrefix network;                  ///< reached without the gateway
  std::optional<IpAddress> gateway;
};

/// Puts packets from standard input on the interface and those for its
/// addresses on standard output, until standard input ends. Has a hardware
/// address of its own and answers ARP and neighbor discovery, so that the
/// system's own TCP and ICMP never see its packets. Returns the exit status.
int RunAgent(const AgentConfig& config);

}  // namespace natkit::natcheck::conformance
