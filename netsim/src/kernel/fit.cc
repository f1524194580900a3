#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "kernel/nat_kind.h"
#include "natkit/netsim/plan.h"

// Which boxes the kernel can play, and how its play differs from what the
// engine does with the same configuration.

namespace natkit::netsim {
namespace {

using std::chrono::seconds;

/// Something that is said of a box if it holds.
struct Remark {
  bool holds;
  std::string_view text;
};

bool IsWholeSeconds(const NatTimeouts& timeouts) {
  return std::ranges::all_of(
      std::array{timeouts.udp_unreplied, timeouts.udp_assured, timeouts.icmp,
                 timeouts.tcp_opening, timeouts.tcp_established,
                 timeouts.tcp_closing},
      [](Duration d) { return d % seconds(1) == Duration{}; });
}

/// Mapping, filtering and ports: what the ruleset can be made to do.
bool HasKernelShape(const Nat& nat) {
  const NatConfig& config = nat.config;
  constexpr auto kEi = Dependence::kEndpointIndependent;
  constexpr auto kApd = Dependence::kAddressAndPortDependent;
  if (config.translation == Translation::kNone) {
    return config.filtering == kEi || config.filtering == kApd;
  }
  if (config.translation != Translation::kNapt) {
    return false;
  }
  switch (config.port_assignment) {
    case PortAssignment::kPreserve:
      return config.mapping == kEi &&
             (config.filtering == kApd ||
              config.hairpinning == Hairpinning::kExternalSource);
    case PortAssignment::kPreserveOverload:
    case PortAssignment::kRandom:
      return config.mapping == kApd && config.filtering == kApd;
    case PortAssignment::kSequential:
    case PortAssignment::kDynamicBlock:
    case PortAssignment::kDeterministicBlock:
      return false;
  }
  return false;
}

bool HasOwnLimits(const NatConfig& config) {
  NatLimits usual;
  usual.blocks_per_host = config.limits.blocks_per_host;
  return config.limits != usual || config.shed_above != 0 ||
         config.port_quarantine != Duration::zero();
}

}  // namespace

std::optional<std::string> KernelObstacle(const Nat& nat) {
  const NatConfig& config = nat.config;
  const bool is_cone = IsCone(nat);
  const Remark obstacles[] = {
      {!HasKernelShape(nat),
       "its mapping, filtering and port assignment together"},
      {config.keep_parity || config.keep_contiguity,
       "keep_parity, keep_contiguity"},
      {config.keep_port_class && config.port_range != PortRange{},
       "keep_port_class with a port_range"},
      {!is_cone && config.hairpinning != Hairpinning::kNone, "hairpinning"},
      {is_cone && nat.addresses.size() > 1,
       "a cone with several external addresses"},
      {HasOwnLimits(config), "limits"},
      {config.services.nat_pmp || config.services.pcp || config.services.upnp,
       "port mapping services"},
      {config.address_lifetime != Duration::zero(), "address_lifetime"},
      {config.fragments != FragmentMode::kOutOfOrder ||
           config.timeouts.fragment != NatTimeouts().fragment,
       "fragment handling"},
      {!config.translate_icmp_errors, "translate_icmp_errors = false"},
      {config.poisonable != (config.unsolicited == Unsolicited::kReject),
       "poisonable and unsolicited are one thing to it"},
      {config.syn_error_delay != Duration::zero(), "syn_error_delay"},
      {config.alg != Alg::kNone, "alg"},
      {!config.decrement_ttl, "decrement_ttl = false"},
      {config.inside_mtu < 1500 || config.outside_mtu < 1500,
       "an MTU below 1500"},
      {config.ipv6 != Ipv6Mode::kDrop, "IPv6"},
      {!IsWholeSeconds(config.timeouts), "timeouts below a second"},
  };
  const auto* found = std::ranges::find_if(obstacles, &Remark::holds);
  return found == std::end(obstacles) ? std::nullopt
                                      : std::optional(std::string(found->text));
}

std::vector<std::string> KernelDifferences(const Nat& nat) {
  if (!IsTracking(nat)) {
    return {};
  }
  const NatConfig& config = nat.config;
  const Remark differences[] = {
      {nat.Translates() && config.port_assignment == PortAssignment::kPreserve,
       "two inside hosts with one source port share an external port toward "
       "different destinations"},
      {config.timer_scope == TimerScope::kMapping,
       "every 5-tuple expires on its own"},
      {config.refresh != NatRefresh{.outbound = true, .inbound = true},
       "packets of both directions refresh"},
      {config.timeouts.assured_after != seconds(2) &&
           config.timeouts.udp_assured != config.timeouts.udp_unreplied,
       "udp_stream_timeout begins two seconds after the first packet"},
      {IsCone(nat), "TCP is filtered APD"},
      {nat.Translates() && config.other_protocols == OtherProtocols::kDrop,
       "other protocols are translated by their address"},
  };
  std::vector<std::string> found;
  for (const Remark& difference : differences) {
    if (difference.holds) {
      found.emplace_back(difference.text);
    }
  }
  return found;
}

}  // namespace natkit::netsim
