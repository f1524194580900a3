#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "policy/join.h"

namespace natkit::mesh::policy {

/// A part of the address space that fares alike: one address of a node, or what
/// is left of a network when all smaller ones are taken out.
struct DiffPoint {
  std::string owner;  ///< node name, or the network
  std::string label;  ///< of this part: the address; empty for a network
  IpAddress sample;   ///< one address of it
  bool is_of_node = false;
};

/// Cuts the address space where any address of a node, served route, or prefix
/// of either policy begins and ends; parts that no node has or serves are left
/// out.
[[nodiscard]] std::vector<DiffPoint> CutAddresses(const CompiledPolicy& before,
                                                  const CompiledPolicy& after,
                                                  const PolicyWorld& world);

/// Parts that take part in the same rules of both policies, on one side.
template <class Key>
using PointClasses = std::map<std::pair<AddressFamily, std::pair<Key, Key>>,
                              std::vector<const DiffPoint*>>;

using SourceClasses = PointClasses<SourcePart>;
using DestinationClasses = PointClasses<DestinationLevels>;

}  // namespace natkit::mesh::policy
