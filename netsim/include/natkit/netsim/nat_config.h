#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::netsim {

/// What a mapping or a filter depends on (RFC 4787 sections 4.1 and 5).
enum class Dependence : uint8_t {
  kEndpointIndependent,
  kAddressDependent,
  kAddressAndPortDependent,
};

/// What a box does to IPv4 addresses.
enum class Translation : uint8_t {
  kNone,      ///< a router; with filtering other than EI a firewall
  kNapt,      ///< addresses and ports (RFC 3022 section 2.2)
  kOneToOne,  ///< basic NAT: the i-th inside host owns the i-th external
              ///< address, ports stay (RFC 3022 section 2.1)
  kNat64,     ///< inside is IPv6, outside IPv4 (RFC 6146, 7915)
};

/// What a box does to IPv6 packets that are not NAT64's.
enum class Ipv6Mode : uint8_t {
  kDrop,
  kRoute,
  kFirewall,  ///< admits what `filtering` allows (RFC 6092)
  kNptv6,     ///< checksum-neutral prefix translation (RFC 6296), and kFirewall
};

/// How a new mapping gets its external port.
enum class PortAssignment : uint8_t {
  /// The inside port if it is free, else another (RFC 4787 section 4.2.1
  /// "port preservation").
  kPreserve,
  /// The inside port also when another mapping has it, as long as the remote
  /// endpoints differ; on a clash another, random one. As Linux does.
  kPreserveOverload,
  kSequential,  ///< the last one + `port_step`, skipping taken ones
  kRandom,
  /// Random inside a block of `block_size` ports that a subscriber gets when
  /// it needs one (RFC 6888 section 4, RFC 7753).
  kDynamicBlock,
  /// Random inside the subscriber's own block, a pure function of the inside
  /// address (RFC 7422).
  kDeterministicBlock,
};

/// How a box with several external addresses picks one (RFC 4787 section 4.1).
enum class Pooling : uint8_t {
  kPaired,     ///< an inside host keeps its external address
  kArbitrary,  ///< each mapping draws anew
};

/// Whether inside hosts reach each other by external addresses, and whose
/// address the receiver sees (RFC 4787 section 6).
enum class Hairpinning : uint8_t { kNone, kInternalSource, kExternalSource };

/// What expires: RFC 4787's mapping as a whole, or each 5-tuple on its own
/// (conntrack style); a mapping then lives as long as one of its sessions.
/// TCP connections and the sessions of forwards always expire on their own.
enum class TimerScope : uint8_t { kMapping, kSession };

/// What happens to a packet that needs state when a limit is reached.
enum class WhenFull : uint8_t {
  kDrop,
  kIcmp,         ///< dropped; the sender gets ICMP 3/13 (RFC 5508 REQ-8)
  kEvictOldest,  ///< the mapping idle for longest goes (against RFC 6888
                 ///< REQ-11, but seen in the field)
};

/// What an unsolicited packet to an external address gets.
enum class Unsolicited : uint8_t {
  kDrop,
  kReject,  ///< UDP: ICMP port unreachable; TCP: RST
};

/// Fragment handling (RFC 4787 section 11).
enum class FragmentMode : uint8_t {
  kOutOfOrder,  ///< holds fragments that come before the first one (REQ-14)
  kInOrder,     ///< forwards those after the first, drops those before it
  kDrop,
};

/// What NAPT does with a protocol other than UDP, TCP and ICMP, such as GRE,
/// ESP or IP in IP: there are no ports to tell flows apart.
enum class OtherProtocols : uint8_t {
  kDrop,
  /// Only addresses are exchanged, and no checksum but that of the IPv4 header.
  /// Per protocol, remote address and external address one inside host has a
  /// flow; only that remote address answers. As Linux does.
  kTranslateAddress,
};

