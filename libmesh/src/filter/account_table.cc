#include "filter/account_table.h"

#include <bit>
#include <utility>

#include "natkit/base/check.h"

namespace natkit::mesh {

namespace {

// Power of two of a number that is not 0.
size_t WeightOf(uint32_t flows) {
  return static_cast<size_t>(std::bit_width(flows) - 1);
}

}  // namespace

AccountTable::AccountTable(uint32_t max_accounts, const KeyedHash& hash)
    : hash_(hash),
      accounts_(max_accounts),
      buckets_(std::bit_ceil(max_accounts), kNone) {
  for (uint32_t i = max_accounts; i-- > 0;) {
    accounts_[i].next = free_;
    free_ = i;
  }
}

const uint32_t& AccountTable::BucketOf(uint64_t id) const {
  const auto bytes = std::bit_cast<std::array<uint8_t, sizeof(id)>>(id);
  return buckets_[hash_.Of(bytes) & (buckets_.size() - 1)];
}

uint32_t& AccountTable::BucketOf(uint64_t id) {
  return const_cast<uint32_t&>(std::as_const(*this).BucketOf(id));
}

uint32_t AccountTable::Find(uint64_t id) const {
  uint32_t index = BucketOf(id);
  while (index != kNone && accounts_[index].id != id) {
    index = accounts_[index].next;
  }
  return index;
}

uint32_t AccountTable::Add(uint64_t id) {
  uint32_t index = Find(id);
  if (index == kNone) {
    // There are no more peers with flows than flows.
    NATKIT_CHECK(free_ != kNone);
    index = free_;
    free_ = accounts_[index].next;
    uint32_t& bucket = BucketOf(id);
    accounts_[index] = {.id = id, .flows = 0, .next = bucket, .by_weight = {}};
    bucket = index;
  }
  ChangeFlows(index, accounts_[index].flows + 1);
  return index;
}

void AccountTable::Subtract(uint32_t account) {
  ChangeFlows(account, accounts_[account].flows - 1);
  if (accounts_[account].flows != 0) {
    return;
  }
  uint32_t* link = &BucketOf(accounts_[account].id);
  while (*link != account) {
    link = &accounts_[*link].next;
  }
  *link = accounts_[account].next;
  accounts_[account].next = free_;
  free_ = account;
}

uint32_t AccountTable::Heaviest(uint32_t preferred) const {
  size_t weight = by_weight_.size() - 1;
  while (weight > 0 && by_weight_[weight].is_empty()) {
    --weight;
  }
  if (preferred != kNone && WeightOf(accounts_[preferred].flows) == weight) {
    return preferred;
  }
  return by_weight_[weight].front();
}

void AccountTable::ChangeFlows(uint32_t index, uint32_t flows) {
  Account& account = accounts_[index];
  const bool was_listed = account.flows != 0;
  if (was_listed && flows != 0 && WeightOf(account.flows) == WeightOf(flows)) {
    account.flows = flows;
    return;
  }
  if (was_listed) {
    by_weight_[WeightOf(account.flows)].Remove(accounts_, index);
  }
  account.flows = flows;
  if (flows != 0) {
    by_weight_[WeightOf(flows)].PushBack(accounts_, index);
  }
}

}  // namespace natkit::mesh
