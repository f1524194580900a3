#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/nat/nat_traits.h"

namespace natkit::nat::behavior {

/// So many ports are not kept by chance.
inline constexpr size_t kMinKept = 4;

/// One mapping that was made for a fresh socket.
struct PortSample {
  uint16_t local_port = 0;
  Endpoint mapped;
};

/// Tells how a NAT chooses ports from mappings in the order in which they were
/// made (nat.md 6.2). nullopt for fewer than 16, where some ports are kept but
/// not most, and where they rise or fall by no constant step.
[[nodiscard]] std::optional<PortAllocation> InferAllocation(
    std::span<const PortSample> samples);

/// The step of a counter for each external address that others move too: all
/// differences are multiples of it, in one direction. nullopt if there is none.
[[nodiscard]] std::optional<int> InferStep(std::span<const PortSample> samples);

/// The smallest block of a power of two, aligned to its size or 1024 above
/// that, which holds all ports between `low` and `high` (nat.md 6.2); nullopt:
/// they lie across the borders of those.
[[nodiscard]] std::optional<PortRange> AlignedBlockAround(uint16_t low,
                                                          uint16_t high);

/// The smallest range in use in the field that explains a random choice of
/// ports between `low` and `high`; these themselves if none does.
[[nodiscard]] PortRange KnownRange(uint16_t low, uint16_t high);

}  // namespace natkit::nat::behavior
