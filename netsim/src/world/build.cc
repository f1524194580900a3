#include <algorithm>
#include <utility>

#include "natkit/base/check.h"
#include "scenario/interface_mtu.h"
#include "world_impl.h"

namespace natkit::netsim {

void World::Impl::Build(const Scenario& scenario) {
  const auto number_of = [this](std::string_view network) {
    const auto found =
        std::ranges::find(networks_, network, &WorldNetwork::name);
    NATKIT_CHECK(found != networks_.end());
    return static_cast<uint32_t>(found - networks_.begin());
  };
  for (const Network& network : scenario.networks) {
    AddNetwork(network.name, network.cidr, network.link, network.cidr6);
  }
  for (const Nat& nat : scenario.nats) {
    AddBox(nat.name, number_of(nat.inside), number_of(nat.outside), nat.config);
  }
  for (const Host& host : scenario.hosts) {
    const auto id = static_cast<uint32_t>(AddHost(host.name));
    const uint32_t network = number_of(host.network);
    hosts_[id].mtu = InterfaceMtu(scenario, host.name, host.network);
    NATKIT_CHECK(AddAddress(id, network, host.address).has_value());
    if (host.address6) {
      NATKIT_CHECK(AddAddress(id, network, *host.address6).has_value());
    }
  }
  for (const Cable& cable : scenario.cables) {
    NATKIT_CHECK(SetCable(cable.member, cable.network, cable.up, cable.down)
                     .has_value());
  }
}

NetworkId World::Impl::AddNetwork(std::string name, const IpPrefix& cidr,
                                  const LinkConfig& link,
                                  std::optional<IpPrefix> cidr6) {
  networks_.push_back({.name = std::move(name),
                       .cidr = cidr,
                       .cidr6 = cidr6,
                       .link = link,
                       .addresses = {},
                       .routes = {},
                       .gateway = {}});
  return static_cast<NetworkId>(networks_.size() - 1);
}

HostId World::Impl::AddHost(std::string name) {
  hosts_.emplace_back().name = std::move(name);
  return static_cast<HostId>(hosts_.size() - 1);
}

BoxId World::Impl::AddBox(std::string name, uint32_t inside, uint32_t outside,
                          const NatConfig& config) {
  const auto number = static_cast<uint32_t>(boxes_.size());
  WorldBox& box = boxes_.emplace_back(WorldBox{
      .name = name,
      .engine = NatEngine(config, DeriveSeed(seed_, "box:" + name), now_),
      .external = {}});
  box.timer = AddTimer(true, number);
  box.inside = AddPort(true, number, name, inside);
  box.outside = AddPort(true, number, name, outside);
  ports_[box.outside].side = Side::kOutside;
  if (!networks_[inside].gateway) {
    networks_[inside].gateway = box.inside;
  }
  ClaimBoxAddresses(box);
  RebuildRoutes();
  return static_cast<BoxId>(number);
}

void World::Impl::ClaimBoxAddresses(WorldBox& box) {
  const NatConfig& config = box.engine.config();
  AddressTable& inside = networks_[ports_[box.inside].network].addresses;
  AddressTable& outside = networks_[ports_[box.outside].network].addresses;
  inside.Set(config.inside_address, box.inside);
  if (config.inside_address6) {
    inside.Set(*config.inside_address6, box.inside);
  }
  if (config.outside_address6) {
    outside.Set(*config.outside_address6, box.outside);
  }
  for (const IpAddress& address : box.external) {
    outside.Erase(address);
  }
  box.external = config.external;
  box.external.push_back(box.engine.external_address());
  for (const IpAddress& address : box.external) {
    outside.Set(address, box.outside);
  }
}

PortId World::Impl::AddPort(bool is_box, uint32_t owner,
                            std::string_view owner_name, uint32_t network) {
  const std::string name =
      std::string(owner_name) + "@" + networks_[network].name;
  ports_.push_back(
      {.network = network,
       .owner = owner,
       .is_box = is_box,
       .name = name,
       .up = Link(networks_[network].link, DeriveSeed(seed_, "up:" + name)),
       .down = Link(WayDown(networks_[network].link),
                    DeriveSeed(seed_, "down:" + name)),
       .up_lane = queue_.AddLane(),
       .down_lane = queue_.AddLane(),
       .trace_interface = {}});
  return static_cast<PortId>(ports_.size() - 1);
}

Result<void> World::Impl::AddAddress(uint32_t host, uint32_t network,
                                     const IpAddress& address) {
  WorldHost& owner = hosts_[host];
  if (networks_[network].addresses.Find(address) ||
      owner.Find(address) != nullptr) {
    return Fail(Errc::kAlreadyExists);
  }
  const auto plugged = std::ranges::find(
      owner.ports, network, [this](PortId id) { return ports_[id].network; });
  PortId port = 0;
  if (plugged != owner.ports.end()) {
    port = *plugged;
  } else {
    port = AddPort(false, host, owner.name, network);
    owner.ports.push_back(port);
  }
  networks_[network].addresses.Set(address, port);
  owner.addresses.push_back({.address = address, .port = port});
  owner.address_list.push_back(address);
  return {};
}

Result<void> World::Impl::RemoveAddress(uint32_t host,
                                        const IpAddress& address) {
  WorldHost& owner = hosts_[host];
  const HostAddress* found = owner.Find(address);
  if (found == nullptr) {
    return Fail(Errc::kNotFound);
  }
  networks_[ports_[found->port].network].addresses.Erase(address);
  owner.addresses.erase(owner.addresses.begin() +
                        (found - owner.addresses.data()));
  std::erase(owner.address_list, address);
  return {};
}

Result<void> World::Impl::SetCable(std::string_view member,
                                   std::string_view network,
                                   const LinkConfig& up,
                                   const LinkConfig& down) {
  WorldPort* port = FindPort(member, network);
  if (port == nullptr) {
    return Fail(Errc::kNotFound);
  }
  port->has_cable = true;
  port->uses_down = true;
  port->up.Configure(up);
  port->down.Configure(down);
  return {};
}

void World::Impl::SetNetworkLink(uint32_t network, const LinkConfig& link) {
  networks_[network].link = link;
  for (WorldPort& port : ports_) {
    if (port.network == network && !port.has_cable) {
      port.up.Configure(link);
      port.down.Configure(WayDown(link));
    }
  }
}

WorldPort* World::Impl::FindPort(std::string_view member,
                                 std::string_view network) {
  const auto found = std::ranges::find_if(ports_, [&](const WorldPort& port) {
    const std::string& owner =
        port.is_box ? boxes_[port.owner].name : hosts_[port.owner].name;
    return owner == member && networks_[port.network].name == network;
  });
  return found == ports_.end() ? nullptr : &*found;
}

void World::Impl::RebuildRoutes() {
  for (WorldNetwork& network : networks_) {
    network.routes.clear();
  }
  for (const WorldBox& box : boxes_) {
    AddRangesBehind(box, box.outside, networks_[ports_[box.outside].network]);
  }
  for (WorldNetwork& network : networks_) {
    // Longest prefix first; prefixes of one length do not overlap.
    std::ranges::sort(network.routes, std::ranges::greater{},
                      [](const RangeRoute& route) {
                        return std::pair(route.to.length(), route.to);
                      });
  }
}

void World::Impl::AddRangesBehind(const WorldBox& box, PortId via,
                                  WorldNetwork& to) {
  const NatConfig& config = box.engine.config();
  const uint32_t inside = ports_[box.inside].network;
  const bool shows_v4 =
      config.translation == Translation::kNone || !config.exempt.empty();
  if (shows_v4) {
    to.routes.push_back({.to = networks_[inside].cidr, .via = via});
  }
  const bool shows_v6 =
      config.ipv6 == Ipv6Mode::kRoute || config.ipv6 == Ipv6Mode::kFirewall;
  if (config.ipv6 == Ipv6Mode::kNptv6 && config.outside_prefix6) {
    to.routes.push_back({.to = *config.outside_prefix6, .via = via});
  } else if (shows_v6 && networks_[inside].cidr6) {
    to.routes.push_back({.to = *networks_[inside].cidr6, .via = via});
  }
  if (shows_v6 && config.inside_prefix6) {
    to.routes.push_back({.to = *config.inside_prefix6, .via = via});
  }
  if (!shows_v4 && !shows_v6) {
    return;
  }
  for (const WorldBox& next : boxes_) {
    if (&next != &box && ports_[next.outside].network == inside) {
      AddRangesBehind(next, via, to);
    }
  }
}

}  // namespace natkit::netsim
