#include "natkit/mesh/registry/memory_store.h"

#include <algorithm>

#include "natkit/mesh/registry/event_chain.h"

namespace natkit::mesh {

std::unexpected<Error> MemoryStore::FailWith(Errc code) {
  last_error_ = "memory: " + std::string(ErrcName(code));
  return Fail(code);
}

Result<void> MemoryStore::Commit(const StoreBatch& batch) {
  if (const auto checked = CheckBatch(batch); !checked) {
    return FailWith(checked.error().code);
  }
  if (write_failure_ && !batch.is_empty()) {
    return FailWith(*write_failure_);
  }
  for (const auto& name : batch.deletes) {
    records_.erase(name);
  }
  for (const auto& put : batch.puts) {
    records_[{put.kind, put.key}] = put.value;
  }
  for (StoreEvent event : batch.events) {
    const bool is_first = events_.empty();
    event.sequence = is_first ? 1 : events_.back().sequence + 1;
    event.hash = HashEvent(is_first ? EventHash{} : events_.back().hash, event);
    events_.push_back(std::move(event));
  }
  return {};
}

Result<std::vector<StoreRecord>> MemoryStore::LoadAll() {
  std::vector<StoreRecord> all;
  all.reserve(records_.size());
  for (const auto& [name, value] : records_) {
    all.push_back({name.first, name.second, value});
  }
  return all;
}

Result<std::vector<StoreEvent>> MemoryStore::ListEvents(uint64_t after_sequence,
                                                        size_t limit) {
  const auto first = std::ranges::upper_bound(events_, after_sequence, {},
                                              &StoreEvent::sequence);
  const auto left = static_cast<size_t>(events_.end() - first);
  return std::vector<StoreEvent>(
      first, first + static_cast<std::ptrdiff_t>(std::min(limit, left)));
}

Result<uint64_t> MemoryStore::LastEventSequence() {
  return events_.empty() ? 0 : events_.back().sequence;
}

Result<void> MemoryStore::TrimEvents(uint64_t keep) {
  if (write_failure_) {
    return FailWith(*write_failure_);
  }
  while (events_.size() > std::max<uint64_t>(keep, 1)) {
    events_.pop_front();
  }
  return {};
}

}  // namespace natkit::mesh
