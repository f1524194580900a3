#include "findings.h"

#include <algorithm>
#include <string>

#include "natkit/mesh/routing/prefixes.h"

namespace natkit::routing {

namespace {

constexpr AddressFamily kFamilies[] = {AddressFamily::kIpv4,
                                       AddressFamily::kIpv6};

std::string NameOf(AddressFamily family) {
  return family == AddressFamily::kIpv4 ? "IPv4" : "IPv6";
}

bool IsDefault(const IpPrefix& prefix) {
  return prefix.length() == 0;
}

std::string Of(const MeshPeer& peer, const IpPrefix& route) {
  return route.ToString() + " of " + peer.name;
}

std::string On(const LocalNetwork& network) {
  return "the local network " + network.prefix.ToString() + " on " +
         network.interface;
}

void CheckRoute(const MeshPeer& peer, const IpPrefix& route,
                const LocalNetwork& network, std::vector<Finding>& out) {
  if (!route.Overlaps(network.prefix)) {
    return;
  }
  const std::string what = "the route " + Of(peer, route);
  const std::string text =
      IsInside(route, network.prefix)
          ? what + " is not used: it lies in " + On(network) + ", which wins"
          : what + " contains " + On(network) +
                ", which wins for its own addresses";
  out.push_back({FindingKind::kLocalOverlap, text});
}

void CheckAddress(const MeshPeer& peer, const IpAddress& address,
                  const LocalNetwork& network, std::vector<Finding>& out) {
  if (network.prefix.Contains(address)) {
    out.push_back({FindingKind::kLocalOverlap,
                   "the mesh address " + address.ToString() + " of " +
                       peer.name + " lies in " + On(network) +
                       "; the mesh wins for this address"});
  }
}

void CheckAgainstNetworks(const MeshPeer& peer,
                          const std::vector<LocalNetwork>& networks,
                          std::vector<Finding>& out) {
  for (const LocalNetwork& network : networks) {
    for (const IpPrefix& route : peer.routes) {
      if (!IsDefault(route)) {
        CheckRoute(peer, route, network, out);
      }
    }
    for (const IpAddress& address : peer.addresses) {
      CheckAddress(peer, address, network, out);
    }
  }
}

void CheckPair(const MeshPeer& a, const MeshPeer& b,
               std::vector<Finding>& out) {
  for (const IpPrefix& ours : a.routes) {
    for (const IpPrefix& theirs : b.routes) {
      if (IsDefault(ours) || IsDefault(theirs) || !ours.Overlaps(theirs)) {
        continue;
      }
      std::string text =
          "the routes " + Of(a, ours) + " and " + Of(b, theirs) + " overlap";
      if (ours != theirs) {
        const bool first = ours.length() > theirs.length();
        text += "; " + (first ? Of(a, ours) : Of(b, theirs)) +
                " wins, being more specific";
      } else {
        text += "; only one of both can be in use";
      }
      out.push_back({FindingKind::kPeerOverlap, text});
    }
  }
}

void CheckAdvertised(const PlanInput& input, const IpPrefix& route,
                     const std::vector<LocalNetwork>& networks,
                     std::vector<Finding>& out) {
  const bool is_local =
      std::ranges::any_of(networks, [&](const LocalNetwork& network) {
        return network.prefix.Overlaps(route);
      });
  if (!is_local && !IsDefault(route)) {
    out.push_back({FindingKind::kAdvertisedNotLocal,
                   "this node advertises " + route.ToString() +
                       ", but is part of no network in it: packets leave by "
                       "the route that the system has, perhaps the default "
                       "one"});
  }
  for (const MeshPeer& peer : input.peers) {
    if (!IsDefault(route) && Has(peer.routes, route)) {
      out.push_back({FindingKind::kOwnRoute,
                     "the route " + Of(peer, route) +
                         " is not used: this node has it itself"});
    }
  }
}

}  // namespace

bool HasFamily(const std::vector<IpAddress>& addresses, AddressFamily family) {
  return std::ranges::find(addresses, family, &IpAddress::family) !=
         addresses.end();
}

std::vector<LocalNetwork> UsableNetworks(const PlanInput& input) {
  std::vector<LocalNetwork> out;
  for (const LocalNetwork& network : input.local_networks) {
    const IpAddress& address = network.prefix.address();
    if (network.interface != input.tun && !address.is_loopback() &&
        !address.is_link_local() && !IsDefault(network.prefix)) {
      out.push_back(network);
    }
  }
  return out;
}

const MeshPeer* FindExit(const PlanInput& input) {
  const auto found = std::ranges::find_if(
      input.peers,
      [&](const MeshPeer& peer) { return input.exit == peer.name; });
  return found == input.peers.end() ? nullptr : &*found;
}

bool CarriesFamily(const PlanInput& input, const MeshPeer& peer,
                   AddressFamily family) {
  return HasFamily(input.addresses, family) &&
         std::ranges::any_of(peer.routes, [&](const IpPrefix& route) {
           return IsDefault(route) && route.address().family() == family;
         });
}

std::vector<Finding> FindOverlaps(const PlanInput& input,
                                  const std::vector<LocalNetwork>& networks) {
  std::vector<Finding> out;
  for (size_t i = 0; i < input.peers.size(); ++i) {
    CheckAgainstNetworks(input.peers[i], networks, out);
    for (size_t j = i + 1; j < input.peers.size(); ++j) {
      CheckPair(input.peers[i], input.peers[j], out);
    }
  }
  for (const IpPrefix& route : input.advertised) {
    CheckAdvertised(input, route, networks, out);
  }
  return out;
}

std::vector<Finding> FindExitTroubles(const PlanInput& input) {
  std::vector<Finding> out;
  if (!input.exit) {
    for (const MeshPeer& peer : input.peers) {
      if (std::ranges::any_of(peer.routes, IsDefault)) {
        out.push_back({FindingKind::kExitNotChosen,
                       peer.name + " is an exit node, which is not chosen: "
                                   "its default routes are not used"});
      }
    }
    return out;
  }
  const MeshPeer* exit = FindExit(input);
  if (exit == nullptr || !std::ranges::any_of(exit->routes, IsDefault)) {
    const std::string why =
        exit == nullptr ? " is not there" : " is not an (approved) exit node";
    return {{FindingKind::kExitUnusable,
             "the chosen exit node " + *input.exit + why +
                 ": everything that would use it is blocked"}};
  }
  for (const AddressFamily family : kFamilies) {
    if (!CarriesFamily(input, *exit, family)) {
      const bool is_ours = !HasFamily(input.addresses, family);
      out.push_back({FindingKind::kExitWithoutFamily,
                     NameOf(family) + " is blocked: " +
                         (is_ours ? "this node has no address of it in the mesh"
                                  : exit->name + " does not carry it")});
    }
  }
  return out;
}

}  // namespace natkit::routing
