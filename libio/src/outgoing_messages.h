#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <span>

#include "natkit/base/packet_batch.h"
#include "udp_messages.h"

namespace natkit::io {

/// Whether neighbours go as one train.
enum class Coupling : uint8_t { kNone, kTrains };

/// Packets of a batch as headers for one sendmmsg().
///
/// With Coupling::kTrains, neighbours in the batch of one size, the last of
/// which may be shorter, from one address to one place go as one message that
/// the system or the network card cuts up again (UDP_SEGMENT, Linux 4.18):
/// their way through the system is gone once for all of them. The order stays.
class OutgoingMessages {
 public:
  static constexpr size_t kMaxPackets = 64;

  /// Packets `first` to `first + count` of `batch`, at most kMaxPackets; the
  /// batch stays as it is until they were sent.
  void Prepare(const PacketBatch& batch, size_t first, size_t count,
               Coupling coupling);

  [[nodiscard]] std::span<mmsghdr> headers() {
    return std::span(headers_).first(count_);
  }

  /// How many packets are in the first `messages`.
  [[nodiscard]] size_t PacketsIn(size_t messages) const;

 private:
  void Append(const PacketBatch& batch, size_t first, size_t count);

  std::array<UdpMessage, kMaxPackets> messages_;
  std::array<mmsghdr, kMaxPackets> headers_{};
  std::array<size_t, kMaxPackets> packets_{};  // in each message
  std::array<iovec, kMaxPackets> pieces_{};
  size_t piece_count_ = 0;
  size_t count_ = 0;  // messages
};

}  // namespace natkit::io