/// An application level gateway (RFC 2663 section 2.9): what the box does to
/// the payload of whole UDP datagrams, besides the headers.
enum class Alg : uint8_t {
  kNone,
  /// Wherever the address of the flow's inside host stands as four bytes, the
  /// external one is written on the way out, and back on the way in; the port
  /// too where it stands next to it. What XOR-MAPPED-ADDRESS hides from
  /// (RFC 8489 section 14.2).
  kGeneric,
  /// The same for addresses as text in datagrams from or to port 5060, with
  /// ":port" after them or without. No other ports are opened.
  kSip,
};

/// Inclusive range of external ports.
struct PortRange {
  uint16_t first = 1024;
  uint16_t last = 65535;
  bool operator==(const PortRange&) const = default;

  [[nodiscard]] size_t size() const {
    return static_cast<size_t>(last) - first + 1;
  }
};

/// How long state lives. A packet at exactly `refreshed + lifetime` finds it
/// gone; one nanosecond earlier finds it alive.
struct NatTimeouts {
  Duration udp_unreplied = std::chrono::seconds(120);
  /// Once packets went both ways and `assured_after` has passed since the
  /// first one.
  Duration udp_assured = std::chrono::seconds(120);
  Duration assured_after = Duration::zero();  ///< Linux: 2 s
  Duration icmp = std::chrono::seconds(60);
  Duration tcp_opening = std::chrono::minutes(4);  ///< before ESTABLISHED
  Duration tcp_established = std::chrono::minutes(124);
  Duration tcp_closing = std::chrono::minutes(4);  ///< after FIN both ways
                                                   ///< or RST
  /// Flows of other protocols; 0: as UDP.
  Duration other = Duration::zero();
  Duration fragment = std::chrono::seconds(30);  ///< held fragments
  bool operator==(const NatTimeouts&) const = default;
};

/// Which packets make a mapping live longer (RFC 4787 section 4.3). TCP goes by
/// its connection's state: segments of both directions refresh.
struct NatRefresh {
  bool outbound = true;
  bool inbound = false;
  bool operator==(const NatRefresh&) const = default;
};

/// Limits. 0 means none of the kind, except that `max_mappings` and
/// `max_sessions` always hold.
struct NatLimits {
  size_t max_mappings = 65536;   ///< all mappings together
  size_t mappings_per_host = 0;  ///< per inside host (RFC 6888 REQ-4)
  size_t blocks_per_host = 1;    ///< port blocks, kDynamicBlock
  size_t sessions_per_mapping = 65536;
  size_t max_sessions = 262144;  ///< all sessions, and flows of the box itself
  uint32_t new_mappings_per_second = 0;  ///< per inside host
  size_t held_fragments = 256;           ///< packets
  WhenFull when_full = WhenFull::kDrop;
  bool operator==(const NatLimits&) const = default;
};

/// Which packets a policy lets out at all; inbound follows outbound state.
struct NatPolicy {
  bool udp = true;
  bool tcp = true;
  bool icmp = true;
  /// Remote ports allowed; empty means every port.
  std::vector<uint16_t> udp_ports;
  std::vector<uint16_t> tcp_ports;
  bool operator==(const NatPolicy&) const = default;
};

/// Port mapping services on the inside address (RFC 6886, RFC 6887, UPnP IGD).
struct PortMappingServices {
  bool nat_pmp = false;
  bool pcp = false;
  bool upnp = false;
  Duration max_lifetime = std::chrono::hours(2);
  size_t max_per_host = 32;
  bool operator==(const PortMappingServices&) const = default;
};

/// A port forward written by the box's owner.
struct StaticForward {
  uint8_t protocol = 17;  ///< IpProtocol::kUdp or kTcp
  uint16_t external_port = 0;
  Endpoint inside;
  bool operator==(const StaticForward&) const = default;
};

/// Every behaviour of a NatEngine. The defaults are RFC 4787's
/// recommendations, with address-and-port-dependent filtering.
struct NatConfig {
  // Where it stands.
  std::vector<IpAddress> external;  ///< IPv4 pool; the first is primary
  IpAddress inside_address;         ///< IPv4 address on the inside
  std::optional<IpAddress> inside_address6;
  std::optional<IpAddress> outside_address6;

