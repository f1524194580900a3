#include "natkit/nat/source_rate_limiter.h"

#include <sodium/crypto_shorthash.h>

#include <algorithm>
#include <array>

#include "natkit/base/check.h"

namespace natkit::nat {

namespace {

constexpr size_t kIpv6SourceSize = 8;  // a /64 is one customer

}  // namespace

SourceRateLimiter::SourceRateLimiter(const RateLimit& limit, Rng& rng) {
  NATKIT_CHECK(limit.per_second > 0 && limit.burst > 0 &&
               limit.bucket_count > 0);
  static_assert(decltype(hash_key_)::kSize == crypto_shorthash_KEYBYTES);
  rng.Fill(hash_key_.ExposeMutable());
  interval_ = Duration(std::chrono::seconds(1)) / limit.per_second;
  tolerance_ = interval_ * (limit.burst - 1);
  full_at_.assign(limit.bucket_count, Instant::min());
}

bool SourceRateLimiter::Allow(Instant now, const IpAddress& source) {
  // The generic cell rate algorithm: one time per bucket is a token bucket.
  Instant& full_at = full_at_[BucketOf(source)];
  const Instant start = std::max(full_at, now);
  if (start - now > tolerance_) {
    return false;
  }
  full_at = start + interval_;
  return true;
}

size_t SourceRateLimiter::BucketOf(const IpAddress& source) const {
  const IpAddress unmapped = source.Unmapped();
  const ByteView bytes = unmapped.bytes();
  const size_t size = std::min(bytes.size(), kIpv6SourceSize);
  std::array<uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), bytes.data(), size, hash_key_.Expose().data());
  uint64_t number = 0;
  NATKIT_CHECK(ByteReader(hash).ReadU64(number));
  return number % full_at_.size();
}

}  // namespace natkit::nat
