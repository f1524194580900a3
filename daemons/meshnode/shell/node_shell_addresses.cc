#include "shell/node_shell_addresses.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "natkit/mesh/routing/prefixes.h"

namespace natkit::meshnode {

MeshRoutes RoutesFor(const mesh::MeshFile& mesh, const mesh::NodeEntry& self) {
  MeshRoutes out;
  std::vector<IpPrefix> prefixes;
  for (const mesh::NodeEntry& node : mesh.nodes) {
    if (node.name == self.name) {
      continue;
    }
    for (const IpAddress& address : node.addresses) {
      prefixes.push_back(*IpPrefix::Make(address, address.bit_count()));
    }
    for (const IpPrefix& route : node.routes) {
      if (route.length() == 0) {
        out.skipped.push_back(route.ToString() + " of node \"" + node.name +
                              "\"");
      } else {
        prefixes.push_back(route);
      }
    }
  }
  out.prefixes = routing::Aggregate(std::move(prefixes));
  return out;
}

std::vector<Endpoint> ChooseLocalEndpoints(
    const std::vector<io::InterfaceAddress>& addresses,
    const mesh::MeshFile& mesh, const UdpPorts& ports,
    const std::function<bool(const std::string&)>& is_tunnel) {
  const auto is_of_mesh = [&mesh](const IpAddress& address) {
    return std::ranges::any_of(mesh.nodes, [&](const mesh::NodeEntry& node) {
      return std::ranges::find(node.addresses, address) != node.addresses.end();
    });
  };
  std::vector<Endpoint> usable;
  std::vector<Endpoint> loopback;
  for (const io::InterfaceAddress& item : addresses) {
    const IpAddress& ip = item.address;
    const auto port = ip.is_v4() ? ports.v4 : ports.v6;
    if (!port || (ip.is_v6() && ip.is_link_local()) || is_of_mesh(ip) ||
        is_tunnel(item.interface)) {
      continue;
    }
    const bool is_local = ip.is_loopback() || item.is_loopback;
    (is_local ? loopback : usable).push_back({ip, *port});
  }
  std::vector<Endpoint>& out = usable.empty() ? loopback : usable;
  std::ranges::sort(out);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

bool IsMeshTunnel(const std::string& interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ethtool_drvinfo info{};
  info.cmd = ETHTOOL_GDRVINFO;
  ifreq request{};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&info);
  const bool is_known = fd >= 0 && ioctl(fd, SIOCETHTOOL, &request) == 0;
  close(fd);
  const std::string_view driver(info.driver,
                                strnlen(info.driver, sizeof(info.driver)));
  return is_known && (driver == "wireguard" ||
                      (driver == "tun" && interface.starts_with("natkit")));
}

}  // namespace natkit::meshnode
