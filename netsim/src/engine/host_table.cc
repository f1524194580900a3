#include "engine/host_table.h"

#include <algorithm>
#include <chrono>

namespace natkit::netsim::engine {
namespace {

Duration IntervalOf(uint32_t per_second) {
  return Duration(std::chrono::seconds(1)) / static_cast<int64_t>(per_second);
}

}  // namespace

uint32_t HostTable::Acquire(const IpAddress& address) {
  const uint64_t hash = HashOf(address);
  uint32_t index = by_address_.Find(hash, [&](uint32_t candidate) {
    return slab_[candidate].address == address;
  });
  if (index == kNone) {
    index = slab_.Add();
    slab_[index].address = address;
    by_address_.Insert(hash, index);
  } else if (slab_[index].is_idle) {
    slab_[index].is_idle = false;
    idle_.Remove(slab_, index);
    --idle_count_;
  }
  return index;
}

void HostTable::ReleaseIfIdle(Instant now, uint32_t index) {
  Host& host = slab_[index];
  if (host.mapping_count != 0) {
    return;
  }
  if (host.next_due <= now) {
    Forget(index);
    return;
  }
  host.is_idle = true;
  idle_.PushBack(slab_, index);
  if (++idle_count_ > kMaxIdle) {
    const uint32_t oldest = idle_.head();
    idle_.Remove(slab_, oldest);
    --idle_count_;
    Forget(oldest);
  }
}

bool HostTable::HasAllowance(Instant now, uint32_t index,
                             uint32_t per_second) const {
  return slab_[index].next_due - now <=
         std::chrono::seconds(1) - IntervalOf(per_second);
}

void HostTable::TakeAllowance(Instant now, uint32_t index,
                              uint32_t per_second) {
  Host& host = slab_[index];
  host.next_due = std::max(host.next_due, now) + IntervalOf(per_second);
}

void HostTable::Forget(uint32_t index) {
  by_address_.Erase(HashOf(slab_[index].address), index);
  slab_.Remove(index);
}

}  // namespace natkit::netsim::engine
