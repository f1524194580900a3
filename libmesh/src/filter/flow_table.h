#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "filter/account_table.h"
#include "filter/flow.h"
#include "filter/index_list.h"
#include "filter/keyed_hash.h"

namespace natkit::mesh {

/// The flows of a node, in memory that is taken once.
///
/// A new flow always finds room. When there is none, the oldest closing flow
/// goes, else one of the peer with most flows: its oldest that is not settled,
/// else the one that is idle longest. So a peer that floods the table pushes
/// out its own flows, as long as no other has half as many.
class FlowTable {
 public:
  FlowTable(const FilterConfig& config, const KeyedHash& hash);

  /// The flow's state, or nullptr. One whose time is over ends. Valid until the
  /// next call that changes the table.
  [[nodiscard]] FlowState* Find(Instant now, const FlowKey& key);

  /// Adds a flow of the peer `peer`; there is none with this key.
  void Insert(Instant now, const FlowKey& key, const FlowState& state,
              uint64_t peer);

  /// After a packet of the flow that Find returned last.
  void Touch(Instant now);
  /// Ends the flow that Find returned last: its time is over, or no rule allows
  /// it.
  void ExpireFound();
  void RevokeFound();

  /// Ends every flow with an end in one of `prefixes`.
  void RevokeInside(std::span<const IpPrefix> prefixes);

  void ExpireUntil(Instant now);
  [[nodiscard]] std::optional<Instant> NextExpiry() const;

  [[nodiscard]] size_t size() const { return size_; }

  [[nodiscard]] uint64_t made() const { return made_; }

  [[nodiscard]] uint64_t expired() const { return expired_; }

  [[nodiscard]] uint64_t evicted() const { return evicted_; }

  [[nodiscard]] uint64_t revoked() const { return revoked_; }

 private:
  struct Flow {
    FlowKey key;
    FlowState state;
    Instant touched;
    uint32_t next = kNone;  // in its bucket, or among the free ones
    uint32_t account = kNone;
    FlowClass listed_as = FlowClass::kOther;
    Links by_class;
    Links by_account;
  };

  using ClassList = IndexList<Flow, &Flow::by_class>;
  using AccountList = IndexList<Flow, &Flow::by_account>;

  // A peer's flows, oldest first.
  struct AccountFlows {
    AccountList unsettled;
    AccountList settled;
  };

  [[nodiscard]] uint32_t& BucketOf(const FlowKey& key);
  [[nodiscard]] Instant EndOf(const Flow& flow) const;
  [[nodiscard]] AccountList& AccountListOf(const Flow& flow);
  void Link(uint32_t index);
  void Unlink(uint32_t index);
  void Erase(uint32_t index);
  void MakeRoom(Instant now, uint64_t peer);
  [[nodiscard]] uint32_t ChooseVictim(uint64_t peer) const;

  KeyedHash hash_;
  FlowTimeouts timeouts_;
  std::vector<Flow> flows_;
  std::vector<uint32_t> buckets_;
  std::array<ClassList, kFlowClassCount> by_class_;
  std::vector<AccountFlows> by_account_;
  AccountTable accounts_;
  uint32_t free_ = kNone;
  uint32_t found_ = kNone;
  size_t size_ = 0;
  uint64_t made_ = 0;
  uint64_t expired_ = 0;
  uint64_t evicted_ = 0;
  uint64_t revoked_ = 0;
};

}  // namespace natkit::mesh
