#include "fabric/delay_queue.h"

#include <algorithm>
#include <utility>

namespace natkit::netsim {

bool DelayQueue::Push(Instant at, Tag tag, ByteView frame) {
  if (bytes_ + frame.size() > max_bytes_) {
    return false;
  }
  std::vector<uint8_t> bytes;
  if (!spare_.empty()) {
    bytes = std::move(spare_.back());
    spare_.pop_back();
  }
  bytes.assign(frame.begin(), frame.end());
  bytes_ += bytes.size();
  heap_.push_back({at, sequence_++, tag, std::move(bytes)});
  std::push_heap(heap_.begin(), heap_.end());
  return true;
}

std::optional<DelayQueue::Frame> DelayQueue::Pop(Instant now) {
  if (heap_.empty() || heap_.front().at > now) {
    return std::nullopt;
  }
  std::pop_heap(heap_.begin(), heap_.end());
  Entry entry = std::move(heap_.back());
  heap_.pop_back();
  bytes_ -= entry.bytes.size();
  return Frame{entry.at, entry.tag, std::move(entry.bytes)};
}

void DelayQueue::Recycle(std::vector<uint8_t> bytes) {
  if (spare_.size() < kSpareBuffers) {
    spare_.push_back(std::move(bytes));
  }
}

}  // namespace natkit::netsim
