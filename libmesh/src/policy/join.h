#pragma once

#include <cstdint>
#include <vector>

#include "policy/role_index.h"

namespace natkit::mesh::policy {

/// A rule instance on one side of a packet. There are many of them.
struct RuleEntry {
  uint32_t rule = 0;  ///< both as the index numbers them
  uint32_t user = 0;
  bool meets_posture = true;
  auto operator<=>(const RuleEntry&) const = default;
};

/// The rule instances of an address, sorted.
using Entries = std::vector<RuleEntry>;

/// A source: its rule instances, and those in which the node that sends for it
/// takes part, on either side: they decide which routes that node has.
struct SourcePart {
  Entries entries;
  Entries viewer_as_source;
  Entries viewer_as_destination;
  auto operator<=>(const SourcePart&) const = default;
};

/// Of a destination: the node that has the address, or all nodes that serve one
/// route to it.
struct DestinationLevel {
  Entries entries;
  /// Instances that give the route to viewers among their sources, and to
  /// viewers among their destinations.
  Entries leads_there;
  Entries comes_from_there;
  auto operator<=>(const DestinationLevel&) const = default;
};

/// A level for each length of a served route, longest first; one alone says
/// nothing of routes.
using DestinationLevels = std::vector<DestinationLevel>;

/// The instances in which `address` takes part as a source. `is_served` is
/// false where no node has or serves it; an exit serves sources for rules from
/// autogroup:danger-all only.
[[nodiscard]] SourcePart SourcePartOf(RoleIndex& index,
                                      const IpAddress& address,
                                      bool& is_served);
/// As a destination; empty where no node has or serves it. Exits serve no
/// address of the mesh.
[[nodiscard]] DestinationLevels LevelsOf(RoleIndex& index,
                                         const IpAddress& address);

/// The instances that join the two at the level to which the source's packets
/// go: the first one whose route its viewer has. Where there is none, those
/// that would if postures were met.
[[nodiscard]] Entries JoinEntries(const SourcePart& source,
                                  const DestinationLevels& destination);

/// Whether a rule that joins two addresses lets this protocol and port pass.
[[nodiscard]] bool MatchesFlow(const CompiledRule& rule, uint8_t protocol,
                               uint16_t port);

}  // namespace natkit::mesh::policy
