#include "scenario/scenario_check.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "natkit/netsim/control.h"
#include "run/event_names.h"
#include "scenario/key_use.h"

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

/// Ranges without addresses that a host could have and others reach it by
/// (RFC 6890): this network, loopback, link-local, multicast and reserved.
bool IsSpecial(const IpPrefix& prefix) {
  constexpr std::string_view kSpecial[] = {
      "0.0.0.0/8", "127.0.0.0/8",   "169.254.0.0/16", "224.0.0.0/3",
      "::/96",     "::ffff:0:0/96", "fe80::/10",      "ff00::/8"};
  return std::ranges::any_of(kSpecial, [&](std::string_view text) {
    const auto special = IpPrefix::Parse(text);
    return special && special->length() <= prefix.length() &&
           special->Contains(prefix.address());
  });
}

/// What is wrong with a regular expression, as the end of a sentence.
std::optional<std::string> FindPatternProblem(const std::string& pattern) {
  // std::regex recurses as deep as the pattern nests.
  constexpr size_t kLongest = 500;
  if (pattern.size() > kLongest) {
    return "is longer than 500 characters";
  }
  try {
    static_cast<void>(std::regex(pattern));
  } catch (const std::regex_error&) {
    return "is not a regular expression: " + Quote(pattern);
  }
  return std::nullopt;
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
    CheckAllForwards();
    CheckCables();
    CheckSteps();
    CheckAddressesOnce();
    if (problems_.empty()) {
      CheckCycles();
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
  void CheckRange(const Network& network, const IpPrefix& range,
                  std::string_view key, const ItemLines& lines);
  void CheckHosts();
  void CheckNats();
  void CheckNat(const Nat& nat, const ItemLines& lines);
  void CheckPool(const Nat& nat, const ItemLines& lines);
  void CheckConfig(const Nat& nat, const ItemLines& lines);
  void CheckOneToOne(const Nat& nat, const ItemLines& lines);
  void CheckBlocks(const Nat& nat, const ItemLines& lines);
  void CheckPrefixes6(const Nat& nat, const ItemLines& lines);
  void CheckAllForwards();
  void CheckForwards(const Nat& nat, const std::vector<ItemLines>& lines);
  [[nodiscard]] std::optional<std::string> FindTargetProblem(
      const Nat& nat, const Endpoint& target) const;
  void CheckCables();
  void CheckSteps();
  void CheckEvent(const Step& step, const ItemLines& lines);
  void CheckNewAddress(const Nat& nat, const IpAddress& address, uint32_t line);
  [[nodiscard]] bool HasAddress(std::string_view network,
                                const IpAddress& address) const;
  [[nodiscard]] std::vector<std::string> NetworksOf(
      std::string_view member) const;
  void CheckNodeName(const std::string& name, uint32_t line);
  void CheckAddress(const std::string& owner, const std::string& network,
                    const IpAddress& address, uint32_t line,
                    bool is_written = true);
  void CheckUplink(const Nat& nat, const ItemLines& lines);
  void CheckAddressesOnce();
  void CheckCycles();
  void CheckRanges();
  [[nodiscard]] std::string RoutingDomain(std::string_view network) const;
  [[nodiscard]] bool HasHostsAbove(std::string_view low,
                                   std::string_view high) const;

  const Scenario& scenario_;
  const ScenarioLines& lines_;
  std::vector<Problem> problems_;
  std::map<std::string, uint32_t> node_names_;
  std::map<std::string, std::string> uplinks_;
  std::set<std::string, std::less<>> wrong_networks_;

  /// Somebody's address on a network.
  struct Claim {
    bool is_written;  ///< in the file; the others are defaults
    uint32_t line;
    std::string network;
    IpAddress address;
    std::string owner;
    auto operator<=>(const Claim&) const = default;
  };

  std::vector<Claim> claims_;
};

void Checker::CheckSizes() {
  if (scenario_.networks.empty()) {
    Report(1, "no [[network]]: a scenario needs at least one");
  }
  const size_t nodes = scenario_.hosts.size() + scenario_.nats.size();
  if (nodes > kMaxNodes || scenario_.networks.size() > kMaxNodes) {
    Report(1, "too large: at most " + std::to_string(kMaxNodes) +
                  " networks, and as many hosts and boxes together");
  }
}

void Checker::CheckNetworks() {
  std::map<std::string, uint32_t> seen;
  for (size_t i = 0; i < scenario_.networks.size(); ++i) {
    const Network& network = scenario_.networks[i];
    const ItemLines& lines = lines_.networks[i];
    const uint32_t line = lines.table;
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
    if (network.cidr.address().is_v6() && network.cidr6) {
      Report(lines.Of("cidr6"),
             Quote(network.name) + " has an IPv6 cidr already");
    }
    CheckRange(network, network.cidr, "cidr", lines);
    if (network.cidr6) {
      CheckRange(network, *network.cidr6, "cidr6", lines);
    }
  }
}

/// Of a network whose range is wrong, no address is looked at: the range is
/// what has to be corrected.
void Checker::CheckRange(const Network& network, const IpPrefix& range,
                         std::string_view key, const ItemLines& lines) {
  const bool is_v4 = range.address().is_v4();
  const std::string what = std::string(key) + " of " + Quote(network.name);
  if (key == "cidr6" && is_v4) {
    Report(lines.Of(key), what + " must be IPv6");
  } else if (is_v4 ? range.length() < 8 || range.length() > 30
                   : range.length() > 126) {
    Report(lines.Of(key),
           what + " must have a length of " +
               (is_v4 ? "8 to 30, such as /24" : "at most 126, such as /64"));
  } else if (IsSpecial(range)) {
    Report(lines.Of(key), what + " is of addresses that no host can have (" +
                              range.ToString() + "); take another, such as " +
                              (is_v4 ? "10.0.0.0/24" : "fd00::/64"));
  } else {
    return;
  }
  wrong_networks_.insert(network.name);
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
                           const IpAddress& address, uint32_t line,
                           bool is_written) {
  const Network* network = scenario_.FindNetwork(network_name);
  if (network == nullptr || wrong_networks_.contains(network_name)) {
    return;  // reported already
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
  claims_.push_back({is_written, line, network_name, address, owner});
}

/// Defaults first, the others in the order of the lines: the later one is at
/// fault.
void Checker::CheckAddressesOnce() {
  std::ranges::sort(claims_);
  std::map<std::pair<std::string, IpAddress>, const Claim*> first;
  for (const Claim& claim : claims_) {
    const auto [at, inserted] =
        first.emplace(std::pair(claim.network, claim.address), &claim);
    const Claim& before = *at->second;
    // A box that has an address twice is told so elsewhere.
    if (!inserted && before.owner != claim.owner) {
      Report(claim.line,
             claim.address.ToString() + " of " + Quote(claim.owner) +
                 " already belongs to " + Quote(before.owner) +
                 (before.is_written ? ""
                                    : ", as gateway; take another, or give the "
                                      "box an inside_address of its own"));
    }
  }
}

void Checker::CheckHosts() {
  for (size_t i = 0; i < scenario_.hosts.size(); ++i) {
    const Host& host = scenario_.hosts[i];
    const ItemLines& lines = lines_.hosts[i];
    CheckNodeName(host.name, lines.Of("name"));
    if (scenario_.FindNetwork(host.network) == nullptr) {
      Report(lines.Of("network"), "host " + Quote(host.name) + ": network " +
                                      Quote(host.network) + " is not defined");
    }
    CheckAddress(host.name, host.network, host.address, lines.Of("address"));
    if (host.address6) {
      CheckAddress(host.name, host.network, *host.address6,
                   lines.Of("address6"));
    }
  }
}

void Checker::CheckNats() {
  for (size_t i = 0; i < scenario_.nats.size(); ++i) {
    CheckNat(scenario_.nats[i], lines_.nats[i]);
  }
}

/// After all addresses are known.
void Checker::CheckAllForwards() {
  for (size_t i = 0; i < scenario_.nats.size(); ++i) {
    CheckForwards(scenario_.nats[i], lines_.forwards[i]);
  }
}

void Checker::CheckNat(const Nat& nat, const ItemLines& lines) {
  CheckNodeName(nat.name, lines.Of("name"));
  const auto check_network = [&](const std::string& network,
                                 std::string_view key) {
    if (scenario_.FindNetwork(network) == nullptr) {
      Report(lines.Of(key), "nat " + Quote(nat.name) + ": network " +
                                Quote(network) + " is not defined");
    }
  };
  check_network(nat.inside, "inside");
  check_network(nat.outside, "outside");
  if (nat.inside == nat.outside) {
    Report(lines.table, "nat " + Quote(nat.name) + " has " + Quote(nat.inside) +
                            " on both sides");
  }
  CheckUplink(nat, lines);
  for (const IpAddress& address : nat.addresses) {
    CheckAddress(nat.name, nat.outside, address, lines.Of("address"));
  }
  if (nat.config.outside_address6) {
    CheckAddress(nat.name, nat.outside, *nat.config.outside_address6,
                 lines.Of("outside_address6"));
  }
  if (nat.config.inside_address6 &&
      *nat.config.inside_address6 != nat.inside_address) {
    CheckAddress(nat.name, nat.inside, *nat.config.inside_address6,
                 lines.Of("inside_address6"));
  }
  CheckPool(nat, lines);
  CheckConfig(nat, lines);
}

/// A second box of one inside would also have the first one's address: one
/// report is enough.
void Checker::CheckUplink(const Nat& nat, const ItemLines& lines) {
  const auto [at, inserted] = uplinks_.emplace(nat.inside, nat.name);
  if (inserted) {
    CheckAddress(nat.name, nat.inside, nat.inside_address,
                 lines.Of("inside_address"),
                 lines.keys.contains("inside_address"));
  } else {
    Report(lines.Of("inside"), "network " + Quote(nat.inside) +
                                   " is already the inside of " +
                                   Quote(at->second));
  }
}

void Checker::CheckConfig(const Nat& nat, const ItemLines& lines) {
  std::set<uint32_t> impossible;
  NatConfig config = nat.config;
  config.forwards.clear();  // CheckForwards says more about them
  for (const std::string& problem : FindProblems(config)) {
    const uint32_t line = lines.OfKeyIn(problem);
    impossible.insert(line);
    Report(line, "nat " + Quote(nat.name) + ": " + problem);
  }
  for (const UselessKey& key : FindUselessKeys(nat.config, lines.keys)) {
    if (!impossible.contains(key.line)) {
      Report(key.line, "nat " + Quote(nat.name) + ": " + key.text);
    }
  }
  CheckPrefixes6(nat, lines);
  CheckBlocks(nat, lines);
  CheckOneToOne(nat, lines);
}

/// Prefixes that stand for others must not be those of a neighbour: its members
/// are asked for there, and nobody answers.
void Checker::CheckPrefixes6(const Nat& nat, const ItemLines& lines) {
  const auto check = [&](const IpPrefix& prefix, std::string_view key,
                         const std::string& network_name) {
    const Network* network = scenario_.FindNetwork(network_name);
    if (network == nullptr) {
      return;
    }
    const std::optional<IpPrefix> range = network->cidr.address().is_v6()
                                              ? std::optional(network->cidr)
                                              : network->cidr6;
    if (range && range->Overlaps(prefix)) {
      Report(lines.Of(key),
             "nat " + Quote(nat.name) + ": " + std::string(key) + " " +
                 prefix.ToString() + " overlaps " + range->ToString() + " of " +
                 Quote(network_name) + "; take a prefix that no network has");
    }
  };
  if (nat.config.translation == Translation::kNat64) {
    check(nat.config.nat64_prefix, "nat64_prefix", nat.inside);
  }
  if (nat.config.ipv6 == Ipv6Mode::kNptv6 && nat.config.outside_prefix6) {
    check(*nat.config.outside_prefix6, "outside_prefix6", nat.outside);
  }
}

/// Basic NAT: every inside member has an external address of its own.
void Checker::CheckOneToOne(const Nat& nat, const ItemLines& lines) {
  if (nat.config.translation != Translation::kOneToOne) {
    return;
  }
  const auto hosts =
      std::ranges::count(scenario_.hosts, nat.inside, &Host::network);
  const auto boxes =
      std::ranges::count(scenario_.nats, nat.inside, &Nat::outside);
  const auto members = static_cast<size_t>(hosts + boxes);
  if (members > nat.addresses.size()) {
    Report(lines.Of("address"), "nat " + Quote(nat.name) + ": " +
                                    std::to_string(nat.addresses.size()) +
                                    " external addresses are too few for the " +
                                    std::to_string(members) + " members of " +
                                    Quote(nat.inside));
  }
}

/// RFC 7422: every address of the inside network has a block of its own.
void Checker::CheckBlocks(const Nat& nat, const ItemLines& lines) {
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
    Report(lines.Of("block_size"),
           "nat " + Quote(nat.name) + ": " + std::to_string(blocks) +
               " deterministic blocks are too few for the " +
               std::to_string(subscribers) + " addresses of " +
               Quote(nat.inside) +
               "; more external addresses or a smaller block_size help");
  }
}

void Checker::CheckForwards(const Nat& nat,
                            const std::vector<ItemLines>& lines) {
  std::map<std::pair<uint8_t, uint16_t>, uint32_t> taken;
  for (size_t i = 0; i < nat.config.forwards.size(); ++i) {
    const StaticForward& forward = nat.config.forwards[i];
    const std::string who = "nat " + Quote(nat.name) +
                            ": the forward of port " +
                            std::to_string(forward.external_port);
    const uint32_t line = lines[i].Of("port");
    const auto [at, inserted] =
        taken.emplace(std::pair(forward.protocol, forward.external_port), line);
    if (nat.config.translation == Translation::kNone ||
        nat.config.translation == Translation::kOneToOne) {
      Report(lines[i].Of("nat"),
             who +
                 ": this box does not translate ports; remove the forward, "
                 "or take another profile");
    } else if (!inserted) {
      Report(line, who + " is there already, in line " +
                       std::to_string(at->second) + "; take another port");
    }
    if (const auto problem = FindTargetProblem(nat, forward.inside)) {
      Report(lines[i].Of("to"), who + *problem);
    }
  }
}

/// What is wrong with where a forward goes, as the end of a sentence.
std::optional<std::string> Checker::FindTargetProblem(
    const Nat& nat, const Endpoint& target) const {
  const Network* inside = scenario_.FindNetwork(nat.inside);
  if (inside == nullptr || wrong_networks_.contains(nat.inside)) {
    return std::nullopt;  // reported already
  }
  const IpAddress& address = target.address;
  if (!IsHostAddress(inside->cidr, address) &&
      !(inside->cidr6 && IsHostAddress(*inside->cidr6, address))) {
    return " goes to " + target.ToString() + ", which is not on " +
           Quote(nat.inside);
  }
  if (address == nat.inside_address || address == nat.config.inside_address6) {
    return " goes to the box itself";
  }
  if (nat.config.translation == Translation::kNat64 && address.is_v4()) {
    return " goes to " + address.ToString() +
           ", but the hosts of a NAT64 box are IPv6";
  }
  if (!HasAddress(nat.inside, address)) {
    return " goes to " + address.ToString() + ", which no host or box on " +
           Quote(nat.inside) + " has; correct it, or add the [[host]]";
  }
  return std::nullopt;
}

bool Checker::HasAddress(std::string_view network,
                         const IpAddress& address) const {
  return std::ranges::any_of(claims_, [&](const Claim& claim) {
    return claim.network == network && claim.address == address;
  });
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
    const ItemLines& lines = lines_.cables[i];
    const std::vector<std::string> networks = NetworksOf(cable.member);
    if (networks.empty()) {
      Report(lines.Of("member"),
             "link: there is no host or box " + Quote(cable.member));
    } else if (cable.network.empty()) {
      Report(lines.Of("member"),
             "link: 'network' is missing: " + Quote(cable.member) + " is on " +
                 Quote(networks[0]) + " and " + Quote(networks.back()));
    } else if (std::ranges::find(networks, cable.network) == networks.end()) {
      Report(lines.Of("network"),
             "link: " + Quote(cable.member) + " is not on network " +
                 Quote(cable.network) + " (but on " + Quote(networks[0]) +
                 (networks.size() > 1 ? " and " + Quote(networks[1])
                                      : std::string()) +
                 ")");
    }
  }
}

