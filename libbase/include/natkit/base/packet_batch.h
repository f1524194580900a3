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
  void Clear();

  [[nodiscard]] size_t size() const { return items_.size(); }

  [[nodiscard]] bool is_empty() const { return items_.empty(); }

  [[nodiscard]] ByteView bytes(size_t index) const;
  [[nodiscard]] MutableBytes mutable_bytes(size_t index);

  [[nodiscard]] const Meta& meta(size_t index) const {
    return items_[index].meta;
  }

  [[nodiscard]] Meta& mutable_meta(size_t index) { return items_[index].meta; }

 private:
  struct Item {
    size_t offset;
    size_t size;
    Meta meta;
  };

  std::vector<uint8_t> arena_;
  size_t used_ = 0;
  std::vector<Item> items_;
};

}  // namespace natkit
