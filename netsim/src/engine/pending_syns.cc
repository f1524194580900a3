#include "engine/pending_syns.h"

#include <algorithm>

#include "engine/timer_lists.h"

namespace natkit::netsim::engine {

void PendingSyns::Add(Instant now, const Endpoint& external,
                      const Endpoint& remote, ByteView packet) {
  const bool is_known = std::ranges::any_of(waiting_, [&](const auto& syn) {
    return syn.external == external && syn.remote == remote;
  });
  if (delay_ == Duration::zero() || waiting_.size() >= kMax || is_known) {
    return;
  }
  PendingSyn& syn = waiting_.emplace_back();
  syn.external = external;
  syn.remote = remote;
  syn.due = AddTime(now, delay_);
  syn.size = std::min(packet.size(), syn.bytes.size());
  std::ranges::copy(packet.first(syn.size), syn.bytes.begin());
}

void PendingSyns::Cancel(const Endpoint& external, const Endpoint& remote) {
  std::erase_if(waiting_, [&](const PendingSyn& syn) {
    return syn.external == external && syn.remote == remote;
  });
}

}  // namespace natkit::netsim::engine
