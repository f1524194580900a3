#include <string>

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
//   from the same port then finds the port taken. `ct state new drop` on the
//   way in keeps that flow from being confirmed.

namespace natkit::netsim {
namespace {

constexpr std::string_view kConeTimeout = "300s";

/// `masquerade`, or `snat` for a pool, with ports.
std::string TranslateVerb(const Nat& nat) {
  std::string verb = "masquerade";
  if (nat.addresses.size() > 1) {
    verb = "snat to " + nat.addresses.front().ToString() + "-" +
           nat.addresses.back().ToString();
  }
  return verb;
}

std::string PortSuffix(const Nat& nat) {
  if (!nat.options.port_range) {
    return {};
  }
  return (nat.addresses.size() > 1 ? ":" : " to :") +
         std::to_string(nat.options.port_range->first) + "-" +
         std::to_string(nat.options.port_range->last);
}

std::string TranslateFlags(const Nat& nat) {
  const bool random = nat.profile == NatProfile::kSymmetric;
  const bool persistent =
      nat.addresses.size() > 1 && nat.options.pooling == Pooling::kPaired;
  if (random && persistent) {
    return " fully-random,persistent";
  }
  return random ? " fully-random" : persistent ? " persistent" : "";
}

std::string Postrouting(const Nat& nat) {
  std::string rules;
  const std::string flags = TranslateFlags(nat);
  if (nat.options.port_range) {
    rules += "    oifname \"wan0\" meta l4proto { tcp, udp } " +
             TranslateVerb(nat) + PortSuffix(nat) + flags + "\n";
  }
  rules += "    oifname \"wan0\" " + TranslateVerb(nat) + flags + "\n";
  return "  chain postrouting {\n"
         "    type nat hook postrouting priority srcnat;\n" +
         rules + "  }\n";
}

bool IsCone(NatProfile profile) {
  return profile == NatProfile::kFullCone || profile == NatProfile::kRestricted;
}

/// The learned mappings: external port (equal to the inside port) to inside
/// endpoint; for the restricted cone also which addresses it contacted.
std::string ConeTables(const Nat& nat) {
  const bool restricted = nat.profile == NatProfile::kRestricted;
  const std::string timeout(kConeTimeout);
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
  text +=
      "  chain learn {\n"
      "    type filter hook postrouting priority srcnat - 10;\n"
      "    iifname \"lan0\" oifname \"wan0\" ip protocol udp "
      "update @mappings { udp sport : ip saddr . udp sport }\n";
  if (restricted) {
    text +=
        "    iifname \"lan0\" oifname \"wan0\" ip protocol udp "
        "update @contacted { ip saddr . udp sport . ip daddr }\n";
  }
  return text +
         "  }\n"
         "  chain prerouting {\n"
         "    type nat hook prerouting priority dstnat;\n"
         "    iifname \"wan0\" ip protocol udp "
         "dnat to udp dport map @mappings\n"
         "  }\n";
}

std::string Forward(const Nat& nat) {
  std::string rules;
  if (nat.profile == NatProfile::kUdpBlocked) {
    rules += "    meta l4proto udp drop\n";
  }
  rules += "    iifname \"wan0\" ct state established,related accept\n";
  if (nat.profile == NatProfile::kFullCone) {
    rules += "    iifname \"wan0\" ct status dnat accept\n";
  }
  if (nat.profile == NatProfile::kRestricted) {
    rules +=
        "    iifname \"wan0\" ct status dnat ip protocol udp "
        "ip daddr . udp dport . ip saddr @contacted accept\n";
  }
  return "  chain forward {\n"
         "    type filter hook forward priority filter;\n" +
         rules + "    iifname \"wan0\" drop\n  }\n";
}

/// ICMP passes, so that `ping` of a box works from both sides.
std::string Input(const Nat& nat) {
  if (nat.profile == NatProfile::kLinuxPoisonable) {
    return {};
  }
  return "  chain input {\n"
         "    type filter hook input priority filter;\n"
         "    iifname \"wan0\" meta l4proto != icmp ct state new drop\n"
         "  }\n";
}

}  // namespace

std::string MakeRuleset(const Nat& nat) {
  std::string text = "flush ruleset\ntable ip netsim {\n";
  if (nat.profile != NatProfile::kNone) {
    if (IsCone(nat.profile)) {
      text += ConeTables(nat);
    }
    if (Translates(nat.profile)) {
      text += Postrouting(nat);
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
