#include "natkit/netsim/plan.h"

#include <algorithm>
#include <chrono>

#include "kernel/nat_kind.h"
#include "kernel/routes.h"
#include "run/fabric_plan.h"
#include "scenario/interface_mtu.h"
#include "scenario/user_network.h"

namespace natkit::netsim {
namespace {

/// Interface names inside a box and inside a host.
constexpr std::string_view kInside = "lan0";
constexpr std::string_view kOutside = "wan0";
constexpr std::string_view kHostInterface = "eth0";

std::string WithLength(const IpAddress& address, const IpPrefix& prefix) {
  return address.ToString() + "/" + std::to_string(prefix.length());
}

/// A word for `ip link add`; nothing where the MTU is the usual one.
std::string MtuWord(uint16_t mtu) {
  return mtu == kUsualMtu
             ? ""
             : " mtu " + std::to_string(std::min(mtu, kLargestInterfaceMtu));
}

/// The routes of the families that the machine has addresses of.
void AddRoutes(const std::vector<Route>& routes, bool has_v4, bool has_v6,
               std::string& batch) {
  for (const Route& route : routes) {
    if (!(route.via.is_v4() ? has_v4 : has_v6)) {
      continue;
    }
    batch += "route add " + (route.to ? route.to->ToString() : "default") +
             " via " + route.via.ToString() + "\n";
  }
}

/// The namespace with the links: a bridge per network, a port per member.
class Bridges {
 public:
  Bridges(const Scenario& scenario,
          const std::function<std::string(size_t)>& path_of)
      : scenario_(scenario), path_of_(path_of) {
    plan_.name = "fabric";
    plan_.sysctls = {{"net/ipv6/conf/default/disable_ipv6", "1"}};
    for (size_t i = 0; i < scenario.networks.size(); ++i) {
      if (IsUserNetwork(scenario, scenario.networks[i].name)) {
        continue;
      }
      plan_.ip_batch += "link add br" + std::to_string(i) +
                        " up type bridge stp_state 0 forward_delay 0 "
                        "mcast_snooping 0\n";
    }
  }

  /// A cable from `network` to `interface` of the i-th namespace.
  void Connect(std::string_view network, size_t index,
               std::string_view interface, uint16_t mtu = kUsualMtu) {
    if (IsUserNetwork(scenario_, network)) {
      return;
    }
    const auto bridge = static_cast<size_t>(scenario_.FindNetwork(network) -
                                            scenario_.networks.data());
    plan_.ip_batch += "link add p" + std::to_string(ports_++) + " master br" +
                      std::to_string(bridge) + " up type veth peer name " +
                      std::string(interface) + MtuWord(mtu) + " netns " +
                      path_of_(index) + "\n";
  }

  /// A veth pair for every port of the engine process that has an interface.
  void ConnectEngine() {
    for (const PortDevice& device : MakeFabricPlan(scenario_, 0).devices) {
      plan_.ip_batch += "link add " + FabricInterface(device.port) +
                        MtuWord(device.mtu) + " up type veth peer name " +
                        device.interface + MtuWord(device.mtu) + " netns " +
                        path_of_(device.namespace_index) + "\n";
    }
  }

  NamespacePlan Take() { return std::move(plan_); }

