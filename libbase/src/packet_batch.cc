#include "natkit/base/packet_batch.h"

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/base/copy.h"

namespace natkit {

MutableBytes PacketBatch::Append(size_t size, const Meta& meta) {
  if (lent_count_ < max_lent_ && size <= lent_.size() - lent_used_) {
    items_.emplace_back(lent_used_, size, meta);
    ++lent_count_;
    lent_used_ += size;
    return lent_.subspan(lent_used_ - size, size);
  }
  max_lent_ = 0;
  if (arena_.size() - used_ < size) {
    arena_.resize(std::max(arena_.size() * 2, used_ + size));
  }
  items_.emplace_back(used_, size, meta);
  used_ += size;
  return mutable_bytes(items_.size() - 1);
}

void PacketBatch::AppendCopy(ByteView bytes, const Meta& meta) {
  CopyBytes(bytes, Append(bytes.size(), meta));
}

void PacketBatch::TruncateLast(size_t size) {
  NATKIT_CHECK(!items_.empty() && size <= items_.back().size);
  size_t& used = items_.size() == lent_count_ ? lent_used_ : used_;
  used -= items_.back().size - size;
  items_.back().size = size;
}

void PacketBatch::DropLast() {
  TruncateLast(0);
  items_.pop_back();
  lent_count_ = std::min(lent_count_, items_.size());
}

void PacketBatch::Clear() {
  items_.clear();
  used_ = 0;
  Lend({}, 0);
}

void PacketBatch::Lend(MutableBytes memory, size_t max_packets) {
  NATKIT_CHECK(items_.empty());
  lent_ = memory;
  lent_used_ = 0;
  lent_count_ = 0;
  max_lent_ = max_packets;
}

MutableBytes PacketBatch::mutable_bytes(size_t index) {
  const Item& item = items_[index];
  const MutableBytes place = index < lent_count_ ? lent_ : arena_;
  return place.subspan(item.offset, item.size);
}

}  // namespace natkit
