#pragma once

#include <optional>
#include <span>
#include <vector>

#include "natkit/nat/port_prediction.h"

namespace natkit::nat {

/// Ports that follow each other.
struct PortSequence {
  int step = 0;
  double foreign_rate = 0;
  PortRange range;
  double confidence = 0;
};

/// Blocks of ports, one per external address.
struct PortBlocksSeen {
  std::vector<PortArea> areas;
  double confidence = 0;
};

/// A sequence with a constant step and others' mappings in between; at most one
/// time around the end of the range. Distinct mappings, in the order sent.
[[nodiscard]] std::optional<PortSequence> FindSequence(
    std::span<const PortSample> samples);

/// The smallest block size for which the ports of each external address lie in
/// one aligned block (nat.md 6.2, 12.4).
[[nodiscard]] std::optional<PortBlocksSeen> FindBlocks(
    std::span<const PortSample> samples);

/// The narrowest of the ranges in common use that explains all ports; the full
/// one when there are too few to tell.
[[nodiscard]] PortRange FindRange(std::span<const PortSample> samples);

}  // namespace natkit::nat
