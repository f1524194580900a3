#include "outgoing_messages.h"

#include <algorithm>
#include <numeric>

namespace natkit::io {

namespace {

/// The system takes 65,507 bytes at once, and may be told to take fewer.
constexpr size_t kMaxTrainSize = 60000;

/// Longer ones do not fit into Ethernet's frames whole, and the system refuses
/// trains of such.
size_t MaxCarSize(AddressFamily family) {
  return family == AddressFamily::kIpv4 ? 1472 : 1452;
}

bool HaveOnePath(const PacketBatch::Meta& a, const PacketBatch::Meta& b) {
  return a.remote == b.remote && a.local.address == b.local.address;
}

/// How many packets from `first` on, at most `limit`, can go as one train.
size_t TrainLength(const PacketBatch& batch, size_t first, size_t limit) {
  const PacketBatch::Meta& meta = batch.meta(first);
  const size_t size = batch.bytes(first).size();
  if (size == 0 || size > MaxCarSize(meta.remote.address.family())) {
    return 1;
  }
  limit = std::min(limit, kMaxTrainSize / size);
  size_t length = 1;
  while (length < limit && HaveOnePath(meta, batch.meta(first + length))) {
    const size_t next = batch.bytes(first + length).size();
    if (next == 0 || next > size) {
      break;
    }
    ++length;
    if (next < size) {
      break;  // only the last one may be shorter
    }
  }
  return length;
}

}  // namespace

void OutgoingMessages::Prepare(const PacketBatch& batch, size_t first,
                               size_t count, Coupling coupling) {
  count_ = 0;
  piece_count_ = 0;
  const size_t end = first + count;
  while (first < end) {
    const size_t length = coupling == Coupling::kTrains
                              ? TrainLength(batch, first, end - first)
                              : 1;
    Append(batch, first, length);
    first += length;
  }
}

void OutgoingMessages::Append(const PacketBatch& batch, size_t first,
                              size_t count) {
  const PacketBatch::Meta& meta = batch.meta(first);
  UdpMessage& message = messages_[count_];
  message.SetOutgoing(meta.remote, meta.local.address, batch.bytes(first));
  if (count > 1) {
    const size_t begin = piece_count_;
    for (size_t i = first; i < first + count; ++i) {
      pieces_[piece_count_++] = PieceOf(batch.bytes(i));
    }
    message.SetSegments(std::span(pieces_).subspan(begin, count),
                        batch.bytes(first).size());
  }
  packets_[count_] = count;
  headers_[count_] = {message.header(), 0};
  ++count_;
}

size_t OutgoingMessages::PacketsIn(size_t messages) const {
  return std::accumulate(packets_.begin(),
                         packets_.begin() + static_cast<ptrdiff_t>(messages),
                         size_t{0});
}

}  // namespace natkit::io
