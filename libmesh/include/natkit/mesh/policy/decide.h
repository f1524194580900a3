#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/policy/compiled_policy.h"

namespace natkit::mesh::policy {

/// Whether a window is open at a unix time in seconds: by its zone's rules.
using WindowJudge = std::function<bool(const TimeWindow&, int64_t)>;

/// The nodes that a question is about, and how to tell local time.
struct PolicyWorld {
  std::vector<PolicyNode> nodes;
  WindowJudge is_open;  ///< empty: no window is ever open
};

/// The first packet of a flow.
struct FlowQuestion {
  IpAddress source;
  IpAddress destination;
  uint8_t protocol = kProtocolTcp;
  /// Of the destination; counts for TCP, UDP and SCTP only.
  uint16_t port = 0;
  int64_t unix_seconds = 0;
};

/// Why a packet does not pass, from far to near.
enum class DenyReason : uint8_t {
  kNone,           ///< it passes
  kNoSource,       ///< no node has or serves the source address
  kNoDestination,  ///< no node has or serves the destination address
  kNoRule,         ///< no rule joins the two
  kOtherPort,      ///< rules join them, for other ports or protocols
  kPosture,        ///< a rule matches, but not for this machine
  kWindow          ///< a rule matches, at other times
};

/// The answer for one packet.
struct Decision {
  bool is_accepted = false;
  DenyReason reason = DenyReason::kNone;
  /// Index of the rule that accepts, or of the one that came nearest.
  std::optional<size_t> rule;
  std::string text;  ///< a sentence for people
};

/// Decides as the nodes' filters do, built from RolesOf().
///
/// A source or destination is the node that has the address, else the nodes
/// that serve the longest route to it; for a destination, routes that no rule
/// joins with the source are passed over, down to exits. ICMP and ICMPv6 stand
/// for an echo request, which any rule for the pair lets pass; protocols other
/// than these, TCP, UDP and SCTP need a rule that names them.
/// Cost: the nodes, and the rules for each that serves an address.
[[nodiscard]] Decision Decide(const CompiledPolicy& policy,
                              const PolicyWorld& world,
                              const FlowQuestion& question);

/// One pair of addresses and the answer for it.
struct PairDecision {
  IpAddress source;
  IpAddress destination;
  Decision decision;
};

/// Decides for all pairs of addresses of one family, where `source` and
/// `destination` each are a node's name or an address. The error is a sentence
/// for people.
[[nodiscard]] std::expected<std::vector<PairDecision>, std::string>
DecideByName(const CompiledPolicy& policy, const PolicyWorld& world,
             std::string_view source, std::string_view destination,
             const FlowQuestion& question);

}  // namespace natkit::mesh::policy
