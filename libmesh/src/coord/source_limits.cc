#include "coord/source_limits.h"

#include <algorithm>
#include <array>

namespace natkit::mesh {

IpAddress SourceOf(const IpAddress& address) {
  const IpAddress plain = address.Unmapped();
  if (plain.is_v4()) {
    return plain;
  }
  constexpr size_t kNetworkBytes = 8;
  std::array<uint8_t, 16> network{};
  std::ranges::copy(plain.bytes().first(kNetworkBytes), network.begin());
  return IpAddress::V6(network);
}

Instant& SourceLimits::Account(Instant now, const IpAddress& source) {
  const auto found = accounts_.find(source);
  if (found != accounts_.end()) {
    return found->second;
  }
  if (accounts_.size() >= kMaxSources) {
    Forget(now);
  }
  return accounts_.size() >= kMaxSources ? shared_ : accounts_[source];
}

bool SourceLimits::IsAllowed(Instant now, const IpAddress& source) {
  const IpAddress key = SourceOf(source);
  const auto found = accounts_.find(key);
  const bool is_full = accounts_.size() >= kMaxSources;
  if (found == accounts_.end() && !is_full) {
    return true;
  }
  const Instant account = Account(now, key);
  return account <= now + refill_ * static_cast<int64_t>(burst_ - 1);
}

void SourceLimits::Count(Instant now, const IpAddress& source) {
  Instant& account = Account(now, SourceOf(source));
  account = std::max(account, now) + refill_;
}

void SourceLimits::Forget(Instant now) {
  if (now < forget_at_) {
    return;
  }
  std::erase_if(accounts_,
                [now](const auto& entry) { return entry.second <= now; });
  forget_at_ = Instant::max();
  for (const auto& [source, account] : accounts_) {
    forget_at_ = std::min(forget_at_, account);
  }
}

}  // namespace natkit::mesh
