#include "natkit/netsim/profile.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace natkit::netsim {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

// Where the behaviours come from.
constexpr std::string_view kRfc3489 = "RFC 3489 section 5";
constexpr std::string_view kRfc4787 = "RFC 4787 sections 4 to 6";
constexpr std::string_view kRfc6888 = "RFC 6888, RFC 7857";
constexpr std::string_view kLinux = "Linux netfilter, measured";
constexpr std::string_view kField = "reports from the field";

/// RFC 5382 REQ-4, RFC 6146 section 3.5.2.2.
constexpr Duration kSynErrorDelay = seconds(6);

void SetUdpTimeouts(NatConfig& config, Duration unreplied, Duration assured) {
  config.timeouts.udp_unreplied = unreplied;
  config.timeouts.udp_assured = assured;
}

NatConfig Router() {
  NatConfig config;
  config.translation = Translation::kNone;
  config.filtering = Dependence::kEndpointIndependent;
  config.ipv6 = Ipv6Mode::kRoute;
  return config;
}

/// Connection tracking: every 5-tuple for itself, refreshed from both sides;
/// the longer lifetime begins with the first packet after two seconds.
void TrackLikeLinux(NatConfig& config) {
  config.mapping = Dependence::kAddressAndPortDependent;
  config.filtering = Dependence::kAddressAndPortDependent;
  config.port_assignment = PortAssignment::kPreserveOverload;
  config.keep_port_class = true;
  config.timer_scope = TimerScope::kSession;
  config.refresh = {.outbound = true, .inbound = true};
  config.tcp_pickup = true;
  SetUdpTimeouts(config, seconds(30), seconds(120));
  config.timeouts.assured_after = seconds(2);
  config.timeouts.icmp = seconds(30);
  config.other_protocols = OtherProtocols::kTranslateAddress;
  config.timeouts.other = seconds(600);
  config.timeouts.tcp_opening = seconds(120);
  config.timeouts.tcp_established = seconds(432000);
  config.timeouts.tcp_closing = seconds(120);
}

NatConfig Firewall() {
  NatConfig config = Router();
  TrackLikeLinux(config);
  config.ipv6 = Ipv6Mode::kFirewall;
  return config;
}

NatConfig Cone(Dependence filtering) {
  NatConfig config;
  config.filtering = filtering;
  config.hairpinning = Hairpinning::kExternalSource;
  SetUdpTimeouts(config, seconds(300), seconds(300));
  return config;
}

NatConfig FullCone() {
  return Cone(Dependence::kEndpointIndependent);
}

NatConfig RestrictedCone() {
  return Cone(Dependence::kAddressDependent);
}

NatConfig PortRestricted() {
  NatConfig config;
  SetUdpTimeouts(config, seconds(120), seconds(120));
  return config;
}

NatConfig LinuxMasquerade() {
  NatConfig config;
  TrackLikeLinux(config);
  return config;
}

NatConfig LinuxPoisonable() {
  NatConfig config = LinuxMasquerade();
  config.poisonable = true;
  config.unsolicited = Unsolicited::kReject;
  return config;
}

NatConfig LinuxRandomFully() {
  NatConfig config = LinuxMasquerade();
  config.port_assignment = PortAssignment::kRandom;
  return config;
}

NatConfig Symmetric() {
  NatConfig config = LinuxRandomFully();
  SetUdpTimeouts(config, seconds(60), seconds(120));
  return config;
}

/// A symmetric NAT whose mappings are objects of their own.
NatConfig SymmetricWith(Dependence dependence, PortAssignment assignment) {
  NatConfig config;
  config.mapping = dependence;
  config.filtering = dependence;
  config.port_assignment = assignment;
  SetUdpTimeouts(config, seconds(60), seconds(60));
  return config;
}

NatConfig SymmetricAddress() {
  return SymmetricWith(Dependence::kAddressDependent, PortAssignment::kRandom);
}

NatConfig SymmetricSequential() {
  return SymmetricWith(Dependence::kAddressAndPortDependent,
                       PortAssignment::kSequential);
}

