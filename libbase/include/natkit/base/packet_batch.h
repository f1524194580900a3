#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"

namespace natkit {

/// Says which peer, socket or session a packet belongs to; the owner of a
/// batch gives the numbers their meaning.
using PacketTag = uint32_t;

/// A reusable batch of packets in one arena, each with the addresses it came
/// from or goes to. The unit of work of every data path: sockets and TUN
/// devices fill and drain it, WireGuard seals and opens it.
///
/// Clear() keeps the memory, so a batch that is reused does not allocate once
/// it has grown to its working size. Views are invalidated by Append().
///
/// A batch can also fill memory of somebody else: see Lend().
class PacketBatch {
 public:
  struct Meta {
    Endpoint remote;    ///< the other host's endpoint; default for TUN packets
    Endpoint local;     ///< our endpoint (source to use); default: any
    PacketTag tag = 0;  ///< see PacketTag
  };

  /// Appends a packet of `size` bytes, zeroed or stale, for the caller to fill.
  MutableBytes Append(size_t size, const Meta& meta);
  /// Appends a copy of `bytes`.
  void AppendCopy(ByteView bytes, const Meta& meta);
  /// Cuts the last packet to its first `size` bytes; the rest is given back.
  void TruncateLast(size_t size);
  /// Takes the last packet away.
  void DropLast();
  /// Takes all packets away and gives lent memory back.
  void Clear();

  /// Has packets lie one after the other in `memory`, which outlives the batch
  /// or its next Clear(), as long as they fit there and are at most
  /// `max_packets`. From the first one on that does not, they go to memory of
  /// the batch. Only while the batch is empty.
  void Lend(MutableBytes memory, size_t max_packets);

  /// How many packets, the first ones, are in lent memory.
  [[nodiscard]] size_t lent_count() const { return lent_count_; }

  /// How much of the lent memory they take.
  [[nodiscard]] size_t lent_size() const { return lent_used_; }

  [[nodiscard]] size_t size() const { return items_.size(); }

  [[nodiscard]] bool is_empty() const { return items_.empty(); }

  [[nodiscard]] ByteView bytes(size_t index) const {
    const Item& item = items_[index];
    const ByteView place = index < lent_count_ ? ByteView(lent_) : arena_;
    return place.subspan(item.offset, item.size);
  }

  [[nodiscard]] MutableBytes mutable_bytes(size_t index);

  [[nodiscard]] const Meta& meta(size_t index) const {
    return items_[index].meta;
  }

  [[nodiscard]] Meta& mutable_meta(size_t index) { return items_[index].meta; }

 private:
  struct Item {
    Item(size_t at, size_t length, const Meta& about)
        : offset(at), size(length), meta(about) {}

    size_t offset;  ///< in lent_ for the first lent_count_, else in arena_
    size_t size;
    Meta meta;
  };

  std::vector<uint8_t> arena_;
  size_t used_ = 0;
  std::vector<Item> items_;

  MutableBytes lent_;
  size_t lent_used_ = 0;
  size_t lent_count_ = 0;
  size_t max_lent_ = 0;  ///< 0 once a packet did not fit
};

}  // namespace natkit
