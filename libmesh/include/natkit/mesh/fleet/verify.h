#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "natkit/mesh/fleet/fleet_plan.h"
#include "natkit/mesh/fleet/render.h"
#include "natkit/mesh/fleet/wg_dump.h"

namespace natkit::mesh {

/// Above this age of the last handshake no key is valid any more: WireGuard
/// renews them after 120 s and refuses them after 180 s (paper, section 6.1),
/// so that a healthy tunnel is seen at ages up to some 125 s.
inline constexpr std::chrono::seconds kHandshakeLifetime{180};

/// What a host said of its interfaces.
struct NodeDump {
  std::string node;  ///< as the mesh file names it
  std::vector<WgDumpInterface> interfaces;
  std::chrono::sys_seconds taken_at;
};

/// What to compare a plan with.
struct FleetObservation {
  std::vector<NodeDump> dumps;
  /// Earlier dumps, in which bytes that have passed since show traffic.
  std::vector<NodeDump> previous;
  /// The pairs that should have a preshared key; nullopt: not known, then both
  /// ends are compared with each other.
  std::optional<std::set<FleetPair>> preshared_pairs;
};

enum class FindingKind : uint8_t {
  kNoDump,
  kUnknownNode,  ///< a dump of a node that the mesh file does not have
  kNoInterface,
  kWrongKey,
  kWrongPort,
  kUnknownPeer,
  kMissingPeer,
  kMissingPrefix,
  kExtraPrefix,
  kPrefixOfOther,  ///< a prefix is at another peer than it should be
  kWrongEndpoint,
  kMissingKeepalive,
  kOtherKeepalive,
  kPresharedKeyOneSided,
  kPresharedKeyMissing,
  kDown,
  kOneSidedHandshake,
  kClockSkew,
};

/// A word for programs: "missing-peer".
[[nodiscard]] std::string_view FindingName(FindingKind kind);

/// One difference between plan and observation.
struct Finding {
  FindingKind kind;
  bool is_fault = true;  ///< false: worth knowing, nothing to mend
  std::string node;      ///< whose interface it is about
  std::string peer;      ///< a node; empty where it is about none
  std::string text;      ///< a sentence without the node's name
};

/// What is known of a link from one end.
enum class LinkState : uint8_t {
  kUp,       ///< a handshake within kHandshakeLifetime
  kIdle,     ///< an older one, and no reason for a new one that is known of
  kDown,     ///< none or an older one, although an end has tried
  kUnknown,  ///< none, and nobody has tried
};

/// "up", "idle", "down" or "unknown".
[[nodiscard]] std::string_view LinkStateName(LinkState state);

/// One peer of one node's interface.
struct LinkReport {
  std::string node;
  std::string peer;
  bool is_next_key = false;
  LinkState state = LinkState::kUnknown;
  /// Since the last handshake, when the dump was taken; nullopt: never.
  std::optional<std::chrono::seconds> handshake_age;
};

/// Everything found, in the order of the mesh file.
struct FleetReport {
  std::vector<Finding> findings;
  std::vector<LinkReport> links;

  /// True when there is no fault.
  [[nodiscard]] bool is_fine() const;
};

/// Compares a usable plan with what the hosts said. Nodes without a dump are
/// noted. Clocks of hosts may differ by some ten seconds.
[[nodiscard]] FleetReport VerifyFleet(const FleetPlan& plan,
                                      const FleetObservation& observation);

}  // namespace natkit::mesh
