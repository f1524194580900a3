#include "natkit/base/packet_batch.h"

#include <algorithm>

#include "natkit/base/check.h"
#include "natkit/base/copy.h"

namespace natkit {

MutableBytes PacketBatch::Append(size_t size, const Meta& meta) {
  if (arena_.size() - used_ < size) {
    arena_.resize(std::max(arena_.size() * 2, used_ + size));
  }
  items_.push_back({used_, size, meta});
  used_ += size;
  return mutable_bytes(items_.size() - 1);
}

void PacketBatch::AppendCopy(ByteView bytes, const Meta& meta) {
  CopyBytes(bytes, Append(bytes.size(), meta));
}

void PacketBatch::TruncateLast(size_t size) {
  NATKIT_CHECK(!items_.empty() && size <= items_.back().size);
  used_ -= items_.back().size - size;
  items_.back().size = size;
}

void PacketBatch::DropLast() {
  TruncateLast(0);
  items_.pop_back();
}

void PacketBatch::Clear() {
  items_.clear();
  used_ = 0;
}

ByteView PacketBatch::bytes(size_t index) const {
  const Item& item = items_[index];
  return ByteView(arena_).subspan(item.offset, item.size);
}

MutableBytes PacketBatch::mutable_bytes(size_t index) {
  const Item& item = items_[index];
  return MutableBytes(arena_).subspan(item.offset, item.size);
}

}  // namespace natkit
