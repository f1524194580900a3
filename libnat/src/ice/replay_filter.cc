#include "ice/replay_filter.h"

#include <algorithm>

namespace natkit::ice {

bool ReplayFilter::IsFirst(const stun::TransactionId& id,
                           const Endpoint& source) {
  const auto found = std::ranges::find(seen_, id, &Seen::id);
  if (found != seen_.end()) {
    return found->source == source;
  }
  if (seen_.size() == kRemembered) {
    seen_.pop_front();
  }
  seen_.push_back({.id = id, .source = source});
  return true;
}

}  // namespace natkit::ice
