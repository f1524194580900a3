#include "scenario/key_use.h"

#include <algorithm>
#include <set>
#include <span>

namespace natkit::netsim {
namespace {

/// What keys are good for, and what to say where they are not.
struct Use {
  bool (*is_given)(const NatConfig& config);
  std::string_view advice;
};

/// A key, its use, and whether its value means "not at all".
struct KeyRule {
  std::string_view key;
  const Use* use;
  bool (*is_off)(const NatConfig& config) = nullptr;
};

bool HasNapt(const NatConfig& config) {
  return config.translation == Translation::kNapt ||
         config.translation == Translation::kNat64;
}

/// Otherwise no packet needs state: rules say where each one goes.
bool HasState(const NatConfig& config) {
  return HasNapt(config) ||
         config.filtering != Dependence::kEndpointIndependent;
}

bool HasIpv6(const NatConfig& config) {
  return config.ipv6 != Ipv6Mode::kDrop;
}

constexpr Use kMappings = {
    HasNapt,
    "is about the ports of mappings, and this box makes none: remove it, or "
    "take a profile that translates ports"};

constexpr Use kState = {
    HasState,
    "is about state, and this box lets everything in without: remove it, or "
    "set filtering = \"APD\""};

constexpr Use kPinholes = {
    HasState,
    "would open ports, and no port of this box is closed: remove it, or take a "
    "profile that filters or translates ports"};

constexpr Use kHairpins = {
    [](const NatConfig& c) { return c.translation != Translation::kNone; },
    "is about external addresses, and this box does not translate: remove it, "
    "or take a profile that does"};

constexpr Use kExempt = {
    [](const NatConfig& c) {
      return c.translation == Translation::kNapt ||
             c.translation == Translation::kOneToOne;
    },
    "is about IPv4 addresses that would be translated, and this box leaves "
    "them alone: remove it, or take a profile that translates IPv4"};

constexpr Use kSequence = {
    [](const NatConfig& c) {
      return HasNapt(c) && c.port_assignment == PortAssignment::kSequential;
    },
    "is for sequential ports: remove it, or set port_assignment = "
    "\"sequential\""};

constexpr Use kBlocks = {
    [](const NatConfig& c) {
      return HasNapt(c) &&
             (c.port_assignment == PortAssignment::kDynamicBlock ||
              c.port_assignment == PortAssignment::kDeterministicBlock);
    },
    "is for ports in blocks: remove it, or set port_assignment = "
    "\"dynamic-block\" or \"deterministic-block\""};

constexpr Use kDynamicBlocks = {
    [](const NatConfig& c) {
      return HasNapt(c) && c.port_assignment == PortAssignment::kDynamicBlock;
    },
    "is for dynamic blocks: remove it, or set port_assignment = "
    "\"dynamic-block\""};

constexpr Use kRotation = {
    [](const NatConfig& c) { return c.external.size() > 1; },
    "moves a box to its next address, and this one has no other: remove it, or "
    "make 'address' a list"};

constexpr Use kServices = {
    [](const NatConfig& c) {
      return c.services.nat_pmp || c.services.pcp || c.services.upnp;
    },
    "is about port mapping services, and this box has none: remove it, or add "
    "services = [\"pcp\"]"};

constexpr Use kFragments = {
    [](const NatConfig& c) { return c.fragments != FragmentMode::kDrop; },
    "is for boxes that let fragments pass: remove it, or set another "
    "'fragments'"};

constexpr Use kLateErrors = {
    [](const NatConfig& c) {
      return HasState(c) && c.unsolicited != Unsolicited::kReject;
    },
    "is for boxes that first keep silent about what nobody asked for: remove "
    "it, or set unsolicited = \"drop\" (and filtering)"};

constexpr Use kInside6 = {
    [](const NatConfig& c) {
      return HasIpv6(c) || c.translation == Translation::kNat64;
    },
    "is for boxes that carry IPv6, and this one drops it: remove it, or set "
    "ipv6 = \"firewall\" (with cidr6 on the inside network and "
    "outside_address6)"};

constexpr Use kOutside6 = {
    HasIpv6,
    "is for boxes with IPv6 on the outside: remove it, or set ipv6 = "
    "\"firewall\" (with cidr6 on the inside network)"};

constexpr Use kNptv6 = {
    [](const NatConfig& c) { return c.ipv6 == Ipv6Mode::kNptv6; },
    "is for prefix translation: remove it, or set ipv6 = \"nptv6\""};

constexpr Use kNat64 = {
    [](const NatConfig& c) { return c.translation == Translation::kNat64; },
    "is for NAT64: remove it, or take profile \"nat64\""};

constexpr KeyRule kMappingRules[] = {
    {"mapping", &kMappings},
    {"port_assignment", &kMappings},
    {"port_range", &kMappings},
    {"keep_parity", &kMappings, [](const auto& c) { return !c.keep_parity; }},
    {"keep_contiguity", &kMappings,
     [](const auto& c) { return !c.keep_contiguity; }},
    {"keep_port_class", &kMappings,
     [](const auto& c) { return !c.keep_port_class; }},
    {"pooling", &kMappings},
    {"port_quarantine", &kMappings,
     [](const auto& c) { return c.port_quarantine == Duration::zero(); }},
    {"shed_above", &kMappings, [](const auto& c) { return c.shed_above == 0; }},
    {"poisonable", &kMappings, [](const auto& c) { return !c.poisonable; }},
    {"other_protocols", &kMappings,
     [](const auto& c) { return c.other_protocols == OtherProtocols::kDrop; }},
    {"hairpinning", &kHairpins,
     [](const auto& c) { return c.hairpinning == Hairpinning::kNone; }},
    {"exempt", &kExempt},
    {"port_step", &kSequence},
    {"foreign_rate", &kSequence,
     [](const auto& c) { return c.foreign_rate == 0; }},
    {"block_size", &kBlocks},
    {"blocks_per_host", &kDynamicBlocks},
};

// Lifetimes are not here: the same ones for boxes of all kinds are common.
constexpr KeyRule kStateRules[] = {
    {"tcp_pickup", &kState, [](const auto& c) { return !c.tcp_pickup; }},
    {"max_mappings", &kState},
    {"mappings_per_host", &kState,
     [](const auto& c) { return c.limits.mappings_per_host == 0; }},
    {"max_sessions", &kState},
    {"sessions_per_mapping", &kState},
    {"new_mappings_per_second", &kState,
     [](const auto& c) { return c.limits.new_mappings_per_second == 0; }},
    {"when_full", &kState},
    {"syn_error_delay", &kLateErrors,
     [](const auto& c) { return c.syn_error_delay == Duration::zero(); }},
    {"fragment_timeout", &kFragments},
    {"held_fragments", &kFragments,
     [](const auto& c) { return c.limits.held_fragments == 0; }},
    {"services", &kPinholes},
    {"service_max_lifetime", &kServices},
    {"service_max_per_host", &kServices},
    {"address_lifetime", &kRotation,
     [](const auto& c) { return c.address_lifetime == Duration::zero(); }},
    {"inside_address6", &kInside6},
    {"outside_address6", &kOutside6},
    {"outside_prefix6", &kNptv6},
    {"nat64_prefix", &kNat64},
};

/// Values that another key keeps from ever mattering, or that undo the box.
std::vector<KeyRule> ValueRules() {
  static constexpr Use kShed = {
      [](const NatConfig& c) { return c.shed_above <= c.limits.max_mappings; },
      "is above max_mappings, which is never exceeded: lower it, or raise "
      "max_mappings"};
  static constexpr Use kQuota = {
      [](const NatConfig& c) {
        return c.limits.mappings_per_host <= c.limits.max_mappings;
      },
      "is above max_mappings, which holds for all hosts together: lower it, or "
      "raise max_mappings"};
  static constexpr Use kV4Exempt = {
      [](const NatConfig& c) {
        return std::ranges::all_of(c.exempt, [](const IpPrefix& prefix) {
          return prefix.address().is_v4();
        });
      },
      "is about IPv4 destinations: remove the IPv6 range (only ipv6 = "
      "\"nptv6\" translates IPv6, and it spares nobody)"};
  static constexpr Use kSomeExempt = {
      [](const NatConfig& c) {
        return std::ranges::none_of(c.exempt, [](const IpPrefix& prefix) {
          return prefix.length() == 0;
        });
      },
      "spares every destination, so that nothing is translated: name smaller "
      "ranges, or take profile \"open\""};
  static constexpr Use kLifetime = {
      [](const NatConfig& c) {
        return c.services.max_lifetime > Duration::zero();
      },
      "must not be 0: no lease would ever be given; remove 'services' for a "
      "box that gives none"};
  return {{"shed_above", &kShed},
          {"mappings_per_host", &kQuota},
          {"exempt", &kV4Exempt},
          {"exempt", &kSomeExempt},
          {"service_max_lifetime", &kLifetime}};
}

}  // namespace

std::vector<UselessKey> FindUselessKeys(
    const NatConfig& config,
    const std::map<std::string, uint32_t, std::less<>>& keys) {
  std::vector<UselessKey> found;
  std::set<std::string_view> reported;
  const std::vector<KeyRule> value_rules = ValueRules();
  for (const auto& rules : {std::span<const KeyRule>(kMappingRules),
                            std::span<const KeyRule>(kStateRules),
                            std::span<const KeyRule>(value_rules)}) {
    for (const KeyRule& rule : rules) {
      const auto at = keys.find(rule.key);
      if (at != keys.end() && !rule.use->is_given(config) &&
          (rule.is_off == nullptr || !rule.is_off(config)) &&
          reported.insert(rule.key).second) {
        found.push_back({at->second, "'" + std::string(rule.key) + "' " +
                                         std::string(rule.use->advice)});
      }
    }
  }
  return found;
}

}  // namespace natkit::netsim
