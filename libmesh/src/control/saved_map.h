#pragma once

#include <optional>
#include <vector>

#include "control/map_state.h"
#include "natkit/base/result.h"

namespace natkit::mesh {

/// A map as it lies on a node's disk.
struct SavedMap {
  DigestKey key{};
  bool has_map = false;
  MapUpdate snapshot;  ///< the whole map, with its digest
};

[[nodiscard]] std::vector<uint8_t> EncodeSavedMap(
    const MapState& state, const std::optional<MapPosition>& position,
    const DigestKey& key);

/// Errors: kBadControl.
[[nodiscard]] Result<SavedMap> DecodeSavedMap(ByteView saved);

}  // namespace natkit::mesh
