#include "scenario/nat_knobs.h"

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>
#include <utility>

#include "scenario/units.h"

namespace natkit::netsim {
namespace {

/// Words in files and the values they stand for. The first word of a value is
/// the one that is written.
template <class Value>
struct Word {
  std::string_view name;
  Value value;
};

constexpr Word<Dependence> kDependence[] = {
    {"EI", Dependence::kEndpointIndependent},
    {"AD", Dependence::kAddressDependent},
    {"APD", Dependence::kAddressAndPortDependent},
    {"endpoint-independent", Dependence::kEndpointIndependent},
    {"address-dependent", Dependence::kAddressDependent},
    {"address-and-port-dependent", Dependence::kAddressAndPortDependent},
};
constexpr Word<PortAssignment> kAssignment[] = {
    {"preserve", PortAssignment::kPreserve},
    {"preserve-overload", PortAssignment::kPreserveOverload},
    {"sequential", PortAssignment::kSequential},
    {"random", PortAssignment::kRandom},
    {"dynamic-block", PortAssignment::kDynamicBlock},
    {"deterministic-block", PortAssignment::kDeterministicBlock},
};
constexpr Word<Pooling> kPooling[] = {
    {"paired", Pooling::kPaired},
    {"arbitrary", Pooling::kArbitrary},
};
constexpr Word<Hairpinning> kHairpinning[] = {
    {"none", Hairpinning::kNone},
    {"internal-source", Hairpinning::kInternalSource},
    {"external-source", Hairpinning::kExternalSource},
};
constexpr Word<TimerScope> kTimerScope[] = {
    {"mapping", TimerScope::kMapping},
    {"session", TimerScope::kSession},
};
constexpr Word<WhenFull> kWhenFull[] = {
    {"drop", WhenFull::kDrop},
    {"icmp", WhenFull::kIcmp},
    {"evict-oldest", WhenFull::kEvictOldest},
};
constexpr Word<OtherProtocols> kOtherProtocols[] = {
    {"drop", OtherProtocols::kDrop},
    {"translate-address", OtherProtocols::kTranslateAddress},
};
constexpr Word<Alg> kAlg[] = {
    {"none", Alg::kNone},
    {"generic", Alg::kGeneric},
    {"sip", Alg::kSip},
};
constexpr Word<Unsolicited> kUnsolicited[] = {
    {"drop", Unsolicited::kDrop},
    {"reject", Unsolicited::kReject},
};
constexpr Word<FragmentMode> kFragments[] = {
    {"out-of-order", FragmentMode::kOutOfOrder},
    {"in-order", FragmentMode::kInOrder},
    {"drop", FragmentMode::kDrop},
};
constexpr Word<Ipv6Mode> kIpv6[] = {
    {"drop", Ipv6Mode::kDrop},
    {"route", Ipv6Mode::kRoute},
    {"firewall", Ipv6Mode::kFirewall},
    {"nptv6", Ipv6Mode::kNptv6},
};
constexpr Word<NatRefresh> kRefresh[] = {
    {"outbound", {.outbound = true, .inbound = false}},
    {"inbound", {.outbound = false, .inbound = true}},
    {"both", {.outbound = true, .inbound = true}},
};

// How a value of each type is read and written. `Access` maps a config to a
// reference to the value.

template <auto Access, const auto& Words>
void ReadWord(std::string_view key, TomlTable& table, NatConfig& config) {
  const auto text = table.OptionalString(key);
  if (!text) {
    return;
  }
  std::string known;
  for (const auto& word : Words) {
    if (word.name == *text) {
      Access(config) = word.value;
      return;
    }
    known += (known.empty() ? "" : ", ") + std::string(word.name);
  }
  table.Report(key, "'" + std::string(key) + "' cannot be '" + *text +
                        "' (known: " + known + ")");
}

template <auto Access, const auto& Words>
void WriteWord(std::string_view key, const NatConfig& config,
               toml::table& table) {
  for (const auto& word : Words) {
    if (word.value == Access(config)) {
      table.insert(key, word.name);
      return;
    }
  }
}

template <auto Access>
void ReadDuration(std::string_view key, TomlTable& table, NatConfig& config) {
  if (const auto duration = table.OptionalDuration(key)) {
    Access(config) = *duration;
  }
}

template <auto Access>
void WriteDuration(std::string_view key, const NatConfig& config,
                   toml::table& table) {
  table.insert(key, FormatDuration(Access(config)));
}

template <auto Access, int64_t kLeast, int64_t kMost>
void ReadInteger(std::string_view key, TomlTable& table, NatConfig& config) {
  if (const auto number = table.OptionalInteger(key, kLeast, kMost)) {
    auto& value = Access(config);
    value = static_cast<std::remove_reference_t<decltype(value)>>(*number);
  }
}

template <auto Access>
void WriteInteger(std::string_view key, const NatConfig& config,
                  toml::table& table) {
  table.insert(key, static_cast<int64_t>(Access(config)));
}

template <auto Access>
void ReadFlag(std::string_view key, TomlTable& table, NatConfig& config) {
  if (const auto flag = table.OptionalBool(key)) {
    Access(config) = *flag;
  }
}

template <auto Access>
void WriteFlag(std::string_view key, const NatConfig& config,
               toml::table& table) {
  table.insert(key, bool{Access(config)});
}

template <auto Access>
void ReadPorts(std::string_view key, TomlTable& table, NatConfig& config) {
  if (table.Has(key)) {
    Access(config).clear();
    for (const int64_t port : table.Integers(key, 1, 65535)) {
      Access(config).push_back(static_cast<uint16_t>(port));
    }
  }
}

template <auto Access>
void WritePorts(std::string_view key, const NatConfig& config,
                toml::table& table) {
  toml::array ports;
  for (const uint16_t port : Access(config)) {
    ports.push_back(int64_t{port});
  }
  table.insert(key, std::move(ports));
}

template <auto Access>
void ReadAddress6(std::string_view key, TomlTable& table, NatConfig& config) {
  if (const auto address = table.OptionalAddress(key, AddressFamily::kIpv6)) {
    Access(config) = *address;
  }
}

/// For optional values with a ToString().
template <auto Access>
void WriteOptional(std::string_view key, const NatConfig& config,
                   toml::table& table) {
  if (const auto& value = Access(config)) {
    table.insert(key, value->ToString());
  }
}

template <auto Access>
void ReadPrefix(std::string_view key, TomlTable& table, NatConfig& config) {
  if (const auto prefix = table.OptionalPrefix(key)) {
    Access(config) = *prefix;
  }
}

// The few keys whose values are like no other's.

/// A range that the file gives is meant for every port, low ones too, unless
/// the file also says keep_port_class (read later).
void ReadRange(std::string_view key, TomlTable& table, NatConfig& config) {
  const auto text = table.OptionalString(key);
  if (!text) {
    return;
  }
  if (const auto range = ParsePortRange(*text)) {
    config.port_range = *range;
    config.keep_port_class = false;
  } else {
    table.Report(key, "'" + std::string(key) + "' is not FIRST-LAST");
  }
}

void WriteRange(std::string_view key, const NatConfig& config,
                toml::table& table) {
  table.insert(key, FormatPortRange(config.port_range));
  table.insert("keep_port_class", config.keep_port_class);
}

void ReadForeignRate(std::string_view key, TomlTable& table,
                     NatConfig& config) {
  config.foreign_rate =
      table.OptionalNumber(key, 0, 1e6).value_or(config.foreign_rate);
}

void WriteForeignRate(std::string_view key, const NatConfig& config,
                      toml::table& table) {
  table.insert(key, config.foreign_rate);
}

void ReadExempt(std::string_view key, TomlTable& table, NatConfig& config) {
  for (const std::string& text : table.Strings(key)) {
    if (const auto prefix = ParseRange(text)) {
      config.exempt.push_back(*prefix);
    } else {
      table.Report(key, "'" + std::string(key) + "' " + prefix.error());
    }
  }
}

void WriteExempt(std::string_view key, const NatConfig& config,
                 toml::table& table) {
  toml::array prefixes;
  for (const IpPrefix& prefix : config.exempt) {
    prefixes.push_back(prefix.ToString());
  }
  table.insert(key, std::move(prefixes));
}

constexpr std::pair<std::string_view, bool PortMappingServices::*> kServices[] =
    {
        {"nat-pmp", &PortMappingServices::nat_pmp},
        {"pcp", &PortMappingServices::pcp},
        {"upnp", &PortMappingServices::upnp},
};

void ReadServices(std::string_view key, TomlTable& table, NatConfig& config) {
  for (const std::string& text : table.Strings(key)) {
    const auto* const found = std::ranges::find(
        kServices, text,
        [](const auto& service) { return std::string(service.first); });
    if (found == std::end(kServices)) {
      table.Report(key, "'" + std::string(key) + "' has '" + text +
                            "' (known: nat-pmp, pcp, upnp)");
    } else if (std::exchange(config.services.*(found->second), true)) {
      table.Report(key, "'" + std::string(key) + "' has '" + text + "' twice");
    }
  }
}

void WriteServices(std::string_view key, const NatConfig& config,
                   toml::table& table) {
  toml::array names;
  for (const auto& [name, member] : kServices) {
    if (config.services.*member) {
      names.push_back(name);
    }
  }
  table.insert(key, std::move(names));
}

// The table. ACCESS names a member of NatConfig.
#define NATKIT_ACCESS(member) [](auto& c) -> auto& { return c.member; }
#define NATKIT_WORD(member, words)        \
  ReadWord<NATKIT_ACCESS(member), words>, \
      WriteWord<NATKIT_ACCESS(member), words>
#define NATKIT_DURATION(member) \
  ReadDuration<NATKIT_ACCESS(member)>, WriteDuration<NATKIT_ACCESS(member)>
#define NATKIT_INTEGER(member, least, most)            \
  ReadInteger<NATKIT_ACCESS(member), (least), (most)>, \
      WriteInteger<NATKIT_ACCESS(member)>
#define NATKIT_FLAG(member) \
  ReadFlag<NATKIT_ACCESS(member)>, WriteFlag<NATKIT_ACCESS(member)>
#define NATKIT_PORTS(member) \
  ReadPorts<NATKIT_ACCESS(member)>, WritePorts<NATKIT_ACCESS(member)>

constexpr int64_t kMany = 1 << 24;
constexpr std::string_view kEiAdApd = "EI, AD, APD";
constexpr std::string_view kTime = "time";
constexpr std::string_view kFlag = "true, false";
constexpr std::string_view kNumber = "number";

constexpr NatKnob kKnobs[] = {
    {"mapping", kEiAdApd, "what a mapping depends on (RFC 4787 REQ-1)",
     NATKIT_WORD(mapping, kDependence)},
    {"filtering", kEiAdApd, "what a filter depends on (RFC 4787 REQ-8)",
     NATKIT_WORD(filtering, kDependence)},
    {"port_assignment",
     "preserve, preserve-overload, sequential, random, dynamic-block, "
     "deterministic-block",
     "how a mapping gets its port (RFC 4787 REQ-3, RFC 6888, RFC 7422)",
     NATKIT_WORD(port_assignment, kAssignment)},
    {"port_range", "\"FIRST-LAST\"", "external ports for every inside port",
     ReadRange, WriteRange},
    {"port_step", kNumber, "sequential: the next port minus the last one",
     NATKIT_INTEGER(port_step, -1024, 1024)},
    {"foreign_rate", "number per second",
     "sequential: mappings that others make meanwhile", ReadForeignRate,
     WriteForeignRate},
    {"block_size", kNumber, "ports per block (RFC 7753, RFC 7422)",
     NATKIT_INTEGER(block_size, 1, 65535)},
    {"blocks_per_host", kNumber, "dynamic-block: blocks of one subscriber",
     NATKIT_INTEGER(limits.blocks_per_host, 1, 1024)},
    {"keep_parity", kFlag, "even to even, odd to odd (RFC 4787 REQ-4)",
     NATKIT_FLAG(keep_parity)},
    {"keep_contiguity", kFlag, "p + 1 follows p (RFC 4787 section 4.2.3)",
     NATKIT_FLAG(keep_contiguity)},
    {"keep_port_class", kFlag, "below 1024 stays below 1024 (RFC 4787 REQ-3a)",
     NATKIT_FLAG(keep_port_class)},
    {"pooling", "paired, arbitrary",
     "which external address a mapping gets (RFC 4787 REQ-2)",
     NATKIT_WORD(pooling, kPooling)},
    {"hairpinning", "none, internal-source, external-source",
     "inside hosts by external addresses (RFC 4787 REQ-9, 9a)",
     NATKIT_WORD(hairpinning, kHairpinning)},
    {"timer_scope", "mapping, session",
     "what expires: mappings, or 5-tuples as in connection tracking",
     NATKIT_WORD(timer_scope, kTimerScope)},
    {"udp_timeout", kTime, "until packets went both ways (RFC 4787 REQ-5)",
     NATKIT_DURATION(timeouts.udp_unreplied)},
    {"udp_stream_timeout", kTime, "from then on (RFC 4787 REQ-5)",
     NATKIT_DURATION(timeouts.udp_assured)},
    {"assured_after", kTime,
     "udp_stream_timeout holds no sooner than this after the first packet",
     NATKIT_DURATION(timeouts.assured_after)},
    {"icmp_timeout", kTime, "echo and other queries (RFC 5508 REQ-2)",
     NATKIT_DURATION(timeouts.icmp)},
    {"tcp_opening_timeout", kTime, "half-open (RFC 5382 REQ-5, RFC 7857)",
     NATKIT_DURATION(timeouts.tcp_opening)},
    {"tcp_established_timeout", kTime, "established (RFC 5382 REQ-5)",
     NATKIT_DURATION(timeouts.tcp_established)},
    {"tcp_closing_timeout", kTime, "after FIN or RST (RFC 7857 section 2.1)",
     NATKIT_DURATION(timeouts.tcp_closing)},
    {"other_timeout", kTime, "other protocols, such as ESP; 0s: as UDP",
     NATKIT_DURATION(timeouts.other)},
    {"refresh", "outbound, inbound, both",
     "whose packets refresh the timer (RFC 4787 REQ-6)",
     NATKIT_WORD(refresh, kRefresh)},
    {"port_quarantine", kTime, "a freed port rests (RFC 6888 REQ-8)",
     NATKIT_DURATION(port_quarantine)},
    {"fragments", "out-of-order, in-order, drop",
     "fragment handling (RFC 4787 REQ-14)", NATKIT_WORD(fragments, kFragments)},
    {"fragment_timeout", kTime, "how long early fragments are held",
     NATKIT_DURATION(timeouts.fragment)},
    {"held_fragments", kNumber, "how many (RFC 4787 REQ-14a)",
     NATKIT_INTEGER(limits.held_fragments, 0, 65536)},
    {"translate_icmp_errors", kFlag,
     "ICMP errors pass, translated (RFC 4787 REQ-12, RFC 5508 REQ-4, 5)",
     NATKIT_FLAG(translate_icmp_errors)},
    {"other_protocols", "drop, translate-address",
     "what NAPT does with GRE, ESP and all else that has no ports",
     NATKIT_WORD(other_protocols, kOtherProtocols)},
    {"alg", "none, generic, sip",
     "rewrites addresses in UDP payloads (RFC 8489 section 14.2)",
     NATKIT_WORD(alg, kAlg)},
    {"shed_above", kNumber,
     "mappings above which new ones are APD (against RFC 4787 REQ-11)",
     NATKIT_INTEGER(shed_above, 0, kMany)},
    {"poisonable", kFlag,
     "an early inbound packet takes the port, as on Linux with open INPUT",
     NATKIT_FLAG(poisonable)},
    {"tcp_pickup", kFlag,
     "joins connections whose begin it has not seen or forgot, as Linux does",
     NATKIT_FLAG(tcp_pickup)},
    {"unsolicited", "drop, reject",
     "what packets without a mapping get (RFC 5382 REQ-4)",
     NATKIT_WORD(unsolicited, kUnsolicited)},
    {"syn_error_delay", kTime,
     "drop: until a TCP SYN is refused with ICMP, 0s: never (RFC 5382 REQ-4)",
     NATKIT_DURATION(syn_error_delay)},
    {"max_mappings", kNumber, "size of the table",
     NATKIT_INTEGER(limits.max_mappings, 1, kMany)},
    {"mappings_per_host", kNumber, "quota, 0: none (RFC 6888 REQ-4)",
     NATKIT_INTEGER(limits.mappings_per_host, 0, kMany)},
    {"max_sessions", kNumber, "remote endpoints of all mappings together",
     NATKIT_INTEGER(limits.max_sessions, 1, kMany)},
    {"sessions_per_mapping", kNumber, "remote endpoints of one mapping",
     NATKIT_INTEGER(limits.sessions_per_mapping, 1, kMany)},
    {"new_mappings_per_second", kNumber,
     "per host, 0: no limit (RFC 6888 REQ-4)",
     NATKIT_INTEGER(limits.new_mappings_per_second, 0, kMany)},
    {"when_full", "drop, icmp, evict-oldest",
     "at a limit (RFC 5508 REQ-8, RFC 6888 REQ-11)",
     NATKIT_WORD(limits.when_full, kWhenFull)},
    {"allow_udp", kFlag, "UDP passes", NATKIT_FLAG(policy.udp)},
    {"allow_tcp", kFlag, "TCP passes", NATKIT_FLAG(policy.tcp)},
    {"allow_icmp", kFlag, "pings pass", NATKIT_FLAG(policy.icmp)},
    {"udp_ports", "list", "remote UDP ports that may be contacted",
     NATKIT_PORTS(policy.udp_ports)},
    {"tcp_ports", "list", "remote TCP ports that may be contacted",
     NATKIT_PORTS(policy.tcp_ports)},
    {"exempt", "list of ranges",
     "destinations that are not translated (RFC 6888 REQ-6)", ReadExempt,
     WriteExempt},
    {"services", "list of nat-pmp, pcp, upnp",
     "port mapping services (RFC 6886, RFC 6887 and RFC 6888 REQ-9, UPnP IGD)",
     ReadServices, WriteServices},
    {"service_max_lifetime", kTime, "longest lease",
     NATKIT_DURATION(services.max_lifetime)},
    {"service_max_per_host", kNumber, "leases of one host",
     NATKIT_INTEGER(services.max_per_host, 1, 65536)},
    {"address_lifetime", kTime,
     "after it the box takes its next address and forgets; 0s: never",
     NATKIT_DURATION(address_lifetime)},
    {"inside_mtu", kNumber,
     "bytes (RFC 4787 REQ-13); as the link's if that is above 1500",
     NATKIT_INTEGER(inside_mtu, 576, 65535)},
    {"outside_mtu", kNumber,
     "bytes (RFC 4787 REQ-13); as the link's if that is above 1500",
     NATKIT_INTEGER(outside_mtu, 576, 65535)},
    {"decrement_ttl", kFlag, "is a hop", NATKIT_FLAG(decrement_ttl)},
    {"ipv6", "drop, route, firewall, nptv6",
     "what happens to IPv6 (RFC 6092, RFC 6296)", NATKIT_WORD(ipv6, kIpv6)},
    {"inside_address6", "address", "IPv6 gateway of the inside hosts",
     ReadAddress6<NATKIT_ACCESS(inside_address6)>,
     WriteOptional<NATKIT_ACCESS(inside_address6)>},
    {"outside_address6", "address", "IPv6 address on the outside",
     ReadAddress6<NATKIT_ACCESS(outside_address6)>,
     WriteOptional<NATKIT_ACCESS(outside_address6)>},
    {"outside_prefix6", "range", "nptv6: what the inside's cidr6 becomes",
     ReadPrefix<NATKIT_ACCESS(outside_prefix6)>,
     WriteOptional<NATKIT_ACCESS(outside_prefix6)>},
    {"nat64_prefix", "range", "nat64: a /96 (RFC 6052)",
     ReadPrefix<NATKIT_ACCESS(nat64_prefix)>,
     [](std::string_view key, const NatConfig& config, toml::table& table) {
       table.insert(key, config.nat64_prefix.ToString());
     }},
};

#undef NATKIT_ACCESS
#undef NATKIT_WORD
#undef NATKIT_DURATION
#undef NATKIT_INTEGER
#undef NATKIT_FLAG
#undef NATKIT_PORTS

}  // namespace

std::vector<Parameter> NatParameters() {
  std::vector<Parameter> parameters;
  for (const NatKnob& knob : kKnobs) {
    parameters.push_back({knob.key, knob.values, knob.meaning});
  }
  return parameters;
}

void ReadNatKnobs(TomlTable& table, NatConfig& config) {
  for (const NatKnob& knob : kKnobs) {
    knob.read(knob.key, table, config);
  }
}

void WriteNatKnobs(const NatConfig& config, const NatConfig& profile,
                   toml::table& table) {
  for (const NatKnob& knob : kKnobs) {
    toml::table ours;
    toml::table theirs;
    knob.write(knob.key, config, ours);
    knob.write(knob.key, profile, theirs);
    if (ours != theirs) {
      table.insert(ours.begin(), ours.end());
    }
  }
}

}  // namespace natkit::netsim
