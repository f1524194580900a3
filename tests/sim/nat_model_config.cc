// Random configurations for the comparison of engine and model.

#include <array>
#include <chrono>

#include "nat_model_run.h"

namespace natkit::netsim {
namespace {

template <class T, size_t kSize>
T Pick(SimRng& rng, const std::array<T, kSize>& choices) {
  return choices[rng.NextBelow(kSize)];
}

template <class Enum>
Enum PickEnum(SimRng& rng, uint32_t count) {
  return static_cast<Enum>(rng.NextBelow(count));
}

Duration PickLifetime(SimRng& rng) {
  return std::chrono::milliseconds(500 + rng.NextBelow(20'000));
}

constexpr size_t kFewSessions = 10;

IpAddress External(uint32_t index) {
  return IpAddress::V4(198, 51, 100, static_cast<uint8_t>(1 + index));
}

void DrawPorts(NatConfig& config, SimRng& rng) {
  config.port_range.first = Pick<uint16_t, 3>(rng, {1024, 2000, 40'000});
  const bool has_blocks =
      config.port_assignment == PortAssignment::kDynamicBlock ||
      config.port_assignment == PortAssignment::kDeterministicBlock;
  config.block_size = Pick<uint16_t, 4>(rng, {4, 8, 16, 32});
  const auto size = has_blocks
                        ? config.block_size * Pick<uint32_t, 3>(rng, {4, 8, 12})
                        : Pick<uint32_t, 6>(rng, {7, 13, 31, 61, 127, 251});
  config.port_range.last =
      static_cast<uint16_t>(config.port_range.first + size - 1);
  config.port_step = Pick<int, 6>(rng, {1, 1, 2, -1, 3, -5});
  config.foreign_rate = rng.Chance(0.1) ? 20.0 : 0.0;
  config.keep_parity = rng.Chance(0.2);
  config.keep_contiguity = rng.Chance(0.2);
  config.keep_port_class = !has_blocks && rng.Chance(0.2);
  config.limits.blocks_per_host = 1 + rng.NextBelow(3);
  config.pooling = PickEnum<Pooling>(rng, 2);
  const bool is_router = config.translation == Translation::kNone;
  const uint32_t pool = is_router || rng.Chance(0.5) ? 1 : 2 + rng.NextBelow(3);
  for (uint32_t i = 0; i < pool; ++i) {
    config.external.push_back(External(i));
  }
  if (rng.Chance(0.2)) {
    config.port_quarantine = PickLifetime(rng);
  }
}

void DrawTimers(NatConfig& config, SimRng& rng) {
  NatTimeouts& timeouts = config.timeouts;
  timeouts.udp_unreplied = PickLifetime(rng);
  timeouts.udp_assured =
      rng.Chance(0.3) ? timeouts.udp_unreplied : PickLifetime(rng);
  if (rng.Chance(0.5)) {
    timeouts.assured_after = std::chrono::milliseconds(rng.NextBelow(4000));
  }
  timeouts.icmp = PickLifetime(rng);
  timeouts.tcp_opening = PickLifetime(rng);
  timeouts.tcp_established = 3 * PickLifetime(rng);
  timeouts.tcp_closing = PickLifetime(rng);
  config.refresh = {.outbound = rng.Chance(0.9), .inbound = rng.Chance(0.5)};
}

void DrawLimits(NatConfig& config, SimRng& rng) {
  NatLimits& limits = config.limits;
  limits.max_mappings = 15 + rng.NextBelow(60);
  if (rng.Chance(0.3)) {
    limits.mappings_per_host = 3 + rng.NextBelow(30);
  }
  if (rng.Chance(0.2)) {
    limits.sessions_per_mapping = 2 + rng.NextBelow(4);
  }
  if (rng.Chance(0.2)) {
    limits.new_mappings_per_second = 2 + rng.NextBelow(6);
  }
  limits.when_full = PickEnum<WhenFull>(rng, 3);
  const bool has_blocks =
      config.port_assignment == PortAssignment::kDynamicBlock ||
      config.port_assignment == PortAssignment::kDeterministicBlock;
  if (config.port_assignment == PortAssignment::kDeterministicBlock) {
    limits.when_full = WhenFull::kDrop;
  }
  if (!has_blocks &&
      config.port_assignment != PortAssignment::kPreserveOverload &&
      limits.when_full != WhenFull::kEvictOldest && rng.Chance(0.15)) {
    config.shed_above = 4 + rng.NextBelow(20);
  }
}

void DrawRest(NatConfig& config, SimRng& rng) {
  config.hairpinning = PickEnum<Hairpinning>(rng, 3);
  config.translate_icmp_errors =
      config.translation != Translation::kNapt || rng.Chance(0.9);
  config.poisonable =
      config.translation == Translation::kNapt && rng.Chance(0.25);
  config.unsolicited = PickEnum<Unsolicited>(rng, 2);
  config.decrement_ttl = rng.Chance(0.9);
  if (config.translation == Translation::kNapt && rng.Chance(0.2)) {
    config.policy = {.udp = rng.Chance(0.9),
                     .tcp = rng.Chance(0.8),
                     .icmp = rng.Chance(0.6)};
    if (rng.Chance(0.5)) {
      config.policy.udp_ports = {53, 3478};
      config.policy.tcp_ports = {3478};
    }
  }
  if (config.translation == Translation::kNapt && rng.Chance(0.3)) {
    config.exempt.push_back(
        IpPrefix::Make(IpAddress::V4(203, 0, 113, 128), 25).value());
  }
  if (config.translation == Translation::kNapt && config.external.size() == 1 &&
      config.policy == NatPolicy{} &&
      config.limits.sessions_per_mapping > kFewSessions && rng.Chance(0.3)) {
    config.forwards.push_back(
        {.protocol = static_cast<uint8_t>(rng.Chance(0.5) ? 17 : 6),
         .external_port = static_cast<uint16_t>(
             rng.Chance(0.5) ? config.port_range.first + 2 : 443),
         .inside = {IpAddress::V4(10, 0, 0, 2), 8443}});
  }
  if (rng.Chance(0.15)) {
    config.address_lifetime = 10 * PickLifetime(rng);
  }
  config.inside_mtu = Pick<uint16_t, 3>(rng, {1500, 1280, 600});
  config.outside_mtu = Pick<uint16_t, 3>(rng, {1500, 1400, 600});
}

}  // namespace

/// The combinations go round by seed, so that 108 runs in a row have all of
/// them; the rest is random.
NatConfig DrawConfig(SimRng& rng, uint64_t seed) {
  while (true) {
    NatConfig config;
    config.inside_address = IpAddress::V4(10, 0, 0, 1);
    const uint32_t kind = rng.NextBelow(12);
    config.translation = kind == 0   ? Translation::kNone
                         : kind == 1 ? Translation::kOneToOne
                                     : Translation::kNapt;
    config.mapping = static_cast<Dependence>(seed % 3);
    config.filtering = static_cast<Dependence>(seed / 3 % 3);
    config.timer_scope = static_cast<TimerScope>(seed / 9 % 2);
    config.port_assignment = static_cast<PortAssignment>(seed / 18 % 6);
    if (config.port_assignment == PortAssignment::kPreserveOverload) {
      // Only remote endpoints tell the flows of a shared port apart.
      config.mapping = Dependence::kAddressAndPortDependent;
      config.filtering = Dependence::kAddressAndPortDependent;
    }
    DrawPorts(config, rng);
    DrawTimers(config, rng);
    DrawLimits(config, rng);
    DrawRest(config, rng);
    if (FindProblems(config).empty()) {
      return config;
    }
  }
}

std::string Describe(const NatConfig& c) {
  const auto number = [](const char* name, auto value) {
    return std::string(" ") + name + '=' + std::to_string(value);
  };
  const auto time = [&](const char* name, Duration value) {
    return number(name, value.count());
  };
  const NatLimits& l = c.limits;
  const NatTimeouts& t = c.timeouts;
  return number("translation", int(c.translation)) +
         number("mapping", int(c.mapping)) +
         number("filtering", int(c.filtering)) +
         number("ports", int(c.port_assignment)) +
         number("first", c.port_range.first) +
         number("last", c.port_range.last) + number("step", c.port_step) +
         number("foreign", c.foreign_rate) + number("block", c.block_size) +
         number("parity", c.keep_parity) +
         number("contiguity", c.keep_contiguity) +
         number("class", c.keep_port_class) +
         number("pool", c.external.size()) + number("pooling", int(c.pooling)) +
         number("hairpin", int(c.hairpinning)) +
         number("scope", int(c.timer_scope)) +
         time("quarantine", c.port_quarantine) + "\n  " +
         time("unreplied", t.udp_unreplied) + time("assured", t.udp_assured) +
         time("assured_after", t.assured_after) + time("icmp", t.icmp) +
         time("opening", t.tcp_opening) +
         time("established", t.tcp_established) +
         time("closing", t.tcp_closing) + number("out", c.refresh.outbound) +
         number("in", c.refresh.inbound) + "\n  " +
         number("max", l.max_mappings) +
         number("per_host", l.mappings_per_host) +
         number("blocks", l.blocks_per_host) +
         number("sessions", l.sessions_per_mapping) +
         number("rate", l.new_mappings_per_second) +
         number("when_full", int(l.when_full)) + number("shed", c.shed_above) +
         number("poison", c.poisonable) +
         number("unsolicited", int(c.unsolicited)) +
         number("errors", c.translate_icmp_errors) +
         number("forwards", c.forwards.size()) +
         number("exempt", c.exempt.size()) + number("ttl", c.decrement_ttl) +
         time("address_lifetime", c.address_lifetime) +
         number("policy_udp", c.policy.udp) + number("tcp", c.policy.tcp) +
         number("icmp", c.policy.icmp) +
         number("udp_ports", c.policy.udp_ports.size()) +
         number("tcp_ports", c.policy.tcp_ports.size()) +
         number("inside_mtu", c.inside_mtu) +
         number("outside_mtu", c.outside_mtu);
}

}  // namespace natkit::netsim
