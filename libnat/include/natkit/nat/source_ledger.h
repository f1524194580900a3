#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "natkit/base/time.h"
#include "natkit/nat/source_hash.h"

namespace natkit::nat {

/// Keeps account of the bytes that came from each source and of those sent to
/// it, so that a server never sends more than it got, whoever forges sources.
///
/// Each source may owe kAllowance bytes, which answers a first short request
/// at once; later ones are paid for by what the source sends, such as its
/// retransmissions. Sources that share a bucket share an account. Debts are
/// forgiven within kForgiveness, so that a new source does not pay for ever for
/// those that had its bucket before: all that is sent in that time is at most
/// what was received plus twice kAllowance for each bucket. Credit stays. Does
/// not allocate after construction.
class SourceLedger {
 public:
  /// Bytes that a source may be ahead: the answer to one request without
  /// attributes of an RFC 5780 server (20 bytes in, 68 out).
  static constexpr int32_t kAllowance = 48;
  /// Bytes that are remembered in favour of a source.
  static constexpr int32_t kMaxCredit = 4096;

  /// `bucket_count` buckets of 4 bytes; 0 is a bug of the caller and aborts.
  explicit SourceLedger(size_t bucket_count);

  /// Debts are forgotten once in this time, a few buckets at each Receive().
  static constexpr Duration kForgiveness = std::chrono::minutes(10);

  /// Notes bytes that came from a source at `now`.
  void Receive(Instant now, SourceKey source, size_t size);
  /// Notes bytes that are to be sent if the source can pay or owe them.
  [[nodiscard]] bool Pay(SourceKey source, size_t size);
  /// Whether Pay() would succeed.
  [[nodiscard]] bool CanPay(SourceKey source, size_t size) const;
  /// Notes bytes that are sent whether the source can pay or not.
  void Charge(SourceKey source, size_t size);
  /// Bytes got and not yet sent; never negative.
  [[nodiscard]] size_t CreditOf(SourceKey source) const;

 private:
  [[nodiscard]] int32_t& BalanceOf(SourceKey source) {
    return balances_[BucketOf(source, balances_.size())];
  }

  void Forgive(Instant now);

  std::vector<int32_t> balances_;
  std::optional<Instant> round_began_;  // of forgiving
  size_t forgiven_ = 0;                 // buckets in this round
  Instant next_turn_{};
};

}  // namespace natkit::nat
