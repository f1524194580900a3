#include "natkit/nat/source_ledger.h"

#include <algorithm>

#include "natkit/base/check.h"

namespace natkit::nat {

namespace {

/// No datagram is longer.
int32_t Limited(size_t size) {
  return static_cast<int32_t>(std::min(size, size_t{65535}));
}

}  // namespace

SourceLedger::SourceLedger(size_t bucket_count) : balances_(bucket_count) {
  NATKIT_CHECK(bucket_count > 0);
}

void SourceLedger::Receive(SourceKey source, size_t size) {
  int32_t& balance = BalanceOf(source);
  balance = std::min(balance + Limited(size), kMaxCredit);
}

bool SourceLedger::Pay(SourceKey source, size_t size) {
  int32_t& balance = BalanceOf(source);
  if (balance - Limited(size) < -kAllowance) {
    return false;
  }
  balance -= Limited(size);
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
