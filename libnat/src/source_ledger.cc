#include "natkit/nat/source_ledger.h"

#include <algorithm>
#include <chrono>

#include "natkit/base/check.h"

namespace natkit::nat {

namespace {

/// Between two looks at what is to be forgiven.
constexpr Duration kTurn = std::chrono::milliseconds(100);

/// No datagram is longer.
int32_t Limited(size_t size) {
  return static_cast<int32_t>(std::min(size, size_t{65535}));
}

}  // namespace

SourceLedger::SourceLedger(size_t bucket_count) : balances_(bucket_count) {
  NATKIT_CHECK(bucket_count > 0);
}

/// Goes through the buckets at an even pace, so that no request has to wait for
/// many of them unless none came for long.
void SourceLedger::Forgive(Instant now) {
  const bool is_set_back = round_began_ && now < *round_began_;
  if (round_began_ && !is_set_back && now < next_turn_) {
    return;
  }
  next_turn_ = now + kTurn;
  if (!round_began_ || is_set_back) {
    round_began_ = now;
    forgiven_ = 0;
  }
  const size_t count = balances_.size();
  const double share = std::chrono::duration<double>(now - *round_began_) /
                       std::chrono::duration<double>(kForgiveness);
  const size_t due =
      share >= 1 ? count
                 : static_cast<size_t>(share * static_cast<double>(count));
  for (; forgiven_ < due; ++forgiven_) {
    balances_[forgiven_] = std::max(balances_[forgiven_], 0);
  }
  if (forgiven_ == count) {
    round_began_ = now;
    forgiven_ = 0;
  }
}

void SourceLedger::Receive(Instant now, SourceKey source, size_t size) {
  Forgive(now);
  int32_t& balance = BalanceOf(source);
  balance = std::min(balance + Limited(size), kMaxCredit);
}

bool SourceLedger::CanPay(SourceKey source, size_t size) const {
  const int32_t balance = balances_[BucketOf(source, balances_.size())];
  return balance - Limited(size) >= -kAllowance;
}

bool SourceLedger::Pay(SourceKey source, size_t size) {
  if (!CanPay(source, size)) {
    return false;
  }
  BalanceOf(source) -= Limited(size);
  return true;
}

void SourceLedger::Charge(SourceKey source, size_t size) {
  int32_t& balance = BalanceOf(source);
  balance = std::max(balance - Limited(size), -kAllowance);
}

size_t SourceLedger::CreditOf(SourceKey source) const {
  const int32_t balance = balances_[BucketOf(source, balances_.size())];
  return static_cast<size_t>(std::max(balance, 0));
}

}  // namespace natkit::nat
