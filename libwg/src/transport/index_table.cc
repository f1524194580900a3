#include "transport/index_table.h"

#include "natkit/base/check.h"

namespace natkit::wg {

namespace {

uint32_t Raw(SenderIndex index) {
  return static_cast<uint32_t>(index);
}

}  // namespace

SenderIndex IndexTable::Add(const IndexEntry& entry) {
  // A source of the caller's that repeats itself must not hang us.
  constexpr int kMaxDraws = 16;
  uint32_t candidate = rng_.NextU32();
  for (int draws = 1; !entries_.try_emplace(candidate, entry).second; ++draws) {
    candidate = draws < kMaxDraws ? rng_.NextU32() : candidate + 1;
  }
  return SenderIndex{candidate};
}

void IndexTable::Assign(SenderIndex index, const IndexEntry& entry) {
  const auto found = entries_.find(Raw(index));
  NATKIT_CHECK(found != entries_.end());
  found->second = entry;
}

void IndexTable::Remove(SenderIndex index) {
  entries_.erase(Raw(index));
}

const IndexEntry* IndexTable::Find(ReceiverIndex index) const {
  const auto found = entries_.find(Raw(AsOwnIndex(index)));
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace natkit::wg
