#pragma once

#include <cstddef>
#include <cstdint>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/secret.h"

namespace natkit::nat {

/// One source of datagrams, an IPv4 address or an IPv6 /64, hashed.
enum class SourceKey : uint64_t {};

/// The bucket of a source in a table of `count` buckets, fewer than 2^32.
[[nodiscard]] inline size_t BucketOf(SourceKey key, size_t count) {
  // The high half scaled to the count: a multiplication where % would divide.
  return static_cast<size_t>((static_cast<uint64_t>(key) >> 32U) * count >>
                             32U);
}

/// Hashes sources with a secret key (SipHash-2-4): nobody outside can aim at
/// the bucket of another source. Ports do not count.
class SourceHash {
 public:
  explicit SourceHash(Rng& rng);

  [[nodiscard]] SourceKey operator()(const IpAddress& source) const;

 private:
  Secret<struct SourceHashKeyTag, 16> key_;
};

}  // namespace natkit::nat
