#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/control_json.h"
#include "join/membership.h"
#include "natkit/base/endpoint.h"
#include "natkit/mesh/control/map_replica.h"
#include "natkit/mesh/node_event.h"

namespace natkit::meshnode {

/// How names resolve on a node.
struct DnsStanding {
  std::vector<Endpoint> listen;  ///< of the node's own server
  std::string system;            ///< the way the system asks it; empty: none
  std::vector<Endpoint> system_resolvers;
};

/// The exit node that was chosen.
struct ExitStanding {
  std::string name;
  bool is_usable = false;  ///< else what would use it is blocked
};

/// What a node knows of its place in a mesh.
struct MeshStanding {
  std::string name;                             ///< of its control socket
  const mesh::NodeState* engine = nullptr;      ///< nullptr: not running yet
  const MembershipState* membership = nullptr;  ///< nullptr: of a mesh file
  std::string membership_text;                  ///< DescribeMembership()
  const mesh::NetworkMap* map = nullptr;        ///< nullptr: none
  std::optional<DnsStanding> dns{};
  std::optional<ExitStanding> exit{};   ///< nullopt: none is chosen
  std::vector<std::string> troubles{};  ///< of routes and files, for people
};

/// "Running", "Starting", "NeedsMachineAuth" (an administrator's approval) or
/// "NeedsLogin" (the key has expired, or the node was removed).
[[nodiscard]] std::string_view BackendStateName(const MeshStanding& standing);

/// Adds to a status object what scripts of this field read, under the names
/// they know: BackendState, Health, MeshDomain, Self, and Peer by public key,
/// with HostName, DNSName, MeshIPs, User, Tags, Online, CurAddr, Relay,
/// RxBytes, TxBytes, LastHandshake; DNS; and ExitNode with Name and Usable.
void AddFieldNames(Json& status, const MeshStanding& standing);

}  // namespace natkit::meshnode
