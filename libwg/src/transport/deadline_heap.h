#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "natkit/base/time.h"

namespace natkit::wg {

struct Peer;

/// The peers that wait for something, earliest deadline first: a binary heap
/// in which each peer knows its place, so that moving a deadline neither
/// searches nor allocates. O(log n) each.
class DeadlineHeap {
 public:
  /// The place of a peer that waits for nothing.
  static constexpr size_t kNowhere = static_cast<size_t>(-1);

  /// Sets or takes away the deadline of `peer`.
  void Update(Peer& peer, std::optional<Instant> deadline);

  [[nodiscard]] std::optional<Instant> Earliest() const;
  /// A peer whose deadline is not after `now`, or nullptr.
  [[nodiscard]] Peer* Due(Instant now) const;

 private:
  struct Item {
    Instant deadline;
    Peer* peer;
  };

  void Place(size_t place, const Item& item);
  void SiftUp(size_t place);
  void SiftDown(size_t place);
  void RemoveAt(size_t place);

  std::vector<Item> items_;
};

}  // namespace natkit::wg
