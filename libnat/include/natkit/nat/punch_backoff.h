#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "natkit/base/time.h"

namespace natkit::nat {

/// Remembers which pairs of networks a hard punch failed between, so that it is
/// not repeated for an hour (nat.md 12.6). Networks are whatever the owner
/// tells them apart by, such as external addresses. At most 256 pairs, the
/// ones that end first are forgotten. Pure.
class PunchBackoff {
 public:
  static constexpr Duration kWait = std::chrono::hours(1);
  static constexpr size_t kMaxPairs = 256;

  void Failed(Instant now, std::string local_network, std::string peer_network);
  void Succeeded(const std::string& local_network,
                 const std::string& peer_network);
  [[nodiscard]] bool IsBackingOff(Instant now, const std::string& local_network,
                                  const std::string& peer_network) const;

  [[nodiscard]] size_t size() const { return until_.size(); }

 private:
  std::map<std::pair<std::string, std::string>, Instant> until_;
};

}  // namespace natkit::nat
