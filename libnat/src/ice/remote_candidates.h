#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/nat/ice_candidate.h"

namespace natkit::ice {

/// The other side's candidates in one session: signalled ones, and
/// peer-reflexive ones learnt from its checks (RFC 8445 section 7.3.1.3).
class RemoteCandidates {
 public:
  enum class Outcome : uint8_t { kAdded, kUpdated, kKnown };

  explicit RemoteCandidates(size_t limit) : limit_(limit) {}

  /// A signalled candidate replaces a peer-reflexive one with its endpoint
  /// (RFC 8838 section 11.4). Errors: kBadCandidate, kLimitExceeded.
  [[nodiscard]] Result<Outcome> Add(const Candidate& candidate);
  /// Finds the candidate of a check's source, or adds a peer-reflexive one;
  /// nullptr at the limit. The pointer is valid until the next call.
  const Candidate* FindOrLearn(const Endpoint& from, uint32_t priority);
  void Remove(const Endpoint& endpoint);

  [[nodiscard]] bool Has(const Endpoint& endpoint) const;

  [[nodiscard]] bool is_full() const { return items_.size() >= limit_; }

  /// In the order in which they came.
  [[nodiscard]] const std::vector<Candidate>& items() const { return items_; }

 private:
  [[nodiscard]] Candidate* Find(const Endpoint& endpoint);

  size_t limit_;
  std::vector<Candidate> items_;
  uint32_t learnt_ = 0;
};

}  // namespace natkit::ice