  // RFC 4787.
  Translation translation = Translation::kNapt;
  Dependence mapping = Dependence::kEndpointIndependent;
  Dependence filtering = Dependence::kAddressAndPortDependent;
  PortAssignment port_assignment = PortAssignment::kPreserve;
  PortRange port_range;
  /// kSequential: added for each new mapping, may be negative, never 0.
  int port_step = 1;
  /// kSequential: mappings per second that others behind the same box make;
  /// each moves the next port on by one step.
  double foreign_rate = 0;
  uint16_t block_size = 2048;
  /// Even inside ports get even external ones, odd odd (section 4.2.2).
  bool keep_parity = false;
  /// p + 1 follows p (RFC 4787 section 4.2.3): if a mapping for port p of the
  /// same host is external q, then p + 1 gets q + 1 when that is free and, with
  /// port blocks, in a block that the host has.
  bool keep_contiguity = false;
  /// Inside ports below 1024 get external ones below 1024, others others
  /// (REQ-3a); ports below 1024 then extend `port_range`.
  bool keep_port_class = false;
  Pooling pooling = Pooling::kPaired;
  Hairpinning hairpinning = Hairpinning::kNone;
  TimerScope timer_scope = TimerScope::kMapping;
  NatTimeouts timeouts;
  NatRefresh refresh;
  /// RFC 6888 REQ-8: a port that a mapping gave up rests for this long.
  Duration port_quarantine = Duration::zero();
  FragmentMode fragments = FragmentMode::kOutOfOrder;
  bool translate_icmp_errors = true;
  OtherProtocols other_protocols = OtherProtocols::kDrop;
  Alg alg = Alg::kNone;  ///< kNapt and kOneToOne, not hairpinned
  /// Above this many mappings new ones are address-and-port-dependent with
  /// random ports, whatever the rest says (non-deterministic; breaks REQ-11).
  /// 0 never.
  size_t shed_above = 0;

  // Beyond it.
  /// Stock Linux with an open INPUT chain: an unsolicited packet to an
  /// external address makes a flow of the box itself, and an inside host that
  /// wants the same tuple is given another port.
  bool poisonable = false;
  /// Linux's nf_conntrack_tcp_loose: a TCP segment from the inside that is
  /// neither SYN, FIN nor RST and belongs to no connection begins one.
  bool tcp_pickup = false;
  Unsolicited unsolicited = Unsolicited::kDrop;
  /// With Unsolicited::kDrop: so long after an unsolicited TCP SYN its sender
  /// gets ICMP port unreachable, unless the inside host has opened the
  /// connection meanwhile (RFC 5382 REQ-4: at least 6 s). 0 never (REQ-4a).
  Duration syn_error_delay = Duration::zero();
  NatLimits limits;
  NatPolicy policy;
  /// Destinations that are forwarded untranslated (RFC 6888 REQ-6).
  std::vector<IpPrefix> exempt;
  std::vector<StaticForward> forwards;
  PortMappingServices services;
  /// Carriers move subscribers: after each such time the box loses its state
  /// and takes the next address of `external`. 0 never. The box then uses one
  /// address at a time.
  Duration address_lifetime = Duration::zero();

  // IPv4 routing.
  uint16_t inside_mtu = 1500;
  uint16_t outside_mtu = 1500;
  bool decrement_ttl = true;

  // IPv6.
  Ipv6Mode ipv6 = Ipv6Mode::kDrop;
  std::optional<IpPrefix> inside_prefix6;   ///< kNptv6, kFirewall
  std::optional<IpPrefix> outside_prefix6;  ///< kNptv6; as long as the inside
  IpPrefix nat64_prefix;  ///< kNat64: a /96, usually 64:ff9b::/96

  bool operator==(const NatConfig&) const = default;
};

/// Says what is impossible about a configuration, e.g. "port_step must not be
/// 0"; empty if nothing is. A NatEngine may only be made of a config without
/// problems.
[[nodiscard]] std::vector<std::string> FindProblems(const NatConfig& config);

}  // namespace natkit::netsim
