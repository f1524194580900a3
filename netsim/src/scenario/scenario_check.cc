#include "scenario/scenario_check.h"

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <utility>

namespace natkit::netsim {
namespace {

std::string Quote(std::string_view name) {
  return "'" + std::string(name) + "'";
}

bool IsName(std::string_view name) {
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !name.empty() && name.size() <= 32 && name.front() >= 'a' &&
         name.front() <= 'z' && std::ranges::all_of(name, is_allowed);
}

/// The first and the last address of an IPv4 prefix belong to nobody.
bool IsHostAddress(const IpPrefix& prefix, const IpAddress& address) {
  if (!prefix.Contains(address) || address == prefix.address()) {
    return false;
  }
  if (address.is_v6()) {
    return true;
  }
  const ByteView bytes = address.bytes();
  for (int bit = prefix.length(); bit < 32; ++bit) {
    const auto index = static_cast<size_t>(bit / 8);
    if ((bytes[index] >> (7 - bit % 8) & 1) == 0) {
      return true;
    }
  }
  return false;
}

class Checker {
 public:
  Checker(const Scenario& scenario, const ScenarioLines& lines)
      : scenario_(scenario), lines_(lines) {}

  std::vector<Problem> Run() {
    CheckSizes();
    CheckNetworks();
    CheckHosts();
    CheckNats();
    CheckCables();
    CheckSteps();
    if (problems_.empty()) {
      CheckUplinks();
    }
    if (problems_.empty()) {
      CheckRanges();
    }
    return std::move(problems_);
  }

 private:
  void Report(uint32_t line, std::string text) {
    problems_.push_back({line, std::move(text)});
  }

  void CheckSizes();
  void CheckNetworks();
  void CheckHosts();
  void CheckNats();
  void CheckNat(const Nat& nat, uint32_t line);
  void CheckPool(const Nat& nat, uint32_t line);
  void CheckConfig(const Nat& nat, uint32_t line);
  void CheckBlocks(const Nat& nat, uint32_t line);
  void CheckForwards(const Nat& nat, uint32_t line);
  void CheckCables();
  void CheckSteps();
  [[nodiscard]] std::vector<std::string> NetworksOf(
      std::string_view member) const;
  void CheckNodeName(const std::string& name, uint32_t line);
  void CheckAddress(const std::string& owner, const std::string& network,
                    const IpAddress& address, uint32_t line);
  void CheckUplinks();
  void CheckRanges();
  [[nodiscard]] std::string RoutingDomain(std::string_view network) const;

