#pragma once

#include <chrono>
#include <optional>

#include "natkit/base/time.h"
#include "natkit/mesh/control/map_item.h"

namespace natkit::mesh {

/// When a node rotates its key of itself: in the last third of the key's time,
/// and at most two weeks before it expires; again each day, or each hour on the
/// last one, until the server has set a later end (docs/coordination.md,
/// "Joining").
class KeyRenewal {
 public:
  /// When the node made the key that it has at the start: from then on counts
  /// the key's time, if it does not expire by an end that is set later.
  void SetKeyMade(WallTime made) { key_made_ = made; }

  /// What the map says of this node; nullopt: the key does not expire.
  void SetExpiry(WallTime now, std::optional<WallTime> expiry);

  /// A rotation was begun.
  void HandleAttempt(WallTime now) { last_attempt_ = now; }

  /// nullopt: never. A key that has expired is not renewed by rotation.
  [[nodiscard]] std::optional<WallTime> NextAttempt(WallTime now) const;

 private:
  std::optional<WallTime> key_made_;
  std::optional<WallTime> expiry_;
  WallTime since_{};  ///< when the time began that ends at expiry_
  std::optional<WallTime> last_attempt_;
};

}  // namespace natkit::mesh
