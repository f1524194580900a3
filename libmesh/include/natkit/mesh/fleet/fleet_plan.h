#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/keys.h"
#include "natkit/mesh/fleet/rotation_state.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::mesh {

/// One [Peer] of a node's interface.
struct FleetPeer {
  std::string name;  ///< the node; two peers share it during its rotation
  PublicKey public_key;
  std::vector<IpPrefix> allowed_ips;  ///< in order, none inside another
  std::optional<Endpoint> endpoint;
  std::string endpoint_name;          ///< "host:port" instead of an address
  std::chrono::seconds keepalive{0};  ///< 0: none
  bool is_next_key = false;           ///< of a rotation under way
  /// False for a key that its owner does not use yet, or no more.
  bool expects_handshake = true;

  [[nodiscard]] bool has_endpoint() const {
    return endpoint.has_value() || !endpoint_name.empty();
  }
};

/// One host's interface.
struct FleetNode {
  std::string name;
  PublicKey public_key;  ///< that it uses at this step
  /// "NAME", or "NAME.next" while it uses the next key of a rotation.
  std::string key_name;
  std::vector<IpAddress> addresses;
  std::optional<uint16_t> listen_port;  ///< nullopt: the system's choice
  uint16_t mtu = 1420;                  ///< bytes, of the packets inside
  bool forwards = false;                ///< it is a hub or has routes
  std::vector<FleetPeer> peers;         ///< in the order of the file

  /// The peer with this key, or nullptr.
  [[nodiscard]] const FleetPeer* FindPeer(const PublicKey& key) const;
};

/// What every interface of the fleet should be: rendered by RenderFleet(),
/// compared with what is by VerifyFleet().
struct FleetPlan {
  std::string interface;
  std::string key_dir;
  std::vector<FleetNode> nodes;
  std::optional<RotationState> rotation;
  std::vector<Diagnostic> diagnostics;

  /// True when there is no error; warnings are allowed.
  [[nodiscard]] bool is_usable() const;
  /// The node called `name`, or nullptr.
  [[nodiscard]] const FleetNode* FindNode(std::string_view name) const;
};

/// Plans the interfaces of a usable mesh file.
///
/// Each pair is linked, or each spoke with its hub and the hubs with each
/// other; then spokes reach the rest of the mesh through their hub. A prefix
/// has one owner in an interface, so overlapping prefixes of two nodes are an
/// error, and a spoke has one hub. Two nodes without an endpoint cannot talk
/// directly in plain WireGuard: in a full mesh that pair is left out with a
/// warning. `rotation` makes both keys of its node known, as its step says;
/// its keys must be those of the file. Takes O(n log n) for the checks and the
/// size of the result.
[[nodiscard]] FleetPlan PlanFleet(const MeshFile& file,
                                  std::optional<RotationState> rotation = {});

}  // namespace natkit::mesh
