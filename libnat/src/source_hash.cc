#include "natkit/nat/source_hash.h"

#include <sodium/crypto_shorthash.h>

#include <algorithm>
#include <array>

#include "natkit/base/check.h"

namespace natkit::nat {

namespace {

constexpr size_t kIpv6SourceSize = 8;  // a /64 is one customer

}  // namespace

SourceHash::SourceHash(Rng& rng) {
  static_assert(decltype(key_)::kSize == crypto_shorthash_KEYBYTES);
  rng.Fill(key_.ExposeMutable());
}

SourceKey SourceHash::operator()(const IpAddress& source) const {
  const IpAddress unmapped = source.Unmapped();
  const ByteView bytes = unmapped.bytes();
  const size_t size = std::min(bytes.size(), kIpv6SourceSize);
  std::array<uint8_t, crypto_shorthash_BYTES> hash{};
  crypto_shorthash(hash.data(), bytes.data(), size, key_.Expose().data());
  uint64_t number = 0;
  NATKIT_CHECK(ByteReader(hash).ReadU64(number));
  return SourceKey{number};
}

}  // namespace natkit::nat
