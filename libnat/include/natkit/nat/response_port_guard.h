#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/time.h"
#include "natkit/nat/source_hash.h"

namespace natkit::nat {

/// How far a server may be used to send to a port that did not ask.
struct ResponsePortLimits {
  /// One such answer per source in this time, on average.
  Duration interval = std::chrono::seconds(2);
  /// So many at once after a pause: clients keep the interval when they send,
  /// but the network may deliver closer together, and some share an address.
  uint32_t burst = 3;
  /// Only so long after the source was answered at the port it asked from.
  Duration bound_for = std::chrono::minutes(10);
  size_t bucket_count = 4096;  ///< size of the tables; 24 bytes each
  bool operator==(const ResponsePortLimits&) const = default;
};

/// Decides whether a RESPONSE-PORT may be honoured (RFC 5780 section 7.5), in
/// tables of fixed size.
///
/// Under a flood of forged sources a source's plain request may be forgotten,
/// and its RESPONSE-PORT is refused; what limits the rate is never forgotten.
/// Does not allocate after construction.
class ResponsePortGuard {
 public:
  explicit ResponsePortGuard(const ResponsePortLimits& limits);

  /// Notes that `source` was answered where it asked from.
  void NotePlain(Instant now, SourceKey source);
  /// Whether an answer may go to another port of `source` now; if so, it
  /// counts.
  [[nodiscard]] bool Allow(Instant now, SourceKey source);

 private:
  struct Bound {
    SourceKey source{};
    Instant until = Instant::min();
  };

  ResponsePortLimits limits_;
  std::vector<Bound> bound_;  // the last source of each bucket
  // Per bucket: when the whole burst is back. Sources share it on collision.
  std::vector<Instant> full_at_;
};

}  // namespace natkit::nat
