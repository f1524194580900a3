#pragma once

#include <chrono>
#include <optional>

#include "natkit/base/time.h"
#include "natkit/mesh/control/map_item.h"

namespace natkit::mesh {

/// When a node rotates its key of itself: from two weeks before the key
/// expires, again each day, or each hour on the last one, until the server has
/// set a later end (docs/coordination.md, "Joining").
class KeyRenewal {
 public:
  /// What the map says of this node; nullopt: the key does not expire.
  void SetExpiry(std::optional<WallTime> expiry) { expiry_ = expiry; }

  /// A rotation was begun.
  void HandleAttempt(WallTime now) { last_attempt_ = now; }

  /// nullopt: never. A key that has expired is not renewed by rotation.
  [[nodiscard]] std::optional<WallTime> NextAttempt(WallTime now) const;

 private:
  std::optional<WallTime> expiry_;
  std::optional<WallTime> last_attempt_;
};

}  // namespace natkit::mesh