void Checker::CheckSteps() {
  for (size_t i = 0; i < scenario_.steps.size(); ++i) {
    const Step& step = scenario_.steps[i];
    const ItemLines& lines = lines_.steps[i];
    if (NetworksOf(step.member).empty()) {
      Report(lines.Of("on"),
             "step: there is no host or box " + Quote(step.member));
    } else if (!step.event.empty()) {
      CheckEvent(step, lines);
    } else if (const Nat* nat = scenario_.FindNat(step.member);
               nat != nullptr && nat->backend == Backend::kEngine) {
      Report(lines.Of("on"), "step: " + Quote(step.member) +
                                 " is a box of the engine: no command runs "
                                 "there, only on hosts and kernel boxes");
    }
    if (const auto problem = FindPatternProblem(step.expected_output)) {
      Report(lines.Of("output"), "step: 'output' " + *problem);
    }
  }
}

void Checker::CheckEvent(const Step& step, const ItemLines& lines) {
  std::istringstream text(step.argument);
  const std::vector<std::string> words{std::istream_iterator<std::string>(text),
                                       {}};
  const auto event = ParseEvent(step.event, words);
  if (!event) {
    const bool is_argument_wrong =
        FindEventKind(step.event) && lines.keys.contains("argument");
    Report(lines.Of(is_argument_wrong ? "argument" : "event"),
           "step: " + event.error().text);
    return;
  }
  const Nat* nat = scenario_.FindNat(step.member);
  const bool is_for_boxes = event->kind == EventKind::kReboot ||
                            event->kind == EventKind::kReaddress ||
                            event->kind == EventKind::kBlockUdp ||
                            event->kind == EventKind::kUnblockUdp;
  if (is_for_boxes && nat == nullptr) {
    Report(lines.Of("on"), "step: " + Quote(step.event) +
                               " is for boxes, and " + Quote(step.member) +
                               " is a host");
  } else if (event->new_address) {
    CheckNewAddress(*nat, *event->new_address, lines.Of("argument"));
  }
  const std::vector<std::string> networks = NetworksOf(step.member);
  if (!event->network.empty() &&
      std::ranges::find(networks, event->network) == networks.end()) {
    Report(lines.Of("argument"), "step: " + Quote(step.member) +
                                     " is not on network " +
                                     Quote(event->network));
  }
}

