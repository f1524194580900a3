#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

#include "natkit/base/time.h"
#include "natkit/mesh/control/message.h"
#include "natkit/mesh/registry/view_index.h"

namespace natkit::mesh {

/// How far the map of one node is told. It outlives the node's stream for a
/// while, so that a return needs no snapshot.
struct Viewer {
  /// What was sent and not acknowledged, to be told again on another stream.
  struct Sent {
    uint64_t sequence = 0;
    ViewerChanges changes;
    std::optional<Instant> urgent_since;
    bool is_reported = false;  ///< as late
  };

  /// A snapshot on its way: what is left of it.
  struct Snapshot {
    std::vector<ItemKey> items;
    std::vector<RuleKey> rules;
    size_t next_item = 0;
    size_t next_rule = 0;
    /// Items that were gone when their turn came; what belongs to them is told
    /// with them, later.
    std::set<ItemKey> missing;
    bool is_begun = false;
    bool is_urgent = false;
  };

  static constexpr uint64_t kNever = UINT64_MAX;

  uint64_t sequence = 0;  ///< of the last update sent
  ViewerChanges dirty;
  std::deque<Sent> unacknowledged;
  size_t unacknowledged_size = 0;
  /// A map of at least this sequence can be brought up to date by what is in
  /// `unacknowledged` and `dirty`.
  uint64_t resumable_from = kNever;
  std::optional<Snapshot> snapshot;
  std::optional<Instant> flush_at;
  bool is_urgent = false;
  std::optional<Instant> gone_since;  ///< has no stream
  std::optional<Instant> late_at;     ///< as in Impl::late_
};

/// More changes than that are told by a snapshot.
inline constexpr size_t kMaxDeltaSize = 1024;
/// More updates than that are not remembered for a stream that acknowledges
/// none.
inline constexpr size_t kMaxUnacknowledged = 1024;

}  // namespace natkit::mesh
