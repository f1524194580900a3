#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace natkit::io {

/// Sends a batch of datagrams with as few ways through the system as can be:
/// those of one size from one source to one destination go as one train, which
/// the system or the network card cuts up again (UDP_SEGMENT, Linux 4.18).
/// Where clients ask more than once in a batch, that saves most of what sending
/// costs. Datagrams to one destination keep their order. Does not allocate.
class SegmentTrains {
 public:
  static constexpr size_t kMaxBatch = 64;

  /// For one socket. Where the system does not know trains, each datagram goes
  /// on its own.
  explicit SegmentTrains(int fd);

  /// Sends `batch`, at most kMaxBatch IPv4 or IPv6 datagrams of one piece each,
  /// whose control buffer is empty or holds the source address (IP_PKTINFO)
  /// alone. Does not block. Returns how many were not sent.
  [[nodiscard]] size_t Send(std::span<mmsghdr> batch);

 private:
  struct Train {
    size_t first = 0;     // datagram
    size_t size = 0;      // of each datagram, bytes
    size_t count = 0;     // datagrams
    size_t boarding = 0;  // where in pieces_ the next datagram goes
  };

  /// Room for a source address and the size of a segment.
  struct Control {
    alignas(cmsghdr) std::array<uint8_t, 64> bytes;
  };

  void Couple(std::span<const mmsghdr> batch);
  [[nodiscard]] bool IsCoupled(const Train& train,
                               std::span<const mmsghdr> batch,
                               const msghdr& next) const;
  void Build(std::span<const mmsghdr> batch);
  void AttachSegmentSize(size_t train);
  /// Sends one by one what the system did not take as a train, as it may not
  /// for a way through IPsec. Returns how many were not sent.
  [[nodiscard]] size_t SendSingly(size_t train,
                                  std::span<const mmsghdr> batch) const;

  int fd_;
  bool is_supported_;
  std::array<uint8_t, 256> latest_{};  // 1 + train, by hash of the destination
  std::array<uint8_t, kMaxBatch> train_of_{};
  std::array<Train, kMaxBatch> trains_{};
  size_t count_ = 0;  // trains
  std::array<iovec, kMaxBatch> pieces_{};
  std::array<Control, kMaxBatch> controls_{};
  std::array<mmsghdr, kMaxBatch> headers_{};
};

}  // namespace natkit::io
