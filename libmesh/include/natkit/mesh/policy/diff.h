#pragma once

#include <optional>
#include <string>
#include <vector>

#include "natkit/mesh/policy/decide.h"

namespace natkit::mesh::policy {

enum class ChangeKind : uint8_t {
  kOpened,     ///< denied before, accepted after (at some time at least)
  kClosed,     ///< accepted before, denied after at every time
  kOtherHours  ///< accepted before and after, at other times
};

/// What changes for one pair.
struct PolicyChange {
  /// A node's name, followed by an address in brackets where the node's
  /// addresses fare differently; or a network outside the nodes, less the
  /// smaller ones that other changes, either policy, or the routes name.
  std::string source;
  std::string destination;
  ChangeKind kind = ChangeKind::kOpened;
  /// Those that change in the same ports. ICMP and ICMPv6 stand for pings.
  std::vector<uint8_t> protocols;
  Ports ports;  ///< empty: all, or a protocol without ports
  bool operator==(const PolicyChange&) const = default;
};

/// All pairs whose answer differs between two policies, in the order of names.
///
/// Exact: addresses are cut where any prefix of either policy or any route
/// begins and ends, ports where any range does, and times are compared minute
/// by minute of the week. Networks outside the nodes take part where a node
/// serves them; the postures are those of the world's nodes as they are.
/// Cost: classes of nodes that fare alike, squared, and one line for each pair
/// that changes.
///
/// With `at`, a unix time in seconds, what differs at that moment alone.
[[nodiscard]] std::vector<PolicyChange> DiffPolicies(
    const CompiledPolicy& before, const CompiledPolicy& after,
    const PolicyWorld& world, std::optional<int64_t> at = std::nullopt);

/// DiffPolicies() where nobody says what nodes there are: one machine is made
/// up for each user, tag, role and address that either policy names, one more
/// for other users and other tags, and routers for the networks. Changes of
/// rules to autogroup:self stand between a user and "another machine of" that
/// user. Where rules ask for postures, what changes only for machines that
/// meet all of them, or none, says so after the source's name.
[[nodiscard]] std::vector<PolicyChange> DiffPoliciesByName(
    const CompiledPolicy& before, const CompiledPolicy& after,
    const WindowJudge& is_open, std::optional<int64_t> at = std::nullopt);

/// "+ ann -> web tcp,udp 80,443"; "-" closed, "~" other hours.
[[nodiscard]] std::string ToString(const PolicyChange& change);

}  // namespace natkit::mesh::policy
