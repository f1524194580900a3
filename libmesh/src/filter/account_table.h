#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "filter/index_list.h"
#include "filter/keyed_hash.h"

namespace natkit::mesh {

/// How many flows each peer has, and who has most.
///
/// Accounts are kept by the power of two of their number, so the heaviest is
/// found at once, within a factor of two. All memory is taken when it is made.
class AccountTable {
 public:
  AccountTable(uint32_t max_accounts, const KeyedHash& hash);

  /// Counts one flow of the peer `id`; its account, made if it is its first.
  uint32_t Add(uint64_t id);
  /// Counts one flow less; an account without flows goes.
  void Subtract(uint32_t account);

  /// The account of `id`, kNone if it has no flow.
  [[nodiscard]] uint32_t Find(uint64_t id) const;

  /// One of the accounts with most flows: no other has twice as many. It is
  /// `preferred` if that is one of them. There is at least one account.
  [[nodiscard]] uint32_t Heaviest(uint32_t preferred) const;

 private:
  struct Account {
    uint64_t id = 0;
    uint32_t flows = 0;
    uint32_t next = kNone;  // in its bucket, or among the free ones
    Links by_weight;
  };

  using WeightList = IndexList<Account, &Account::by_weight>;

  [[nodiscard]] uint32_t& BucketOf(uint64_t id);
  [[nodiscard]] const uint32_t& BucketOf(uint64_t id) const;
  void ChangeFlows(uint32_t index, uint32_t flows);

  KeyedHash hash_;
  std::vector<Account> accounts_;
  std::vector<uint32_t> buckets_;
  std::array<WeightList, 32> by_weight_;
  uint32_t free_ = kNone;
};

}  // namespace natkit::mesh