 private:
  const Scenario& scenario_;
  const std::function<std::string(size_t)>& path_of_;
  NamespacePlan plan_;
  size_t ports_ = 0;
};

/// Shared by hosts and boxes: no duplicate address detection, no router
/// discovery, ICMP errors without rate limit.
std::vector<std::pair<std::string, std::string>> CommonSysctls() {
  return {
      {"net/ipv6/conf/all/accept_ra", "0"},
      {"net/ipv6/conf/default/accept_ra", "0"},
      {"net/ipv4/icmp_ratelimit", "0"},
      {"net/ipv4/conf/all/rp_filter", "0"},
      {"net/ipv4/conf/default/rp_filter", "0"},
  };
}

NamespacePlan PlanHost(const Scenario& scenario, const Host& host) {
  NamespacePlan plan;
  plan.name = host.name;
  plan.sysctls = CommonSysctls();
  plan.sysctls.emplace_back(
      "net/ipv6/conf/" + std::string(kHostInterface) + "/disable_ipv6",
      host.address6 || host.address.is_v6() ? "0" : "1");
  const Network& network = *scenario.FindNetwork(host.network);
  const std::string device = " dev " + std::string(kHostInterface);
  plan.ip_batch = "link set lo up\naddr add " +
                  WithLength(host.address, network.cidr) + device +
                  (host.address.is_v6() ? " nodad\n" : "\n");
  if (host.address6) {
    plan.ip_batch += "addr add " + WithLength(*host.address6, *network.cidr6) +
                     device + " nodad\n";
  }
  plan.ip_batch += "link set " + std::string(kHostInterface) + " up\n";
  AddRoutes(RoutesOn(scenario, host.network), host.address.is_v4(),
            host.address6 || host.address.is_v6(), plan.ip_batch);
  return plan;
}

void AddTimeouts(const NatTimeouts& timeouts, NamespacePlan& plan) {
  const auto add = [&plan](std::string_view name, Duration value) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(value).count();
    plan.conntrack_sysctls.emplace_back(
        "net/netfilter/nf_conntrack_" + std::string(name),
        std::to_string(seconds));
  };
  add("udp_timeout", timeouts.udp_unreplied);
  add("udp_timeout_stream", timeouts.udp_assured);
  add("icmp_timeout", timeouts.icmp);
  if (timeouts.other != Duration::zero()) {
    add("generic_timeout", timeouts.other);
  }
  add("tcp_timeout_syn_sent", timeouts.tcp_opening);
  add("tcp_timeout_syn_recv", timeouts.tcp_opening);
  add("tcp_timeout_established", timeouts.tcp_established);
  add("tcp_timeout_fin_wait", timeouts.tcp_closing);
  add("tcp_timeout_time_wait", timeouts.tcp_closing);
}

NamespacePlan PlanNat(const Scenario& scenario, const Nat& nat) {
  NamespacePlan plan;
  plan.name = nat.name;
  if (nat.backend == Backend::kEngine) {
    return plan;  // its namespace stays empty
  }
  plan.sysctls = CommonSysctls();
  plan.sysctls.emplace_back("net/ipv4/ip_forward", "1");
  for (const std::string_view device : {kInside, kOutside}) {
    const std::string name(device);
    plan.sysctls.emplace_back("net/ipv4/conf/" + name + "/send_redirects", "0");
    plan.sysctls.emplace_back("net/ipv6/conf/" + name + "/disable_ipv6", "1");
  }
  plan.sysctls.emplace_back("net/ipv4/conf/all/send_redirects", "0");
  if (IsTracking(nat)) {
    AddTimeouts(nat.config.timeouts, plan);
    plan.conntrack_sysctls.emplace_back("net/netfilter/nf_conntrack_tcp_loose",
                                        nat.config.tcp_pickup ? "1" : "0");
  }
  const IpPrefix inside = scenario.FindNetwork(nat.inside)->cidr;
  const IpPrefix outside = scenario.FindNetwork(nat.outside)->cidr;
  plan.ip_batch = "link set lo up\naddr add " +
                  WithLength(nat.inside_address, inside) + " dev " +
                  std::string(kInside) + "\n";
  for (const IpAddress& address : nat.addresses) {
    plan.ip_batch += "addr add " + WithLength(address, outside) + " dev " +
                     std::string(kOutside) + "\n";
  }
  plan.ip_batch += "link set " + std::string(kInside) + " up\nlink set " +
                   std::string(kOutside) + " up\n";
  AddRoutes(RoutesOn(scenario, nat.outside, &nat), true, false, plan.ip_batch);
  AddRoutes(RoutesOn(scenario, nat.inside, &nat), true, false, plan.ip_batch);
  plan.nft_ruleset = MakeRuleset(nat);
  return plan;
}

}  // namespace

std::string FabricInterface(size_t port) {
  return "u" + std::to_string(port);
}

size_t CountNamespaces(const Scenario& scenario) {
  return 1 + scenario.hosts.size() + scenario.nats.size();
}

std::optional<size_t> FindNamespace(const Scenario& scenario,
                                    std::string_view name) {
  if (const Host* host = scenario.FindHost(name)) {
    return 1 + static_cast<size_t>(host - scenario.hosts.data());
  }
  if (const Nat* nat = scenario.FindNat(name)) {
    return 1 + scenario.hosts.size() +
           static_cast<size_t>(nat - scenario.nats.data());
  }
  return std::nullopt;
}

Plan MakePlan(const Scenario& scenario,
              const std::function<std::string(size_t)>& path_of,
              DeviceKind kind) {
  Plan plan;
  plan.namespaces.resize(1);
  Bridges fabric(scenario, path_of);
  for (const Host& host : scenario.hosts) {
    fabric.Connect(host.network, plan.namespaces.size(), kHostInterface);
    plan.namespaces.push_back(PlanHost(scenario, host));
  }
  for (const Nat& nat : scenario.nats) {
    if (nat.backend == Backend::kKernel) {
      fabric.Connect(nat.inside, plan.namespaces.size(), kInside,
                     nat.config.inside_mtu);
      fabric.Connect(nat.outside, plan.namespaces.size(), kOutside,
                     nat.config.outside_mtu);
    }
    plan.namespaces.push_back(PlanNat(scenario, nat));
  }
  if (kind == DeviceKind::kPacketSocket) {
    fabric.ConnectEngine();
  }
  plan.namespaces.front() = fabric.Take();
  return plan;
}

}  // namespace natkit::netsim
