#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "natkit/netsim/nat_config.h"

namespace natkit::netsim {
namespace {

/// Collects what is impossible about one configuration.
class Finder {
 public:
  explicit Finder(const NatConfig& config) : config_(config) {}

  std::vector<std::string> Run() {
    CheckAddresses();
    CheckPorts();
    CheckTimeouts();
    CheckLimits();
    CheckMtu();
    CheckForwards();
    CheckCombinations();
    CheckIpv6();
    return std::move(problems_);
  }

 private:
  void Require(bool holds, std::string text) {
    if (!holds) {
      problems_.push_back(std::move(text));
    }
  }

  [[nodiscard]] bool HasNapt() const {
    return config_.translation == Translation::kNapt ||
           config_.translation == Translation::kNat64;
  }

  [[nodiscard]] bool HasBlocks() const {
    return config_.port_assignment == PortAssignment::kDynamicBlock ||
           config_.port_assignment == PortAssignment::kDeterministicBlock;
  }

  void CheckAddresses();
  void CheckPorts();
  void CheckTimeouts();
  void CheckLimits();
  void CheckMtu();
  void CheckForwards();
  void CheckCombinations();
  void CheckIpv6();

  const NatConfig& config_;
  std::vector<std::string> problems_;
};

void Finder::CheckAddresses() {
  const bool translates = config_.translation != Translation::kNone;
  Require(!translates || !config_.external.empty(),
          "a box that translates needs an external address");
  Require(std::ranges::all_of(config_.external, &IpAddress::is_v4),
          "external addresses are IPv4");
  std::vector<IpAddress> sorted = config_.external;
  std::ranges::sort(sorted);
  Require(std::ranges::adjacent_find(sorted) == sorted.end(),
          "an external address is given twice");
  Require(config_.address_lifetime >= Duration::zero(),
          "address_lifetime must not be negative");
}

void Finder::CheckPorts() {
  const PortRange& range = config_.port_range;
  Require(range.first > 0 && range.first <= range.last,
          "port_range must not be empty, nor begin with 0");
  Require(config_.port_step != 0, "port_step must not be 0");
  Require(config_.foreign_rate >= 0, "foreign_rate must not be negative");
  if (HasNapt() && HasBlocks()) {
    Require(config_.block_size > 0 && config_.block_size <= range.size(),
            "block_size must be at least 1, and port_range must hold a block");
  }
  Require(config_.port_assignment != PortAssignment::kPreserveOverload ||
              config_.mapping == Dependence::kAddressAndPortDependent,
          "port_assignment preserve-overload needs mapping APD: only the "
          "remote endpoint tells its flows apart");
}

void Finder::CheckTimeouts() {
  const NatTimeouts& timeouts = config_.timeouts;
  const std::pair<Duration, std::string_view> positive[] = {
      {timeouts.udp_unreplied, "udp_timeout"},
      {timeouts.udp_assured, "udp_stream_timeout"},
      {timeouts.icmp, "icmp_timeout"},
      {timeouts.tcp_opening, "tcp_opening_timeout"},
      {timeouts.tcp_established, "tcp_established_timeout"},
      {timeouts.tcp_closing, "tcp_closing_timeout"},
      {timeouts.fragment, "fragment_timeout"},
  };
  for (const auto& [value, name] : positive) {
    Require(value > Duration::zero(), std::string(name) + " must not be 0");
  }
  Require(timeouts.assured_after >= Duration::zero() &&
              config_.port_quarantine >= Duration::zero() &&
              config_.syn_error_delay >= Duration::zero() &&
              timeouts.other >= Duration::zero(),
          "times must not be negative");
  Require(config_.refresh.outbound || config_.refresh.inbound,
          "refresh: some packets must refresh");
}

void Finder::CheckLimits() {
  Require(config_.limits.max_mappings > 0, "max_mappings must not be 0");
  Require(config_.limits.max_sessions > 0, "max_sessions must not be 0");
  Require(config_.limits.sessions_per_mapping > 0,
          "sessions_per_mapping must not be 0");
  Require(config_.port_assignment != PortAssignment::kDynamicBlock ||
              config_.limits.blocks_per_host > 0,
          "blocks_per_host must not be 0");
}

void Finder::CheckMtu() {
  // RFC 791 section 3.2: every host takes 576 bytes. Less makes no sense here.
  constexpr uint16_t kLeast = 576;
  constexpr uint16_t kLeast6 = 1280;
  const uint16_t mtu = std::min(config_.inside_mtu, config_.outside_mtu);
  Require(mtu >= kLeast, "an MTU must be at least 576");
  Require(config_.ipv6 == Ipv6Mode::kDrop || mtu >= kLeast6,
          "with IPv6 an MTU must be at least 1280");
}

void Finder::CheckForwards() {
  for (const StaticForward& forward : config_.forwards) {
    Require(forward.protocol == 6 || forward.protocol == 17,
            "a forward is for UDP or TCP");
    Require(forward.external_port != 0 && forward.inside.port != 0,
            "a forward needs ports from 1 to 65535");
  }
}

/// Fields that are possible alone but not together.
void Finder::CheckCombinations() {
  const NatConfig& c = config_;
  Require(c.port_quarantine == Duration::zero() ||
              c.port_assignment != PortAssignment::kPreserveOverload,
          "port_quarantine: ports that are shared cannot rest");
  Require(!HasNapt() || !c.keep_port_class || c.port_range.last >= 1024,
          "keep_port_class leaves no external port for inside ports from 1024 "
          "on");
  Require(c.address_lifetime == Duration::zero() ||
              c.port_assignment != PortAssignment::kDeterministicBlock,
          "address_lifetime: deterministic blocks belong to an address");
  Require(c.forwards.empty() || c.translation != Translation::kOneToOne,
          "one-to-one hosts have all ports of an address: no forwards");
  Require(c.alg == Alg::kNone || c.translation == Translation::kNapt ||
              c.translation == Translation::kOneToOne,
          "alg: the box translates no IPv4 addresses");
  std::set<std::pair<uint8_t, uint16_t>> taken;
  for (const StaticForward& forward : c.forwards) {
    Require(c.translation != Translation::kNone ||
                forward.external_port == forward.inside.port,
            "without translation a forward keeps its port");
    // Without translation the inside address tells them apart.
    Require(c.translation == Translation::kNone ||
                taken.emplace(forward.protocol, forward.external_port).second,
            "two forwards have one external port");
  }
}

void Finder::CheckIpv6() {
  if (config_.translation == Translation::kNat64) {
    Require(config_.nat64_prefix.address().is_v6() &&
                config_.nat64_prefix.length() == 96,
            "nat64_prefix must be an IPv6 /96");
    Require(config_.ipv6 == Ipv6Mode::kDrop,
            "nat64 and another IPv6 mode exclude each other");
    Require(config_.inside_mtu >= 1280,
            "nat64: the inside is IPv6, whose MTU must be at least 1280");
    Require(std::ranges::all_of(config_.forwards,
                                [](const StaticForward& forward) {
                                  return forward.inside.address.is_v6();
                                }),
            "nat64: forwards go to IPv6 addresses");
  }
  if (config_.ipv6 == Ipv6Mode::kDrop) {
    return;
  }
  Require(config_.inside_prefix6 && config_.inside_prefix6->address().is_v6(),
          "IPv6 needs the prefix of the inside network");
  if (config_.ipv6 == Ipv6Mode::kNptv6) {
    Require(config_.outside_prefix6 &&
                config_.outside_prefix6->address().is_v6() &&
                config_.inside_prefix6 &&
                config_.outside_prefix6->length() ==
                    config_.inside_prefix6->length() &&
                config_.outside_prefix6->length() <= 64,
            "nptv6 needs outside_prefix6, as long as the inside prefix and at "
            "most /64");
  }
}

}  // namespace

std::vector<std::string> FindProblems(const NatConfig& config) {
  return Finder(config).Run();
}

}  // namespace natkit::netsim
