#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"

namespace natkit::mesh {

/// Who talks to whom in a fleet of plain WireGuard hosts.
enum class FleetTopology : uint8_t {
  kFull,  ///< everybody with everybody
  kHubs,  ///< each spoke with its hub, the hubs with each other
};

/// The table [fleet] of a mesh file: what files for wg-quick need beyond what a
/// mesh node needs.
struct FleetSettings {
  FleetTopology topology = FleetTopology::kFull;
  std::vector<std::string> hubs;           ///< the first serves by default
  std::chrono::seconds keepalive{25};      ///< of those behind a NAT
  std::optional<uint16_t> outer_mtu;       ///< bytes, of the links below
  std::string interface = "wg0";           ///< and the name of the files
  std::string key_dir = "/etc/wireguard";  ///< on the hosts
  std::vector<IpPrefix> networks;  ///< that spokes send to their hub whole
  unsigned line = 0;               ///< of the table; 0: there is none
};

/// What one [[node]] says about itself for a fleet.
struct FleetNodeSettings {
  /// The key that a rotation leads to.
  std::optional<PublicKey> next_public_key;
  /// Whether it must keep a NAT's mapping alive; default: it has no endpoint.
  std::optional<bool> behind_nat;
  std::optional<uint16_t> outer_mtu;  ///< bytes; default: the fleet's
  std::string endpoint_name;          ///< "host:port" where it has no address
  std::string hub;                    ///< of a spoke; empty: the first
};

}  // namespace natkit::mesh
