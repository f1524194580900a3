#include "agent/receive_queue.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace natkit::c {

namespace {

size_t BlocksFor(size_t size) {
  return std::max<size_t>(
      1, (size + ReceiveQueue::kBlockSize - 1) / ReceiveQueue::kBlockSize);
}

size_t BlocksIn(size_t capacity) {
  return std::max<size_t>(1, capacity / ReceiveQueue::kBlockSize);
}

}  // namespace

ReceiveQueue::ReceiveQueue(size_t capacity, size_t share)
    : share_(BlocksIn(std::min(share, capacity))),
      // Left uninitialised: pages that are never used cost nothing.
      memory_(new uint8_t[BlocksIn(capacity) * kBlockSize]),
      next_(BlocksIn(capacity)),
      datagrams_(next_.size()),
      free_count_(next_.size()),
      by_blocks_(next_.size() + 1) {
  std::iota(next_.begin(), next_.end(), uint32_t{1});
  next_.back() = kNone;
}

size_t ReceiveQueue::Push(const Item& item, ByteView bytes) {
  Box& box = boxes_[item.agent];
  const uint64_t lost_before = lost_;
  if (MakeRoom(box, BlocksFor(bytes.size()))) {
    Store(box, item, bytes);
  } else {
    ++box.lost;
    ++lost_;
  }
  return static_cast<size_t>(lost_ - lost_before);
}

/// Drops datagrams as if the new one were there already.
bool ReceiveQueue::MakeRoom(Box& box, size_t needed) {
  while (box.blocks + needed > share_ || free_count_ < needed) {
    Box* const longest = Longest();
    const bool is_own = box.blocks + needed > share_ || longest == nullptr ||
                        box.blocks + needed >= longest->blocks;
    Box& loser = is_own ? box : *longest;
    if (loser.oldest == kNone) {
      return false;
    }
    DropOldest(loser);
    ++loser.lost;
    ++lost_;
  }
  return true;
}

void ReceiveQueue::Store(Box& box, const Item& item, ByteView bytes) {
  const uint32_t number = free_;
  Datagram& datagram = datagrams_[number];
  datagram = {.item = item,
              .box = &box,
              .blocks = static_cast<uint32_t>(BlocksFor(bytes.size())),
              .older = newest_};
  datagram.item.size = static_cast<uint32_t>(bytes.size());
  for (uint32_t i = 0; i < datagram.blocks; ++i) {
    const size_t size = std::min(kBlockSize, bytes.size());
    if (size != 0) {
      std::memcpy(&memory_[free_ * kBlockSize], bytes.data(), size);
    }
    bytes = bytes.subspan(size);
    free_ = next_[free_];
  }
  free_count_ -= datagram.blocks;
  (newest_ == kNone ? oldest_ : datagrams_[newest_].newer) = number;
  newest_ = number;
  (box.newest == kNone ? box.oldest : datagrams_[box.newest].newer_in_box) =
      number;
  box.newest = number;
  SetBlocks(box, box.blocks + datagram.blocks);
}

void ReceiveQueue::DropOldest(Box& box) {
  const uint32_t number = box.oldest;
  const Datagram& datagram = datagrams_[number];
  (datagram.older == kNone ? oldest_ : datagrams_[datagram.older].newer) =
      datagram.newer;
  (datagram.newer == kNone ? newest_ : datagrams_[datagram.newer].older) =
      datagram.older;
  box.oldest = datagram.newer_in_box;
  if (box.oldest == kNone) {
    box.newest = kNone;
  }
  SetBlocks(box, box.blocks - datagram.blocks);
  Release(number);
}

void ReceiveQueue::Release(uint32_t datagram) {
  const uint32_t count = datagrams_[datagram].blocks;
  uint32_t last = datagram;
  for (uint32_t i = 1; i < count; ++i) {
    last = next_[last];
  }
  next_[last] = free_;
  free_ = datagram;
  free_count_ += count;
}

ReceiveQueue::Box* ReceiveQueue::Longest() {
  while (longest_ > 0 && by_blocks_[longest_] == nullptr) {
    --longest_;
  }
  return by_blocks_[longest_];
}

void ReceiveQueue::SetBlocks(Box& box, size_t blocks) {
  if (box.blocks != 0) {
    (box.above == nullptr ? by_blocks_[box.blocks] : box.above->below) =
        box.below;
    if (box.below != nullptr) {
      box.below->above = box.above;
    }
  }
  box.blocks = blocks;
  if (blocks == 0) {
    return;  // by_blocks_[0] is always empty
  }
  box.above = nullptr;
  box.below = by_blocks_[blocks];
  if (box.below != nullptr) {
    box.below->above = &box;
  }
  by_blocks_[blocks] = &box;
  longest_ = std::max(longest_, blocks);
}

const ReceiveQueue::Item* ReceiveQueue::Front() const {
  return oldest_ == kNone ? nullptr : &datagrams_[oldest_].item;
}

void ReceiveQueue::CopyFront(MutableBytes out) const {
  out = out.first(datagrams_[oldest_].item.size);
  for (uint32_t block = oldest_; !out.empty(); block = next_[block]) {
    const size_t size = std::min(kBlockSize, out.size());
    std::memcpy(out.data(), &memory_[block * kBlockSize], size);
    out = out.subspan(size);
  }
}

void ReceiveQueue::Pop() {
  DropOldest(*datagrams_[oldest_].box);
}

void ReceiveQueue::Remove(mesh::AgentId agent) {
  const auto found = boxes_.find(agent);
  if (found == boxes_.end()) {
    return;
  }
  while (found->second.oldest != kNone) {
    DropOldest(found->second);
  }
  boxes_.erase(found);
}

uint64_t ReceiveQueue::LostOf(mesh::AgentId agent) const {
  const auto found = boxes_.find(agent);
  return found == boxes_.end() ? 0 : found->second.lost;
}

}  // namespace natkit::c
