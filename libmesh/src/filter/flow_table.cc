#include "filter/flow_table.h"

#include <algorithm>
#include <bit>

#include "natkit/base/check.h"

namespace natkit::mesh {

namespace {

using std::chrono::seconds;

// A busy flow moves in its lists only so often; each lives that much longer.
constexpr Duration kTouchInterval = seconds{1};

}  // namespace

FlowTable::FlowTable(const FilterConfig& config, const KeyedHash& hash)
    : hash_(hash),
      timeouts_(config.timeouts),
      flows_(config.max_flows),
      buckets_(std::bit_ceil(config.max_flows), kNone),
      by_account_(config.max_flows),
      accounts_(config.max_flows, hash) {
  for (uint32_t i = config.max_flows; i-- > 0;) {
    flows_[i].next = free_;
    free_ = i;
  }
}

FlowState* FlowTable::Find(Instant now, const FlowKey& key) {
  uint32_t index = BucketOf(key);
  while (index != kNone && flows_[index].key != key) {
    index = flows_[index].next;
  }
  if (index != kNone && now >= EndOf(flows_[index])) {
    ++expired_;
    Erase(index);
    index = kNone;
  }
  found_ = index;
  return index == kNone ? nullptr : &flows_[index].state;
}

void FlowTable::Insert(Instant now, const FlowKey& key, const FlowState& state,
                       uint64_t peer) {
  if (free_ == kNone) {
    MakeRoom(now, peer);
  }
  const uint32_t index = free_;
  Flow& flow = flows_[index];
  free_ = flow.next;
  uint32_t& bucket = BucketOf(key);
  flow.key = key;
  flow.state = state;
  flow.touched = now;
  flow.next = bucket;
  flow.account = accounts_.Add(peer);
  bucket = index;
  Link(index);
  ++size_;
  ++made_;
}

void FlowTable::Touch(Instant now) {
  NATKIT_CHECK(found_ != kNone);
  Flow& flow = flows_[found_];
  if (flow.state.flow_class == flow.listed_as &&
      now - flow.touched < kTouchInterval) {
    return;
  }
  Unlink(found_);
  // The lists are in order of time, so it does not run backwards here.
  flow.touched = std::max(now, flow.touched);
  Link(found_);
}

void FlowTable::ExpireFound() {
  NATKIT_CHECK(found_ != kNone);
  ++expired_;
  Erase(found_);
}

void FlowTable::RevokeFound() {
  NATKIT_CHECK(found_ != kNone);
  ++revoked_;
  Erase(found_);
}

void FlowTable::RevokeInside(std::span<const IpPrefix> prefixes) {
  const auto is_inside = [prefixes](const Flow& flow) {
    const IpAddress remote = RemoteOf(flow.key);
    const IpAddress local = LocalOf(flow.key);
    return std::ranges::any_of(prefixes, [&](const IpPrefix& prefix) {
      return prefix.Contains(remote) || prefix.Contains(local);
    });
  };
  for (uint32_t i = 0; i < flows_.size(); ++i) {
    if (flows_[i].account != kNone && is_inside(flows_[i])) {
      ++revoked_;
      Erase(i);
    }
  }
}

void FlowTable::ExpireUntil(Instant now) {
  for (const auto& list : by_class_) {
    while (!list.is_empty() && now >= EndOf(flows_[list.front()])) {
      ++expired_;
      Erase(list.front());
    }
  }
}

std::optional<Instant> FlowTable::NextExpiry() const {
  std::optional<Instant> next;
  for (const auto& list : by_class_) {
    if (list.is_empty()) {
      continue;
    }
    const Instant end = EndOf(flows_[list.front()]);
    next = next ? std::min(*next, end) : end;
  }
  return next;
}

uint32_t& FlowTable::BucketOf(const FlowKey& key) {
  return buckets_[hash_.Of(key.bytes) & (buckets_.size() - 1)];
}

Instant FlowTable::EndOf(const Flow& flow) const {
  return flow.touched + TimeoutOf(flow.listed_as, timeouts_) + kTouchInterval;
}

FlowTable::AccountList& FlowTable::AccountListOf(const Flow& flow) {
  AccountFlows& account = by_account_[flow.account];
  return IsSettled(flow.listed_as) ? account.settled : account.unsettled;
}

void FlowTable::Link(uint32_t index) {
  Flow& flow = flows_[index];
  flow.listed_as = flow.state.flow_class;
  by_class_[static_cast<size_t>(flow.listed_as)].PushBack(flows_, index);
  AccountListOf(flow).PushBack(flows_, index);
}

void FlowTable::Unlink(uint32_t index) {
  const Flow& flow = flows_[index];
  by_class_[static_cast<size_t>(flow.listed_as)].Remove(flows_, index);
  AccountListOf(flow).Remove(flows_, index);
}

void FlowTable::Erase(uint32_t index) {
  Flow& flow = flows_[index];
  Unlink(index);
  uint32_t* link = &BucketOf(flow.key);
  while (*link != index) {
    link = &flows_[*link].next;
  }
  *link = flow.next;
  accounts_.Subtract(flow.account);
  flow.account = kNone;
  flow.next = free_;
  free_ = index;
  found_ = kNone;
  --size_;
}

void FlowTable::MakeRoom(Instant now, uint64_t peer) {
  for (const auto& list : by_class_) {
    if (!list.is_empty() && now >= EndOf(flows_[list.front()])) {
      ++expired_;
      Erase(list.front());
      return;
    }
  }
  ++evicted_;
  Erase(ChooseVictim(peer));
}

uint32_t FlowTable::ChooseVictim(uint64_t peer) const {
  const auto& closing = by_class_[static_cast<size_t>(FlowClass::kTcpClosing)];
  if (!closing.is_empty()) {
    return closing.front();
  }
  const auto& flows = by_account_[accounts_.Heaviest(accounts_.Find(peer))];
  return flows.unsettled.is_empty() ? flows.settled.front()
                                    : flows.unsettled.front();
}

}  // namespace natkit::mesh
