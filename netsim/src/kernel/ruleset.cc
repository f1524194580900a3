#include <chrono>
#include <string>

#include "kernel/nat_kind.h"
#include "natkit/netsim/plan.h"

// Every ruleset is one table. Interfaces: lan0 is the inside, wan0 the
// outside. How each profile gets its RFC 4787 behaviour out of the kernel:
//
// - Mapping. The kernel keeps the inside port when it is free, toward every
//   destination: endpoint-independent unless two hosts contend. With
//   fully-random each flow gets its own port: address-and-port-dependent.
// - Filtering. A kernel flow admits only its own peer, hence the
//   address-and-port-dependent default. The cone profiles learn each mapping
//   in a dynamic map and translate unsolicited inbound packets by it.
// - Poisoning. An inbound packet that no rule drops is delivered to the box
//   itself and becomes a flow; an inside host that later sends to that peer
//   from the same port then finds the port taken. `ct state new,invalid drop`
//   on the way in keeps that flow from being confirmed.

namespace natkit::netsim {
namespace {

std::string Seconds(Duration duration) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

/// `masquerade`, or `snat` for a pool, with ports.
std::string TranslateVerb(const Nat& nat) {
  std::string verb = "masquerade";
  if (nat.addresses.size() > 1) {
    verb = "snat to " + nat.addresses.front().ToString() + "-" +
           nat.addresses.back().ToString();
  }
  return verb;
}

/// Without a range the kernel keeps ports below 1024 below 1024.
bool HasPortRange(const Nat& nat) {
  return !nat.config.keep_port_class;
}

std::string PortSuffix(const Nat& nat) {
  if (!HasPortRange(nat)) {
    return {};
  }
  return (nat.addresses.size() > 1 ? ":" : " to :") +
         std::to_string(nat.config.port_range.first) + "-" +
         std::to_string(nat.config.port_range.last);
}

std::string TranslateFlags(const Nat& nat) {
  const bool random = nat.config.port_assignment == PortAssignment::kRandom;
  const bool persistent =
      nat.addresses.size() > 1 && nat.config.pooling == Pooling::kPaired;
  if (random && persistent) {
    return " fully-random,persistent";
  }
  return random ? " fully-random" : persistent ? " persistent" : "";
}

std::string Postrouting(const Nat& nat) {
  std::string rules;
  const std::string flags = TranslateFlags(nat);
  for (const IpPrefix& prefix : nat.config.exempt) {
    rules += "    oifname \"wan0\" ip daddr " + prefix.ToString() + " accept\n";
  }
  if (IsCone(nat)) {
    // Hairpinned: the receiver sees the sender's external address. The port
    // is kept, so it is the sender's mapping.
    rules += "    iifname \"lan0\" oifname \"lan0\" ct status dnat snat to " +
             nat.addresses.front().ToString() + "\n";
  }
  if (HasPortRange(nat)) {
    rules += "    oifname \"wan0\" meta l4proto { tcp, udp } " +
             TranslateVerb(nat) + PortSuffix(nat) + flags + "\n";
  }
  rules += "    oifname \"wan0\" " + TranslateVerb(nat) + flags + "\n";
  return "  chain postrouting {\n"
         "    type nat hook postrouting priority srcnat;\n" +
         rules + "  }\n";
}

/// The learned mappings: external port (equal to the inside port) to inside
/// endpoint; for the restricted cone also which addresses it contacted.
std::string ConeTables(const Nat& nat) {
  const bool restricted = nat.config.filtering == Dependence::kAddressDependent;
  const std::string timeout = Seconds(nat.config.timeouts.udp_unreplied) + "s";
  std::string text =
      "  map mappings {\n"
      "    type inet_service : ipv4_addr . inet_service\n"
      "    size 65535\n    flags dynamic,timeout\n    timeout " +
      timeout + "\n  }\n";
  if (restricted) {
    text +=
        "  set contacted {\n"
        "    type ipv4_addr . inet_service . ipv4_addr\n"
        "    size 65535\n    flags dynamic,timeout\n    timeout " +
        timeout + "\n  }\n";
  }
  return text;
}

/// Every packet from the inside makes or refreshes its mapping and opens its
/// filter, also a hairpinned one that the receiver's filter then drops.
std::string Learn(const Nat& nat) {
  std::string rules =
      "    iifname \"lan0\" ip protocol udp "
      "update @mappings { udp sport : ip saddr . udp sport }\n";
  if (nat.config.filtering == Dependence::kAddressDependent) {
    rules +=
        "    iifname \"lan0\" ip protocol udp "
        "update @contacted { ip saddr . udp sport . ct original ip daddr }\n";
  }
  return rules;
}

/// Inbound translation: the owner's forwards, then what was learnt. A cone
/// hairpins, so its own external address is also found from the inside.
std::string Prerouting(const Nat& nat) {
  std::string rules;
  const std::string external = nat.addresses.front().ToString();
  for (const StaticForward& forward : nat.config.forwards) {
    rules += "    ip daddr " + external +
             (forward.protocol == 6 ? " tcp dport " : " udp dport ") +
             std::to_string(forward.external_port) + " dnat to " +
             forward.inside.ToString() + "\n";
  }
  if (IsCone(nat)) {
    rules += "    ip daddr " + external +
             " ip protocol udp dnat to udp dport map @mappings\n";
  }
  if (rules.empty()) {
    return {};
  }
  return "  chain prerouting {\n"
         "    type nat hook prerouting priority dstnat;\n" +
         rules + "  }\n";
}

std::string PortList(const std::vector<uint16_t>& ports) {
  std::string list;
  for (const uint16_t port : ports) {
    list += (list.empty() ? "" : ", ") + std::to_string(port);
  }
  return "{ " + list + " }";
}

/// What may not leave. A policy names what it lets out: other protocols stay.
std::string PolicyRules(const NatPolicy& policy) {
  if (policy == NatPolicy{}) {
    return {};
  }
  std::string rules = "    meta l4proto != { tcp, udp, icmp } drop\n";
  const auto protocol = [&rules](std::string_view name, bool is_allowed,
                                 const std::vector<uint16_t>& ports) {
    if (!is_allowed) {
      rules += "    meta l4proto " + std::string(name) + " drop\n";
    } else if (!ports.empty()) {
      rules += "    iifname \"lan0\" " + std::string(name) +
               " dport != " + PortList(ports) + " drop\n";
    }
  };
  protocol("udp", policy.udp, policy.udp_ports);
  protocol("tcp", policy.tcp, policy.tcp_ports);
  if (!policy.icmp) {
    rules += "    icmp type { echo-request, echo-reply } drop\n";
  }
  return rules;
}

std::string Forward(const Nat& nat) {
  std::string rules = PolicyRules(nat.config.policy);
  if (IsCone(nat)) {
    rules += Learn(nat);
  }
  if (!nat.config.tcp_pickup) {
    // They would pass untranslated.
    rules += "    meta l4proto tcp ct state invalid drop\n";
  }
  rules += "    ct state established,related accept\n";
  if (!nat.config.forwards.empty() ||
      (IsCone(nat) &&
       nat.config.filtering == Dependence::kEndpointIndependent)) {
    rules += "    ct status dnat accept\n";
  } else if (IsCone(nat)) {
    rules +=
        "    iifname \"wan0\" ct status dnat ip protocol udp "
        "ip daddr . udp dport . ip saddr @contacted accept\n"
        // A hairpinned packet comes from the box's own external address.
        "    iifname \"lan0\" ct status dnat ip protocol udp "
        "ip daddr . udp dport . ct original ip daddr @contacted accept\n"
        "    iifname \"lan0\" ct status dnat drop\n";
  }
  return "  chain forward {\n"
         "    type filter hook forward priority filter;\n" +
         rules + "    iifname \"wan0\" drop\n  }\n";
}

/// ICMP passes, so that `ping` of a box works from both sides.
std::string Input(const Nat& nat) {
  if (nat.config.unsolicited == Unsolicited::kReject) {
    return {};
  }
  return "  chain input {\n"
         "    type filter hook input priority filter;\n"
         "    iifname \"wan0\" meta l4proto != icmp ct state new,invalid drop\n"
         "  }\n";
}

}  // namespace

std::string MakeRuleset(const Nat& nat) {
  std::string text = "flush ruleset\ntable ip netsim {\n";
  const bool is_router =
      !nat.Translates() &&
      nat.config.filtering == Dependence::kEndpointIndependent;
  if (!is_router) {
    if (IsCone(nat)) {
      text += ConeTables(nat);
    }
    if (nat.Translates()) {
      text += Prerouting(nat) + Postrouting(nat);
    }
    text += Forward(nat) + Input(nat);
  }
  return text + "}\n";
}

std::string MakeUdpBlock() {
  return "add table inet netsim_block\n"
         "delete table inet netsim_block\n"
         "table inet netsim_block {\n"
         "  chain forward {\n"
         "    type filter hook forward priority filter - 10;\n"
         "    meta l4proto udp drop\n"
         "  }\n"
         "}\n";
}

std::string MakeUdpUnblock() {
  return "add table inet netsim_block\ndelete table inet netsim_block\n";
}

}  // namespace natkit::netsim