void Checker::CheckNewAddress(const Nat& nat, const IpAddress& address,
                              uint32_t line) {
  const Network* outside = scenario_.FindNetwork(nat.outside);
  if (outside != nullptr && !wrong_networks_.contains(nat.outside) &&
      !IsHostAddress(outside->cidr, address)) {
    Report(line, "step: " + address.ToString() +
                     " is not a host address of network " + Quote(nat.outside));
  }
  for (const Claim& claim : claims_) {
    if (claim.network == nat.outside && claim.address == address &&
        claim.owner != nat.name) {
      Report(line, "step: " + address.ToString() + " belongs to " +
                       Quote(claim.owner));
    }
  }
}

void Checker::CheckPool(const Nat& nat, const ItemLines& lines) {
  if (nat.addresses.size() < 2) {
    return;
  }
  if (nat.config.translation == Translation::kNone) {
    Report(lines.Of("address"), "nat " + Quote(nat.name) + ": profile " +
                                    Quote(nat.profile) +
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
      Report(lines.Of("address"),
             "nat " + Quote(nat.name) +
                 ": a pool of addresses must be consecutive, within "
                 "one /24");
      return;
    }
  }
}

void Checker::CheckCycles() {
  for (size_t i = 0; i < scenario_.nats.size(); ++i) {
    std::set<std::string> visited;
    const Nat* nat = &scenario_.nats[i];
    while (nat != nullptr && visited.insert(nat->inside).second) {
      nat = scenario_.UplinkOf(nat->outside);
    }
    if (nat == &scenario_.nats[i]) {
      Report(lines_.nats[i].table,
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

/// Whether packets from `low` pass through boxes to `high`, and hosts are there
/// to be reached.
bool Checker::HasHostsAbove(std::string_view low, std::string_view high) const {
  const Nat* uplink = scenario_.UplinkOf(low);
  for (size_t i = 0; uplink != nullptr && i < scenario_.nats.size(); ++i) {
    if (uplink->outside == high) {
      return std::ranges::count(scenario_.hosts, high, &Host::network) > 0;
    }
    uplink = scenario_.UplinkOf(uplink->outside);
  }
  return false;
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
        Report(lines_.networks[i].table,
               "network " + Quote(a.name) + " overlaps network " +
                   Quote(b.name) + ", and one box joins them");
      } else if (overlap && (HasHostsAbove(a.name, b.name) ||
                             HasHostsAbove(b.name, a.name))) {
        Report(
            lines_.networks[i].table,
            "network " + Quote(a.name) + " overlaps network " + Quote(b.name) +
                ", and one is behind the other: hosts of the outer one could "
                "not be reached from the inner one");
      }
    }
  }
}

}  // namespace

uint32_t ItemLines::Of(std::string_view key) const {
  const auto found = keys.find(key);
  return found == keys.end() ? table : found->second;
}

uint32_t ItemLines::OfKeyIn(std::string_view message) const {
  uint32_t line = table;
  size_t first = message.size();
  for (const auto& [key, key_line] : keys) {
    const size_t at = message.find(key);
    if (at < first) {
      first = at;
      line = key_line;
    }
  }
  return line;
}

std::vector<Problem> CheckScenario(const Scenario& scenario,
                                   const ScenarioLines& lines) {
  return Checker(scenario, lines).Run();
}

}  // namespace natkit::netsim