NatConfig BsdPf() {
  NatConfig config = SymmetricWith(Dependence::kAddressAndPortDependent,
                                   PortAssignment::kRandom);
  config.port_range = {.first = 50001, .last = 65535};
  config.other_protocols = OtherProtocols::kTranslateAddress;
  config.timer_scope = TimerScope::kSession;
  config.refresh = {.outbound = true, .inbound = true};
  return config;
}

NatConfig CgnRandom() {
  NatConfig config;
  config.port_assignment = PortAssignment::kRandom;
  config.limits.mappings_per_host = 2048;
  config.port_quarantine = seconds(120);
  config.syn_error_delay = kSynErrorDelay;
  SetUdpTimeouts(config, seconds(120), seconds(300));
  return config;
}

NatConfig CgnPortBlock() {
  NatConfig config = FullCone();
  config.port_assignment = PortAssignment::kDynamicBlock;
  config.block_size = 2048;
  config.syn_error_delay = kSynErrorDelay;
  config.limits.mappings_per_host = 2048;
  return config;
}

NatConfig CgnDeterministic() {
  NatConfig config = CgnPortBlock();
  config.port_assignment = PortAssignment::kDeterministicBlock;
  config.block_size = 252;  // 64,512 ports: one address serves a /24
  config.limits.mappings_per_host = 252;
  return config;
}

NatConfig CgnCellular() {
  NatConfig config;
  config.mapping = Dependence::kAddressAndPortDependent;
  config.port_assignment = PortAssignment::kDynamicBlock;
  config.block_size = 1024;
  config.limits.blocks_per_host = 4;
  config.pooling = Pooling::kArbitrary;
  SetUdpTimeouts(config, seconds(30), seconds(60));
  return config;
}

NatConfig Mobile() {
  NatConfig config;
  config.port_assignment = PortAssignment::kRandom;
  SetUdpTimeouts(config, seconds(30), seconds(60));
  config.timeouts.tcp_established = minutes(30);
  config.address_lifetime = minutes(10);
  return config;
}

NatConfig UdpBlocked() {
  NatConfig config = LinuxMasquerade();
  config.policy.udp = false;
  return config;
}

NatConfig CorporateFirewall() {
  NatConfig config = UdpBlocked();
  config.policy.icmp = false;
  config.policy.tcp_ports = {443};
  return config;
}

NatConfig DnsOnly() {
  NatConfig config = LinuxMasquerade();
  config.policy.udp_ports = {53};
  return config;
}

NatConfig Hotel() {
  NatConfig config = LinuxMasquerade();
  config.policy.icmp = false;
  config.policy.udp_ports = {53};
  config.policy.tcp_ports = {53, 80, 443};
  return config;
}

NatConfig Nat64() {
  NatConfig config = RestrictedCone();
  config.translation = Translation::kNat64;
  config.syn_error_delay = kSynErrorDelay;
  // 64:ff9b::/96 (RFC 6052 section 2.1).
  config.nat64_prefix =
      IpPrefix::Make(IpAddress::V6({0x00, 0x64, 0xff, 0x9b}), 96)
          .value_or(IpPrefix());
  return config;
}

NatConfig OneToOne() {
  NatConfig config = FullCone();
  config.translation = Translation::kOneToOne;
  constexpr auto kForever = hours(24 * 365);
  SetUdpTimeouts(config, kForever, kForever);
  return config;
}

