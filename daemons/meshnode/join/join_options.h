#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"

namespace natkit::meshnode {

/// What a node itself decides of the ways that packets take.
struct RoutingOptions {
  bool accepts_routes = true;
  std::string exit_node;         ///< a name or mesh address; empty: none
  bool exit_allows_lan = false;  ///< local networks past the chosen exit
  std::vector<IpPrefix> advertised_routes;
  bool advertises_exit = false;
  /// What comes out of the mesh here gets this host's address.
  bool has_snat = true;

  bool operator==(const RoutingOptions&) const = default;
};

/// What `meshnode up --server` was asked for.
struct JoinOptions {
  std::string server;
  std::string pin;
  std::string state_path;    ///< the folder of StateDirectory
  std::string posture_path;  ///< the file of PostureReporter; empty: none
  std::string host_name;     ///< empty: the system's
  std::vector<std::string> tags;
  bool is_ephemeral = false;
  bool accepts_dns = true;  ///< the system resolves names of the mesh
  RoutingOptions routing;
  bool enables_forwarding = false;  ///< IP forwarding, where it is missing
  uint32_t fwmark = 0;  ///< of the stream to the server (SO_MARK); 0: none
};

}  // namespace natkit::meshnode
