#include "noise/load_meter.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace natkit::wg {

namespace {

using namespace std::chrono_literals;

constexpr Duration kWindow = 1s;
constexpr Duration kCost = 50ms;  // 20 messages a second
constexpr Duration kMaxTokens = 5 * kCost;
constexpr Duration kIdle = 1s;

// IPv6 hosts choose the lower half of their address freely.
IpAddress LimitKey(const IpAddress& source) {
  if (source.is_v4()) {
    return source;
  }
  std::array<uint8_t, 16> bytes{};
  std::ranges::copy(source.bytes().first(8), bytes.begin());
  return IpAddress::V6(bytes);
}

}  // namespace

bool LoadMeter::CountAndCheck(Instant now) {
  if (count_ == 0 || now - window_start_ >= kWindow) {
    window_start_ = now;
    count_ = 0;
  }
  if (++count_ > limit_) {
    count_ = limit_;  // stays put: no wrap however long the window
    loaded_until_ = window_start_ + 2 * kWindow;
    return true;
  }
  return loaded_until_ && now < *loaded_until_;
}

bool RateLimiter::Allow(Instant now, const IpAddress& source) {
  DropIdle(now);
  const IpAddress key = LimitKey(source);
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    if (buckets_.size() >= kMaxEntries) {
      return false;
    }
    found = buckets_.emplace(key, Bucket{kMaxTokens, now}).first;
  }
  Bucket& bucket = found->second;
  bucket.tokens = std::min(kMaxTokens, bucket.tokens + (now - bucket.updated));
  bucket.updated = now;
  if (bucket.tokens < kCost) {
    return false;
  }
  bucket.tokens -= kCost;
  return true;
}

void RateLimiter::DropIdle(Instant now) {
  if (now < next_sweep_) {
    return;
  }
  next_sweep_ = now + kIdle;
  std::erase_if(buckets_, [now](const auto& entry) {
    return now - entry.second.updated >= kIdle;
  });
}

}  // namespace natkit::wg
