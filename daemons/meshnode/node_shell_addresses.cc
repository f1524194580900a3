#include "node_shell_addresses.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string_view>

namespace natkit::meshnode {

namespace {

/// The prefix that differs from `prefix` in its last bit; nullopt for /0.
std::optional<IpPrefix> Sibling(const IpPrefix& prefix) {
  if (prefix.length() == 0) {
    return std::nullopt;
  }
  std::array<uint8_t, 16> raw{};
  const ByteView bytes = prefix.address().bytes();
  std::ranges::copy(bytes, raw.begin());
  const auto bit = static_cast<unsigned>(prefix.length() - 1);
  raw.at(bit / 8) ^= static_cast<uint8_t>(0x80U >> (bit % 8));
  const auto address = IpAddress::FromBytes(ByteView(raw).first(bytes.size()));
  return *IpPrefix::Make(*address, prefix.length());
}

std::vector<IpPrefix> WithoutContained(std::vector<IpPrefix> prefixes) {
  std::ranges::sort(prefixes, {}, &IpPrefix::length);
  std::vector<IpPrefix> out;
  for (const IpPrefix& prefix : prefixes) {
    const bool is_inside = std::ranges::any_of(
        out, [&](const IpPrefix& other) { return other.Overlaps(prefix); });
    if (!is_inside) {
      out.push_back(prefix);
    }
  }
  return out;
}

}  // namespace

std::vector<IpPrefix> Aggregate(std::vector<IpPrefix> prefixes) {
  prefixes = WithoutContained(std::move(prefixes));
  std::set<IpPrefix> out(prefixes.begin(), prefixes.end());
  // Longest first: the join of two halves may be half of a larger whole.
  for (int length = 128; length > 0; --length) {
    std::vector<IpPrefix> level;
    std::ranges::copy_if(
        out, std::back_inserter(level),
        [&](const IpPrefix& p) { return p.length() == length; });
    for (const IpPrefix& prefix : level) {
      const auto sibling = Sibling(prefix);
      if (out.contains(prefix) && out.contains(*sibling)) {
        out.erase(prefix);
        out.erase(*sibling);
        out.insert(*IpPrefix::Make(prefix.address(), length - 1));
      }
    }
  }
  return {out.begin(), out.end()};
}

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
  out.prefixes = Aggregate(std::move(prefixes));
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