constexpr std::array kProfiles = {
    ProfileInfo{"open", "none", "none", "EI",
                "router: forwards both ways, translates nothing", kRfc3489, "",
                Router},
    ProfileInfo{"firewall-only", "firewall", "none", "APD",
                "router that lets in only what answers the inside", kRfc3489,
                "", Firewall},
    ProfileInfo{"full-cone", "", "EI", "EI",
                "any outside host reaches a mapped port", kRfc3489, "",
                FullCone},
    ProfileInfo{"restricted-cone", "restricted addr-restricted", "EI", "AD",
                "a mapped port admits the addresses contacted before", kRfc3489,
                "", RestrictedCone},
    ProfileInfo{"port-restricted", "", "EI", "APD",
                "a home router: admits the endpoints contacted before",
                kRfc3489, "", PortRestricted},
    ProfileInfo{"symmetric", "symmetric-random", "APD", "APD",
                "every destination sees another random port", kRfc3489, "",
                Symmetric},
    ProfileInfo{"symmetric-addr", "", "AD", "AD",
                "every destination address sees another random port", kRfc4787,
                "", SymmetricAddress},
    ProfileInfo{"symmetric-seq", "", "APD", "APD",
                "every destination sees the next port (see port_step)",
                kRfc4787, "", SymmetricSequential},
    ProfileInfo{"linux-masquerade", "linux-clean", "APD", "APD",
                "nftables masquerade, WAN input closed: keeps ports (seems EI)",
                kLinux, "", LinuxMasquerade},
    ProfileInfo{"linux-poisonable", "", "APD", "APD",
                "the same with open WAN input: an early inbound packet to a "
                "port makes the inside host's later flow leave from another",
                kLinux, "", LinuxPoisonable},
    ProfileInfo{"linux-random-fully", "", "APD", "APD",
                "nftables masquerade fully-random: a random port per flow",
                kLinux, "", LinuxRandomFully},
    ProfileInfo{"bsd-pf", "", "APD", "APD",
                "FreeBSD pf and its kin: random ports 50001 to 65535", kField,
                "", BsdPf},
    ProfileInfo{"cgn-random", "", "EI", "APD",
                "carrier: random ports, 2048 mappings per subscriber", kRfc6888,
                "", CgnRandom},
    ProfileInfo{"cgn-port-block", "cgn-rfc6888", "EI", "EI",
                "carrier: a block of 2048 ports per subscriber, hairpinning",
                kRfc6888, "", CgnPortBlock},
    ProfileInfo{"cgn-deterministic", "", "EI", "EI",
                "carrier: the port block is computed from the inside address",
                "RFC 7422", "", CgnDeterministic},
    ProfileInfo{"cgn-cellular", "", "APD", "APD",
                "carrier: blocks of 1024 ports, any address of the pool, "
                "short timeouts",
                kField, "", CgnCellular},
    ProfileInfo{"home-over-cgn", "", "EI", "APD",
                "two boxes: port-restricted at home, cgn-port-block beyond",
                kRfc6888, "cgn-port-block", PortRestricted},
    ProfileInfo{"home-over-cellular", "", "APD", "APD",
                "two boxes: port-restricted at home, cgn-cellular beyond",
                kField, "cgn-cellular", PortRestricted},
    ProfileInfo{"cgn", "", "APD", "APD",
                "two boxes: port-restricted at home, symmetric beyond", kField,
                "symmetric", PortRestricted},
    ProfileInfo{"mobile", "", "EI", "APD",
                "a phone's carrier: short timeouts, another address (and no "
                "state) every ten minutes",
                kField, "", Mobile},
    ProfileInfo{"udp-blocked", "", "-", "-", "drops all UDP; TCP and ICMP pass",
                kField, "", UdpBlocked},
    ProfileInfo{"corporate-firewall", "", "-", "-",
                "lets out TCP to port 443 and nothing else", kField, "",
                CorporateFirewall},
    ProfileInfo{"hotel", "", "-", "-",
                "lets out DNS and TCP to ports 80 and 443", kField, "", Hotel},
    ProfileInfo{"dns-only", "", "-", "-",
                "lets out UDP to port 53 alone; TCP and ICMP pass", kField, "",
                DnsOnly},
    ProfileInfo{"nat64", "", "EI", "AD",
                "IPv6 inside, IPv4 outside, prefix 64:ff9b::/96", "RFC 6146",
                "", Nat64},
    ProfileInfo{"one-to-one", "", "EI", "EI",
                "an external address per inside host, ports stay",
                "RFC 3022 section 2.1", "", OneToOne},
};

bool HasAlias(const ProfileInfo& info, std::string_view name) {
  std::string_view rest = info.aliases;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(' '), rest.size());
    if (rest.substr(0, end) == name) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

}  // namespace

std::span<const ProfileInfo> Profiles() {
  return kProfiles;
}

const ProfileInfo* FindProfile(std::string_view name) {
  const auto* found =
      std::ranges::find_if(kProfiles, [name](const ProfileInfo& info) {
        return info.name == name || HasAlias(info, name);
      });
  return found == kProfiles.end() ? nullptr : found;
}

}  // namespace natkit::netsim
