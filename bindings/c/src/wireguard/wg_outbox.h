#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/wireguard.h"
#include "support/caller_batch.h"

namespace natkit::c {

/// Datagrams on their way to the caller: into the caller's batch as far as it
/// has room; what it has no room for is kept and comes first the next time.
/// Order stays as it is.
class WgOutbox {
 public:
  /// Begins a call whose datagrams go to `room`: puts there what was kept, and
  /// returns where to put more. Errors: kLimitExceeded, with nothing done,
  /// while more than NATKIT_WG_KEPT_LIMIT bytes are kept.
  [[nodiscard]] Result<PacketBatch*> Begin(CallerBatch& room);
  /// Hands out what is there so far and goes on, so that a long call describes
  /// its datagrams while they are in the nearest cache.
  void Continue(CallerBatch& room);
  /// Ends it.
  void Finish(CallerBatch& room);

  /// Puts into `room` what was kept, returns how many. Errors: kBufferTooSmall
  /// for none although there are some.
  [[nodiscard]] Result<int> Poll(CallerBatch& room);

  /// The oldest that was kept, into `out`; returns its size, 0 for none.
  /// Errors: kBufferTooSmall.
  [[nodiscard]] Result<int> PollOne(MutableBytes out);

  /// Keeps a copy.
  void Keep(ByteView datagram, const PacketBatch::Meta& meta);

  [[nodiscard]] bool is_empty() const { return kept_.empty(); }

  /// True while Begin() refuses.
  [[nodiscard]] bool is_full() const {
    return kept_bytes_ > NATKIT_WG_KEPT_LIMIT;
  }

 private:
  struct Datagram {
    std::vector<uint8_t> bytes;
    PacketBatch::Meta meta;
  };

  void LendRoom(const CallerBatch& room);
  size_t Flush(CallerBatch& room);
  void RemoveFirst();

  PacketBatch out_;
  std::deque<Datagram> kept_;
  size_t kept_bytes_ = 0;
};

}  // namespace natkit::c
