#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/mesh/port_range.h"
#include "natkit/mesh/time_window.h"

namespace natkit::mesh {

/// One rule as a node holds it: new flows from `sources` to `destinations` are
/// allowed. Rules only allow.
struct FilterRule {
  /// Names the rule in its direction; one with the same id is replaced.
  uint64_t id = 0;
  std::vector<IpPrefix> sources;
  std::vector<IpPrefix> destinations;
  /// Of the destination; empty: all. Only TCP, UDP and SCTP have ports; every
  /// other protocol needs a rule for all of them.
  std::vector<PortRange> ports;
  /// IP protocol numbers; empty: TCP, UDP, ICMP and ICMPv6.
  std::vector<uint8_t> protocols;
  /// Empty: always. Any open one suffices.
  std::vector<ZonedWindow> windows;
};

/// Which way a packet goes.
enum class Direction : uint8_t {
  kInbound,   ///< from the tunnel to this node or what is behind it
  kOutbound,  ///< from this node, or what is behind it, into the tunnel
};

/// What happens to a packet, and why. The numbers index counters.
enum class Verdict : uint8_t {
  kAccept,
  kMalformed,    ///< truncated, or lengths or headers that contradict
  kBadAddress,   ///< multicast, link-local, broadcast, loopback, unspecified
  kSourceRoute,  ///< an IPv4 source route or an IPv6 routing header in use
  kBadTcpFlags,  ///< a combination that no TCP sends
  kBadFragment,  ///< tiny, overlapping, too long
  kNoFirstFragment,  ///< a later fragment of nothing that was accepted
  kUnrelatedIcmp,    ///< an ICMP error or echo reply that belongs to no flow
  kLinkIcmp,         ///< ICMP that has no meaning beyond a link (redirects, ND)
  kNoFlow,           ///< a TCP segment that cannot begin a flow and is in none
  kNoRule,           ///< a new flow that no rule allows
};

inline constexpr size_t kVerdictCount = 11;

/// "accept", "no rule", ...: for people and metric labels. Static storage.
[[nodiscard]] std::string_view VerdictName(Verdict verdict);

/// How long a flow without packets lives, up to a second more. The defaults are
/// the least that the RFCs named allow.
struct FlowTimeouts {
  /// UDP that nobody answered, and answered (RFC 6092, REC-14; RFC 4787).
  Duration udp_new = std::chrono::minutes{2};
  Duration udp_answered = std::chrono::minutes{5};
  /// TCP before the handshake is complete and after the end (RFC 6092, REC-35).
  Duration tcp_transitory = std::chrono::minutes{4};
  /// TCP in between (RFC 6092, REC-35): 2 h 4 min.
  Duration tcp_established = std::chrono::minutes{124};
  /// Echo (RFC 5508, REQ-1).
  Duration echo = std::chrono::minutes{1};
  /// SCTP and every other protocol.
  Duration other = std::chrono::minutes{5};
};

/// Sizes of a PacketFilter; its tables are allocated when it is made.
struct FilterConfig {
  /// Flows at most; 1 to 2^24. About 150 bytes each.
  uint32_t max_flows = 65'536;
  FlowTimeouts timeouts;
};

/// Bounds of the rules of one direction.
inline constexpr size_t kMaxFilterRules = 16'384;
inline constexpr size_t kMaxFilterPrefixes = 262'144;
/// Bounds of one rule: prefixes on one side, port ranges, windows.
inline constexpr size_t kMaxRulePrefixes = 16'384;
inline constexpr size_t kMaxRulePorts = 256;
inline constexpr size_t kMaxRuleWindows = 32;

/// Changes of rules that become visible together.
struct FilterUpdate {
  struct Put {
    Direction direction = Direction::kInbound;
    FilterRule rule;
  };

  struct Removal {
    Direction direction = Direction::kInbound;
    uint64_t id = 0;
  };

  /// Ids that are not there are ignored. All happen before the first of `puts`.
  std::vector<Removal> removals;
  std::vector<Put> puts;
};

/// What the filter did; `packets` by direction and verdict.
struct FilterCounters {
  std::array<std::array<uint64_t, kVerdictCount>, 2> packets{};
  uint64_t flows_made = 0;
  /// Ended by time, or because a new connection between the same ends began.
  uint64_t flows_expired = 0;
  uint64_t flows_evicted = 0;  ///< ended for want of room
  uint64_t flows_revoked = 0;  ///< ended because no rule allows them any longer
  size_t flows = 0;            ///< now
  size_t rules = 0;            ///< now, both directions
};

/// Stands for "the peer is not known" in PacketFilter::Check.
inline constexpr uint32_t kNoPeer = 0xffff'ffff;

/// The filter in the data path of one node: default deny, stateful.
///
/// A new flow needs a rule in its direction: inbound rules guard what this node
/// serves, outbound rules what it may reach, so both ends enforce. Replies pass
/// by the flow. When the rule of a flow goes, narrows or its window closes, the
/// flow goes on under another rule that allows it, or ends with the next packet
/// at the latest. docs/filter.md has the details.
///
/// Time windows need SetUnixTime; until then rules with windows are closed.
/// Pure: owns no socket, clock or random source. Not thread-safe. Check does
/// not allocate.
class PacketFilter {
 public:
  /// `rng` gives the key of the hash tables and is not kept.
  PacketFilter(const FilterConfig& config, Rng& rng);
  PacketFilter(PacketFilter&&) noexcept;
  PacketFilter& operator=(PacketFilter&&) noexcept;
  ~PacketFilter();

  /// Adds or replaces one rule; the same as Apply with it.
  /// Cost: its prefixes, times the length of their lists in the worst case.
  std::expected<void, Error> PutRule(Instant now, Direction direction,
                                     FilterRule rule);
  /// Takes one rule away; one that is not there is ignored.
  void RemoveRule(Instant now, Direction direction, uint64_t id);
  /// Does all of `update` or nothing. Errors: kBadValue (a port range that ends
  /// before it begins, a window that is not valid), kLimitExceeded (the bounds
  /// above).
  std::expected<void, Error> Apply(Instant now, FilterUpdate update);

  /// Tells the wall clock's time: `unix_seconds` at `now`. Call it at the
  /// start, when the clock jumps, and now and then.
  void SetUnixTime(Instant now, int64_t unix_seconds);

  /// Judges one packet: the IP packet itself, which may be followed by padding.
  /// `peer` names who is at the other end of the tunnel, by any number below
  /// kNoPeer; it bounds what a peer can take of the flow table. With kNoPeer
  /// the remote address stands for the peer.
  [[nodiscard]] Verdict Check(Instant now, Direction direction, ByteView packet,
                              uint32_t peer = kNoPeer);

  /// Ends every flow with an end in one of `prefixes`: a peer was revoked, or a
  /// route withdrawn. Rules stay as they are. Cost: all flows.
  void DropFlowsOf(std::span<const IpPrefix> prefixes);

  /// Ends flows that are over and opens and closes windows.
  void HandleTimeout(Instant now);
  /// When to call HandleTimeout next; nullopt when nothing is pending. Check
  /// looks at the clock itself: a late call lets nothing pass.
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  [[nodiscard]] FilterCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::mesh
