#include "run/fabric_plan.h"

#include <algorithm>

#include "kernel/routes.h"
#include "natkit/netsim/plan.h"
#include "scenario/interface_mtu.h"
#include "scenario/user_network.h"

namespace natkit::netsim {
namespace {

class Planner {
 public:
  Planner(const Scenario& scenario, uint64_t seed) : scenario_(scenario) {
    plan_.config.seed = seed;
    for (const Network& network : scenario.networks) {
      if (IsUserNetwork(scenario, network.name)) {
        plan_.networks.push_back(network.name);
      }
    }
    plan_.config.network_count = plan_.networks.size();
  }

  FabricPlan Run() {
    for (const Host& host : scenario_.hosts) {
      AddDevice(host.name, host.network, "eth0",
                InterfaceMtu(scenario_, host.name, host.network));
    }
    for (const Nat& nat : scenario_.nats) {
      if (nat.backend == Backend::kEngine) {
        AddBox(nat);
      } else {
        AddDevice(nat.name, nat.inside, "lan0", nat.config.inside_mtu);
        AddDevice(nat.name, nat.outside, "wan0", nat.config.outside_mtu);
      }
    }
    return std::move(plan_);
  }

 private:
  size_t AddPort(const std::string& member, const std::string& network);
  void AddDevice(const std::string& member, const std::string& network,
                 std::string_view interface, uint16_t mtu);
  void AddBox(const Nat& nat);
  [[nodiscard]] std::vector<BoxRoute> Routes(const std::string& network,
                                             const Nat& nat) const;

  const Scenario& scenario_;
  FabricPlan plan_;
};

size_t Planner::AddPort(const std::string& member, const std::string& network) {
  FabricPort port;
  port.member = member;
  const auto index = std::ranges::find(plan_.networks, network);
  port.network = static_cast<size_t>(index - plan_.networks.begin());
  const auto cable =
      std::ranges::find_if(scenario_.cables, [&](const Cable& one) {
        return one.member == member && one.network == network;
      });
  if (cable != scenario_.cables.end()) {
    port.up = cable->up;
    port.down = cable->down;
  } else {
    port.up = scenario_.FindNetwork(network)->link;
    port.down = WayDown(port.up);
  }
  plan_.config.ports.push_back(std::move(port));
  return plan_.config.ports.size() - 1;
}

void Planner::AddDevice(const std::string& member, const std::string& network,
                        std::string_view interface, uint16_t mtu) {
  if (IsUserNetwork(scenario_, network)) {
    plan_.devices.push_back(
        {AddPort(member, network), FindNamespace(scenario_, member).value_or(0),
         std::string(interface), std::min(mtu, kLargestInterfaceMtu)});
  }
}

std::vector<BoxRoute> Planner::Routes(const std::string& network,
                                      const Nat& nat) const {
  const Network& found = *scenario_.FindNetwork(network);
  std::vector<BoxRoute> routes = {{found.cidr, std::nullopt}};
  if (found.cidr6) {
    routes.push_back({*found.cidr6, std::nullopt});
  }
  for (const Route& route : RoutesOn(scenario_, network, &nat)) {
    const IpAddress zero = route.via.is_v4() ? IpAddress() : IpAddress::V6({});
    const IpPrefix everything = IpPrefix::Make(zero, 0).value_or(IpPrefix());
    routes.push_back({route.to.value_or(everything), route.via});
  }
  return routes;
}

void Planner::AddBox(const Nat& nat) {
  FabricBox box;
  box.name = nat.name;
  box.config = nat.config;
  box.ports = {AddPort(nat.name, nat.inside), AddPort(nat.name, nat.outside)};
  box.inside_routes = Routes(nat.inside, nat);
  box.outside_routes = Routes(nat.outside, nat);
  box.inside_addresses = {nat.inside_address};
  if (nat.config.inside_address6 &&
      *nat.config.inside_address6 != nat.inside_address) {
    box.inside_addresses.push_back(*nat.config.inside_address6);
  }
  box.outside_addresses = nat.addresses;
  if (nat.config.outside_address6) {
    box.outside_addresses.push_back(*nat.config.outside_address6);
  }
  plan_.config.boxes.push_back(std::move(box));
}

}  // namespace

std::optional<size_t> FabricPlan::FindBox(std::string_view name) const {
  const auto found = std::ranges::find(config.boxes, name, &FabricBox::name);
  return found == config.boxes.end()
             ? std::nullopt
             : std::optional(static_cast<size_t>(found - config.boxes.begin()));
}

std::vector<size_t> FabricPlan::FindPorts(std::string_view member,
                                          std::string_view network) const {
  std::vector<size_t> ports;
  for (size_t i = 0; i < config.ports.size(); ++i) {
    const FabricPort& port = config.ports[i];
    if (port.member == member &&
        (network.empty() || networks[port.network] == network)) {
      ports.push_back(i);
    }
  }
  return ports;
}

FabricPlan MakeFabricPlan(const Scenario& scenario, uint64_t seed) {
  return Planner(scenario, seed).Run();
}

}  // namespace natkit::netsim
