#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/io/interfaces.h"
#include "natkit/mesh/mesh_file.h"

namespace natkit::meshnode {

/// The routes that lead into the mesh.
struct MeshRoutes {
  /// Exactly what the other nodes own, in as few prefixes as possible.
  std::vector<IpPrefix> prefixes;
  /// Default routes: they would carry the tunnel's own packets, too, and are
  /// not installed.
  std::vector<std::string> skipped;
};

[[nodiscard]] MeshRoutes RoutesFor(const mesh::MeshFile& mesh,
                                   const mesh::NodeEntry& self);

/// The UDP port of each family; nullopt: no socket.
struct UdpPorts {
  std::optional<uint16_t> v4;
  std::optional<uint16_t> v6;
};

/// The endpoints that peers might reach us at: every usable address of this
/// host with its family's port, sorted. Left out are tunnels of ours
/// (`is_tunnel`), mesh addresses, and IPv6 link-local addresses, which mean
/// nothing without a zone. Loopback only if there is nothing else.
[[nodiscard]] std::vector<Endpoint> ChooseLocalEndpoints(
    const std::vector<io::InterfaceAddress>& addresses,
    const mesh::MeshFile& mesh, const UdpPorts& ports,
    const std::function<bool(const std::string& interface)>& is_tunnel);

/// True for a WireGuard interface, and a TUN device called natkit...
[[nodiscard]] bool IsMeshTunnel(const std::string& interface);

}  // namespace natkit::meshnode
