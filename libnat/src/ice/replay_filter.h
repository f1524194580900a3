#pragma once

#include <cstddef>
#include <deque>

#include "natkit/base/endpoint.h"
#include "natkit/nat/stun_types.h"

namespace natkit::ice {

/// Tells checks from copies of them. A check is authentic whoever sends it
/// again: who has seen one could make it come from any number of sources, each
/// of which would be checked and remembered.
class ReplayFilter {
 public:
  /// Checks that are remembered, the latest: some 40 bytes each.
  static constexpr size_t kRemembered = 512;

  /// Notes an authentic check. False if one with its transaction ID came from
  /// another source before.
  [[nodiscard]] bool IsFirst(const stun::TransactionId& id,
                             const Endpoint& source);

 private:
  struct Seen {
    stun::TransactionId id;
    Endpoint source;
  };

  std::deque<Seen> seen_;
};

}  // namespace natkit::ice
