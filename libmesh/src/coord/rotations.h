#pragma once

#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "natkit/base/keys.h"
#include "natkit/base/time.h"
#include "natkit/mesh/control/map_item.h"

namespace natkit::mesh {

/// Node keys that were announced and wait for those who see the node to have
/// them (mesh.md section 4.4). An acknowledgement costs in proportion to the
/// rotations that its viewer holds up.
class Rotations {
 public:
  /// Begins the rotation of `node` anew. `viewers` have to acknowledge.
  void Begin(NodeId node, const PublicKey& next_key, Instant deadline,
             const std::vector<NodeId>& viewers);
  /// Nothing is waited for any more. nullopt: it had not begun.
  std::optional<PublicKey> End(NodeId node);

  /// `viewer` has the key of `node`, or need not have it.
  void Excuse(NodeId node, NodeId viewer);
  /// `viewer` is gone: its acknowledgement is not waited for. Where it was the
  /// last, the deadline ends the rotation: who comes right back has the key
  /// first.
  void Leave(NodeId viewer);
  /// The update that tells `viewer` of `node`, if it was not told yet.
  void NoteSent(NodeId node, NodeId viewer, uint64_t sequence);
  /// `viewer` has all up to `sequence`. Returns the nodes for which all have
  /// the key now.
  [[nodiscard]] std::vector<NodeId> NoteAck(NodeId viewer, uint64_t sequence);

  /// Whose rotations wait for `viewer`.
  [[nodiscard]] std::vector<NodeId> AwaitedBy(NodeId viewer) const;
  [[nodiscard]] std::vector<NodeId> ViewersOf(NodeId node) const;
  [[nodiscard]] bool IsComplete(NodeId node) const;
  /// Those whose deadline has come.
  [[nodiscard]] std::vector<NodeId> Due(Instant now) const;
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

 private:
  struct Rotation {
    PublicKey next_key;
    Instant deadline{};
    /// Viewers that have not acknowledged; the sequence that tells them.
    std::map<NodeId, std::optional<uint64_t>> waiting;
  };

  std::map<NodeId, Rotation> rotations_;
  std::unordered_map<NodeId, std::set<NodeId>> by_viewer_;
  std::set<std::pair<Instant, NodeId>> deadlines_;
};

}  // namespace natkit::mesh
