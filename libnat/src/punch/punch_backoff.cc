#include "natkit/nat/punch_backoff.h"

#include <algorithm>

namespace natkit::nat {

void PunchBackoff::Failed(Instant now, std::string local_network,
                          std::string peer_network) {
  std::erase_if(until_, [now](const auto& one) { return one.second <= now; });
  if (until_.size() >= kMaxPairs) {
    until_.erase(std::ranges::min_element(
        until_, {}, [](const auto& one) { return one.second; }));
  }
  until_[{std::move(local_network), std::move(peer_network)}] = now + kWait;
}

void PunchBackoff::Succeeded(const std::string& local_network,
                             const std::string& peer_network) {
  until_.erase({local_network, peer_network});
}

bool PunchBackoff::IsBackingOff(Instant now, const std::string& local_network,
                                const std::string& peer_network) const {
  const auto found = until_.find({local_network, peer_network});
  return found != until_.end() && now < found->second;
}

}  // namespace natkit::nat
