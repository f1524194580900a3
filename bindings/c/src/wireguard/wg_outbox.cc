#include "wireguard/wg_outbox.h"

#include <algorithm>
#include <climits>

#include "natkit/base/copy.h"

namespace natkit::c {

Result<PacketBatch*> WgOutbox::Begin(CallerBatch& room) {
  if (is_full()) {
    return Fail(Errc::kLimitExceeded);
  }
  Flush(room);
  LendRoom(room);
  return &out_;
}

void WgOutbox::Continue(CallerBatch& room) {
  Finish(room);
  LendRoom(room);
}

void WgOutbox::Finish(CallerBatch& room) {
  room.Take(out_);
  for (size_t i = out_.lent_count(); i < out_.size(); ++i) {
    Keep(out_.bytes(i), out_.meta(i));
  }
}

Result<int> WgOutbox::Poll(CallerBatch& room) {
  const bool was_empty = is_empty();
  const size_t count = Flush(room);
  if (count == 0 && !was_empty) {
    return Fail(Errc::kBufferTooSmall);
  }
  return static_cast<int>(std::min<size_t>(count, INT_MAX));
}

Result<int> WgOutbox::PollOne(MutableBytes out) {
  if (is_empty()) {
    return 0;
  }
  const ByteView datagram = kept_.front().bytes;
  if (datagram.size() > out.size()) {
    return Fail(Errc::kBufferTooSmall);
  }
  CopyBytes(datagram, out);
  const int size = static_cast<int>(datagram.size());
  RemoveFirst();
  return size;
}

void WgOutbox::Keep(ByteView datagram, const PacketBatch::Meta& meta) {
  kept_.push_back({{datagram.begin(), datagram.end()}, meta});
  kept_bytes_ += datagram.size();
}

// Nothing may overtake what is kept.
void WgOutbox::LendRoom(const CallerBatch& room) {
  out_.Clear();
  if (is_empty()) {
    room.LendTo(out_);
  }
}

size_t WgOutbox::Flush(CallerBatch& room) {
  size_t count = 0;
  while (!is_empty() && room.Append(kept_.front().bytes, kept_.front().meta)) {
    RemoveFirst();
    ++count;
  }
  return count;
}

void WgOutbox::RemoveFirst() {
  kept_bytes_ -= kept_.front().bytes.size();
  kept_.pop_front();
}

}  // namespace natkit::c
