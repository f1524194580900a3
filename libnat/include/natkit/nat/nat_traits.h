#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"

namespace natkit::nat {

/// What a mapping or a filter depends on (RFC 4787 sections 4.1 and 5). Ordered
/// from the most to the least helpful for others who want to reach the host.
enum class Dependence : uint8_t {
  kEndpointIndependent,
  kAddressDependent,
  kAddressAndPortDependent,
};

/// What happens to addresses between the host and the Internet.
enum class Translation : uint8_t {
  kNone,    ///< the host's own address is seen outside
  kNapt,    ///< address and port change (RFC 3022 section 2.2)
  kPrefix,  ///< the address changes, the port never: NPTv6 (RFC 6296), or a
            ///< NAT with one external address per host
  kNat64,   ///< IPv6 inside, IPv4 outside (RFC 6146)
};

/// Whether mappings of one host share an external address (RFC 4787 section
/// 4.1).
enum class Pooling : uint8_t {
  kSingle,     ///< there is one external address
  kPaired,     ///< several, but each host keeps its own
  kArbitrary,  ///< each mapping may get another one
};

/// Whether hosts behind the NAT reach each other by external addresses, and
/// whose address the receiver sees (RFC 4787 section 6).
enum class Hairpinning : uint8_t { kNone, kInternalSource, kExternalSource };

/// How external ports are chosen.
enum class AllocationPattern : uint8_t {
  kPreserved,   ///< the inside port whenever it is free
  kSequential,  ///< the last one plus PortAllocation::step
  kBlock,       ///< inside one block of ports: PortAllocation::range
  kRandom,      ///< no pattern; PortAllocation::range is what was seen or known
};

/// Inclusive range of ports.
struct PortRange {
  uint16_t first = 1024;
  uint16_t last = 65535;
  bool operator==(const PortRange&) const = default;

  [[nodiscard]] uint32_t size() const { return uint32_t{last} - first + 1U; }
};

/// What is known of the choice of external ports.
struct PortAllocation {
  AllocationPattern pattern = AllocationPattern::kRandom;
  int step = 0;  ///< kSequential: not 0
  /// Where new ports come from; kBlock: the block.
  PortRange range;
  bool operator==(const PortAllocation&) const = default;
};

/// What one address family of one network is known to do to UDP, as small as a
/// peer, a puncher or an explanation needs it. nullopt: not known, which is
/// never the same as any value. Plain data, cheap to copy and to signal.
struct NatTraits {
  /// Nothing comes back over UDP at all; the rest is then unset.
  bool is_udp_blocked = false;
  std::optional<Translation> translation;
  std::optional<Dependence> mapping;
  std::optional<Dependence> filtering;
  std::optional<PortAllocation> allocation;
  std::optional<Pooling> pooling;
  std::optional<Hairpinning> hairpinning;
  /// Two inside hosts may share one external endpoint toward different
  /// destinations (against RFC 4787 REQ-3).
  std::optional<bool> overloads_ports;
  /// A packet that comes in too early makes the NAT move the mapping (stock
  /// Linux with an open INPUT chain; nat.md 6.3).
  std::optional<bool> is_poisonable;
  /// How long a mapping lives that was answered never or once, and one that
  /// carries a conversation.
  std::optional<Duration> unreplied_lifetime;
  std::optional<Duration> assured_lifetime;
  /// Which packets prolong it (RFC 4787 REQ-6).
  std::optional<bool> refreshed_by_outbound;
  std::optional<bool> refreshed_by_inbound;
  /// Another NAT stands beyond the nearest one, probably a carrier's.
  std::optional<bool> is_behind_carrier;
  /// Mappings that one host may have at once; CGNs set quotas.
  std::optional<uint32_t> mapping_quota;
  /// External addresses seen, in order of discovery.
  std::vector<IpAddress> external_addresses;
  bool operator==(const NatTraits&) const = default;
};

}  // namespace natkit::nat