  const Scenario& scenario_;
  const ScenarioLines& lines_;
  std::vector<Problem> problems_;
  std::map<std::string, uint32_t> node_names_;
  std::map<std::pair<std::string, IpAddress>, std::string> owners_;
};

void Checker::CheckSizes() {
  if (scenario_.networks.empty()) {
    Report(0, "no [[network]]: a scenario needs at least one");
  }
  const size_t nodes = scenario_.hosts.size() + scenario_.nats.size();
  if (nodes > kMaxNodes || scenario_.networks.size() > kMaxNodes) {
    Report(0, "too large: at most " + std::to_string(kMaxNodes) +
                  " networks, and as many hosts and boxes together");
  }
}

void Checker::CheckNetworks() {
  std::map<std::string, uint32_t> seen;
  for (size_t i = 0; i < scenario_.networks.size(); ++i) {
    const Network& network = scenario_.networks[i];
    const uint32_t line = lines_.networks[i];
    if (!IsName(network.name)) {
      Report(line, "network name " + Quote(network.name) +
                       " is not made of a-z, 0-9 and '-' (letter first, at "
                       "most 32)");
    }
    const auto [at, inserted] = seen.emplace(network.name, line);
    if (!inserted) {
      Report(line, "network " + Quote(network.name) +
                       " is already defined in line " +
                       std::to_string(at->second));
    }
    const bool is_v6 = network.cidr.address().is_v6();
    if (network.cidr.length() < 8 ||
        network.cidr.length() > (is_v6 ? 126 : 30)) {
      Report(line, "cidr of " + Quote(network.name) +
                       " must be IPv4 with a length of 8 to 30, or IPv6 with "
                       "at most 126");
    }
    if (is_v6 && network.cidr6) {
      Report(line, Quote(network.name) + " has an IPv6 cidr already");
    }
    if (network.cidr6 &&
        (network.cidr6->address().is_v4() || network.cidr6->length() > 126)) {
      Report(line, "cidr6 of " + Quote(network.name) +
                       " must be IPv6 with a length of at most 126");
    }
  }
}

void Checker::CheckNodeName(const std::string& name, uint32_t line) {
  if (!IsName(name) || name == "fabric") {
    Report(line, "name " + Quote(name) +
                     " is not usable: a-z, 0-9 and '-' (letter first, at most "
                     "32), and not 'fabric'");
  }
  const auto [at, inserted] = node_names_.emplace(name, line);
  if (!inserted) {
    Report(line, "name " + Quote(name) + " is already taken in line " +
                     std::to_string(at->second));
  }
}

void Checker::CheckAddress(const std::string& owner,
                           const std::string& network_name,
                           const IpAddress& address, uint32_t line) {
  const Network* network = scenario_.FindNetwork(network_name);
  if (network == nullptr) {
    return;  // reported by the caller
  }
  const bool is_first = network->cidr.address().family() == address.family();
  if (!is_first && (address.is_v4() || !network->cidr6)) {
    Report(line, "network " + Quote(network_name) + " has no " +
                     (address.is_v6() ? "IPv6 range" : "IPv4 range") + " for " +
                     address.ToString() + " of " + Quote(owner));
    return;
  }
  const IpPrefix& prefix = is_first ? network->cidr : *network->cidr6;
  if (!IsHostAddress(prefix, address)) {
    Report(line, address.ToString() + " of " + Quote(owner) +
                     " is not a host address of network " +
                     Quote(network_name) + " (" + prefix.ToString() + ")");
  }
  const auto [at, inserted] =
      owners_.emplace(std::pair(network_name, address), owner);
  if (!inserted) {
    Report(line, address.ToString() + " of " + Quote(owner) +
                     " already belongs to " + Quote(at->second));
  }
}

void Checker::CheckHosts() {
  for (size_t i = 0; i < scenario_.hosts.size(); ++i) {
    const Host& host = scenario_.hosts[i];
    const uint32_t line = lines_.hosts[i];
    CheckNodeName(host.name, line);
    if (scenario_.FindNetwork(host.network) == nullptr) {
      Report(line, "host " + Quote(host.name) + ": network " +
                       Quote(host.network) + " is not defined");
    }
    CheckAddress(host.name, host.network, host.address, line);
    if (host.address6) {
      CheckAddress(host.name, host.network, *host.address6, line);
    }
  }
}

void Checker::CheckNats() {
  for (size_t i = 0; i < scenario_.nats.size(); ++i) {
    CheckNat(scenario_.nats[i], lines_.nats[i]);
  }
}

void Checker::CheckNat(const Nat& nat, uint32_t line) {
  CheckNodeName(nat.name, line);
  for (const std::string& network : {nat.inside, nat.outside}) {
    if (scenario_.FindNetwork(network) == nullptr) {
      Report(line, "nat " + Quote(nat.name) + ": network " + Quote(network) +
                       " is not defined");
    }
  }
  if (nat.inside == nat.outside) {
    Report(line, "nat " + Quote(nat.name) + " has " + Quote(nat.inside) +
                     " on both sides");
  }
  CheckAddress(nat.name, nat.inside, nat.inside_address, line);
  for (const IpAddress& address : nat.addresses) {
    CheckAddress(nat.name, nat.outside, address, line);
  }
  if (nat.config.outside_address6) {
    CheckAddress(nat.name, nat.outside, *nat.config.outside_address6, line);
  }
  if (nat.config.inside_address6 &&
      *nat.config.inside_address6 != nat.inside_address) {
    CheckAddress(nat.name, nat.inside, *nat.config.inside_address6, line);
  }
  CheckPool(nat, line);
  CheckConfig(nat, line);
  CheckForwards(nat, line);
}

void Checker::CheckConfig(const Nat& nat, uint32_t line) {
  for (const std::string& problem : FindProblems(nat.config)) {
    Report(line, "nat " + Quote(nat.name) + ": " + problem);
  }
  CheckBlocks(nat, line);
}

/// RFC 7422: every address of the inside network has a block of its own.
void Checker::CheckBlocks(const Nat& nat, uint32_t line) {
  const Network* inside = scenario_.FindNetwork(nat.inside);
  if (nat.config.port_assignment != PortAssignment::kDeterministicBlock ||
      inside == nullptr || inside->cidr.address().is_v6() ||
      nat.config.block_size == 0) {
    return;
  }
  const size_t subscribers = size_t{1} << (32 - inside->cidr.length());
  const size_t blocks = nat.addresses.size() *
                        (nat.config.port_range.size() / nat.config.block_size);
  if (blocks < subscribers) {
    Report(line, "nat " + Quote(nat.name) + ": " + std::to_string(blocks) +
                     " deterministic blocks are too few for the " +
                     std::to_string(subscribers) + " addresses of " +
                     Quote(nat.inside) +
                     "; more external addresses or a smaller block_size help");
  }
}

void Checker::CheckForwards(const Nat& nat, uint32_t line) {
  const Network* inside = scenario_.FindNetwork(nat.inside);
  std::set<std::pair<uint8_t, uint16_t>> ports;
  for (const StaticForward& forward : nat.config.forwards) {
    if (!ports.emplace(forward.protocol, forward.external_port).second) {
      Report(line, "nat " + Quote(nat.name) + ": port " +
                       std::to_string(forward.external_port) +
                       " is forwarded twice");
    }
    if (inside != nullptr &&
        !IsHostAddress(inside->cidr, forward.inside.address)) {
      Report(line, "nat " + Quote(nat.name) + ": the forward of port " +
                       std::to_string(forward.external_port) + " goes to " +
                       forward.inside.ToString() + ", which is not on " +
                       Quote(nat.inside));
    }
  }
  if (!nat.config.forwards.empty() && !nat.Translates()) {
    Report(line, "nat " + Quote(nat.name) +
                     ": a box that does not translate forwards no ports");
  }
}

std::vector<std::string> Checker::NetworksOf(std::string_view member) const {
  if (const Host* host = scenario_.FindHost(member)) {
    return {host->network};
  }
  if (const Nat* nat = scenario_.FindNat(member)) {
    return {nat->inside, nat->outside};
  }
  return {};
}

void Checker::CheckCables() {
  for (size_t i = 0; i < scenario_.cables.size(); ++i) {
    const Cable& cable = scenario_.cables[i];
    const uint32_t line = lines_.cables[i];
    const std::vector<std::string> networks = NetworksOf(cable.member);
    if (networks.empty()) {
      Report(line, "link: there is no host or box " + Quote(cable.member));
    } else if (std::ranges::find(networks, cable.network) == networks.end()) {
      Report(line, "link: " + Quote(cable.member) + " is not on network " +
                       Quote(cable.network) + " (but on " + Quote(networks[0]) +
                       (networks.size() > 1 ? " and " + Quote(networks[1])
                                            : std::string()) +
                       ")");
    }
  }
}

void Checker::CheckSteps() {
  for (const Step& step : scenario_.steps) {
    if (NetworksOf(step.member).empty()) {
      Report(step.line, "step: there is no host or box " + Quote(step.member));
    }
    // std::regex recurses as deep as the pattern nests.
    constexpr size_t kLongestPattern = 500;
    if (step.expected_output.size() > kLongestPattern) {
      Report(step.line, "step: 'output' is longer than 500 characters");
      continue;
    }
    try {
      static_cast<void>(std::regex(step.expected_output));
    } catch (const std::regex_error&) {
      Report(step.line, "step: 'output' is not a regular expression: " +
                            Quote(step.expected_output));
    }
  }
}

void Checker::CheckPool(const Nat& nat, uint32_t line) {
  if (nat.addresses.size() < 2) {
    return;
  }
  if (nat.config.translation == Translation::kNone) {
    Report(line, "nat " + Quote(nat.name) + ": profile " + Quote(nat.profile) +
                     " takes one external address");
  }
  if (nat.backend == Backend::kEngine) {
    return;
  }
  for (size_t i = 1; i < nat.addresses.size(); ++i) {
    const ByteView before = nat.addresses[i - 1].bytes();
    const ByteView after = nat.addresses[i].bytes();
    if (!std::ranges::equal(before.first(3), after.first(3)) ||
        before[3] + 1 != after[3]) {
      Report(line, "nat " + Quote(nat.name) +
                       ": a pool of addresses must be consecutive, within "
                       "one /24");
      return;
    }
  }
}

void Checker::CheckUplinks() {
  std::map<std::string, std::string> uplinks;
  for (size_t i = 0; i < scenario_.nats.size(); ++i) {
    const Nat& nat = scenario_.nats[i];
    const auto [at, inserted] = uplinks.emplace(nat.inside, nat.name);
    if (!inserted) {
      Report(lines_.nats[i], "network " + Quote(nat.inside) +
                                 " is already the inside of " +
                                 Quote(at->second));
    }
  }
  for (size_t i = 0; i < scenario_.nats.size(); ++i) {
    std::set<std::string> visited;
    const Nat* nat = &scenario_.nats[i];
    while (nat != nullptr && visited.insert(nat->inside).second) {
      nat = scenario_.UplinkOf(nat->outside);
    }
    if (nat == &scenario_.nats[i]) {
      Report(lines_.nats[i],
             "nat " + Quote(nat->name) + " is its own way out: a cycle");
    }
  }
}

/// Networks joined by routers that do not translate share one address space,
/// named after its topmost network.
std::string Checker::RoutingDomain(std::string_view network) const {
  const Nat* uplink = scenario_.UplinkOf(network);
  while (uplink != nullptr && !uplink->Translates()) {
    network = uplink->outside;
    uplink = scenario_.UplinkOf(network);
  }
  return std::string(network);
}

void Checker::CheckRanges() {
  std::set<std::pair<std::string, std::string>> adjacent;
  for (const Nat& nat : scenario_.nats) {
    adjacent.emplace(RoutingDomain(nat.inside), RoutingDomain(nat.outside));
  }
  for (size_t i = 0; i < scenario_.networks.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const Network& a = scenario_.networks[i];
      const Network& b = scenario_.networks[j];
      const std::string in_a = RoutingDomain(a.name);
      const std::string in_b = RoutingDomain(b.name);
      const bool meet = in_a == in_b || adjacent.contains({in_a, in_b}) ||
                        adjacent.contains({in_b, in_a});
      const bool overlap = a.cidr.Overlaps(b.cidr) ||
                           (a.cidr6 && b.cidr6 && a.cidr6->Overlaps(*b.cidr6));
      if (meet && overlap) {
        Report(lines_.networks[i], "network " + Quote(a.name) +
                                       " overlaps network " + Quote(b.name) +
                                       ", and one box joins them");
      }
    }
  }
}

}  // namespace

std::vector<Problem> CheckScenario(const Scenario& scenario,
                                   const ScenarioLines& lines) {
  return Checker(scenario, lines).Run();
}

}  // namespace natkit::netsim
