#include "agent/receive_queue.h"

#include <algorithm>

namespace natkit::c {

size_t ReceiveQueue::OffsetOf(const Item& item) const {
  return static_cast<size_t>(item.bytes.data() - memory_.data());
}

size_t ReceiveQueue::FindRoom(size_t size) const {
  const size_t nowhere = memory_.size();
  if (items_.empty()) {
    return size < nowhere ? 0 : nowhere;
  }
  const size_t begin = OffsetOf(items_.front());
  const size_t end = OffsetOf(items_.back()) + items_.back().bytes.size();
  // Never quite full: an empty datagram has a place of its own, too.
  if (begin <= OffsetOf(items_.back())) {
    if (nowhere - end > size) {
      return end;
    }
    return begin > size ? 0 : nowhere;
  }
  return begin > end && begin - end > size ? end : nowhere;
}

size_t ReceiveQueue::Push(mesh::AgentId agent, ByteView bytes) {
  size_t lost = 0;
  size_t at = FindRoom(bytes.size());
  while (at == memory_.size() && !items_.empty()) {
    items_.pop_front();
    ++lost;
    at = FindRoom(bytes.size());
  }
  if (at == memory_.size()) {
    return lost + 1;
  }
  std::ranges::copy(bytes, memory_.begin() + static_cast<std::ptrdiff_t>(at));
  items_.push_back(
      {.agent = agent, .bytes = ByteView(memory_).subspan(at, bytes.size())});
  return lost;
}

const ReceiveQueue::Item* ReceiveQueue::Front() const {
  return items_.empty() ? nullptr : &items_.front();
}

void ReceiveQueue::Pop() {
  items_.pop_front();
}

void ReceiveQueue::Remove(mesh::AgentId agent) {
  std::erase_if(items_,
                [agent](const Item& item) { return item.agent == agent; });
}

}  // namespace natkit::c
