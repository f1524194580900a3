#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/nat_traits.h"

namespace natkit::nat {

/// One question about a NAT. The order is that of reports.
enum class Axis : uint8_t {
  kUdp,           ///< do answers to UDP come back at all
  kServer,        ///< is the server what it says it is (RFC 5780 section 3)
  kTranslation,   ///< Translation
  kMapping,       ///< Dependence (RFC 4787 section 4.1)
  kFiltering,     ///< Dependence (RFC 4787 section 5)
  kPoisoning,     ///< does an early packet from outside move a mapping
  kAllocation,    ///< AllocationPattern
  kPreservation,  ///< is the inside port kept (RFC 4787 section 4.2.1)
  kParity,        ///< even to even, odd to odd (RFC 4787 section 4.2.2)
  kContiguity,    ///< p + 1 next to p (RFC 4787 section 4.2.3)
  kPooling,       ///< Pooling (RFC 4787 section 4.1)
  kOverloading,   ///< one external port for two hosts (RFC 4787 REQ-3)
  kHairpinning,   ///< Hairpinning (RFC 4787 section 6)
  kDeterminism,   ///< the same under load (RFC 4787 REQ-11)
  kUnrepliedLifetime,    ///< of a mapping that was never answered
  kOneExchangeLifetime,  ///< of a mapping that was answered once
  kAssuredLifetime,      ///< of a mapping that carries a conversation
  kOutboundRefresh,      ///< do packets from inside prolong it (RFC 4787 REQ-6)
  kInboundRefresh,       ///< do packets from outside
  kTimerScope,           ///< one timer per mapping, or one per remote endpoint
  kFragments,            ///< do fragmented datagrams pass, which way
  kPayload,        ///< are addresses in payloads rewritten (RFC 4787 REQ-10)
  kDepth,          ///< how many hops away NATs are
  kPortMapping,    ///< PCP, NAT-PMP, UPnP IGD
  kTcp,            ///< Dependence of TCP mappings (RFC 5382 REQ-1)
  kCaptivePortal,  ///< does a web page stand between us and the Internet
  kNat64,          ///< is IPv4 reached by IPv6 (RFC 6146, RFC 6877)
};

/// Every axis.
[[nodiscard]] std::set<Axis> AllAxes();

/// Those that take seconds: all but lifetimes and what needs them, which take
/// many minutes.
[[nodiscard]] std::set<Axis> QuickAxes();

/// The stable word for an axis in machine-readable output, e.g. "mapping",
/// "assured_lifetime".
[[nodiscard]] std::string_view AxisName(Axis axis);

/// How much a verdict is worth.
enum class Outcome : uint8_t {
  kUntested,       ///< not asked for, or not possible here
  kInconclusive,   ///< tested; the evidence does not suffice
  kNotApplicable,  ///< the question makes no sense behind this NAT
  kDetermined,
};

/// "untested", "inconclusive", "not_applicable", "determined".
[[nodiscard]] std::string_view OutcomeName(Outcome outcome);

/// One request and what came of it.
struct Probe {
  Duration at{};  ///< of the first copy, since the start
  Endpoint local;
  Endpoint to;
  std::string asked;  ///< "binding", "binding change=ip+port", ...
  uint32_t sent = 0;  ///< copies
  bool answered = false;
  Endpoint arrived_at;     ///< answered: the local endpoint that got it
  Endpoint answered_from;  ///< answered: its source address, as received
  /// Where the answer says the request came from.
  std::optional<Endpoint> mapped;
  std::string note;  ///< "silent for 45 s", ...
};

/// An answer to one question, with what it rests on.
struct Verdict {
  Outcome outcome = Outcome::kUntested;
  /// kDetermined: a word of the axis' vocabulary or a quantity
  /// (docs/nat-behavior.md). kInconclusive: what is likely, if anything.
  std::string value;
  std::string reason;  ///< why; for people
  std::vector<Probe> evidence;
};

/// A lifetime that was bracketed: a mapping survived `alive` of silence and
/// was gone after `dead`.
struct LifetimeBracket {
  Duration alive{};
  std::optional<Duration> dead;  ///< nullopt: longer than was tested
  bool operator==(const LifetimeBracket&) const = default;
};

/// What a BehaviorDiscovery found, for one address family.
struct BehaviorReport {
  /// What is certain, for programs.
  NatTraits traits;
  std::map<Axis, Verdict> verdicts;      ///< of every axis
  Endpoint server;                       ///< that was used
  std::optional<Endpoint> other_server;  ///< its other address and port
  std::string server_software;           ///< as it says
  std::map<Axis, LifetimeBracket> lifetimes;
  std::optional<bool> keeps_parity;
  std::optional<bool> keeps_contiguity;
  std::optional<bool> is_deterministic;
  std::optional<bool> rewrites_payload;
  std::optional<IpAddress> router_external;  ///< as the router says
  std::optional<IpPrefix> nat64_prefix;      ///< of the one that is in use
  std::vector<IpAddress> hops;  ///< routers seen on the way, nearest first
  uint64_t datagrams_sent = 0;
  uint64_t datagrams_received = 0;
  Duration took{};

  [[nodiscard]] const Verdict& verdict(Axis axis) const {
    return verdicts.at(axis);
  }
};

/// The name that RFC 3489 section 5 gives the two axes, e.g. "port restricted
/// cone"; empty if they are not known. For display only: the names hide what
/// matters (nat.md 5.13).
[[nodiscard]] std::string_view ClassicName(const NatTraits& traits);

/// The words of reports: "endpoint-independent", "address-dependent",
/// "address-and-port-dependent".
[[nodiscard]] std::string_view DependenceName(Dependence dependence);

}  // namespace natkit::nat
