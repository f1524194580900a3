#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "ice/rtt_estimate.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/time.h"
#include "natkit/nat/ice_candidate.h"
#include "natkit/nat/stun_types.h"

namespace natkit::ice {

/// What identifies a pair: checks leave from `base` to `remote`. Reflexive
/// local candidates are replaced by their base (RFC 8445 section 6.1.2.4).
struct PairKey {
  Endpoint base;
  Endpoint remote;

  auto operator<=>(const PairKey&) const = default;
};

/// RFC 8445 section 6.1.2.6.
enum class PairState : uint8_t {
  kFrozen,
  kWaiting,
  kInProgress,
  kSucceeded,
  kFailed,
};

/// One line of the check list.
struct Pair {
  PairKey key;
  PairState state = PairState::kFrozen;
  uint32_t local_priority = 0;
  uint32_t remote_priority = 0;
  uint64_t priority = 0;
  CandidateType remote_type = CandidateType::kHost;
  std::string foundation;  ///< of both candidates
  /// The transaction that makes it In-Progress.
  std::optional<stun::TransactionId> check;
  bool is_triggered = false;  ///< in the triggered-check queue
  /// Our own address as the remote saw it in the last check.
  std::optional<Endpoint> mapped;
  std::optional<Instant> first_sent_at;  ///< of its checks
  bool was_heard = false;  ///< an authentic check came from the remote
  RttEstimate rtt;
  Instant checked_at{};  ///< when a request left last
  /// The request under way that looks whether a Succeeded pair still works.
  std::optional<stun::TransactionId> probe;
  Instant failed_at{};  ///< when it became Failed
};

}  // namespace natkit::ice
