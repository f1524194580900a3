#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <optional>
#include <span>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "sockaddr.h"

namespace natkit::io {

/// Bytes that sendmsg() reads, in its own terms.
[[nodiscard]] iovec PieceOf(ByteView bytes);

/// One datagram's header, address and control bytes for sendmsg/recvmsg and
/// their batch forms. Pinned in memory: the header points into the rest.
class UdpMessage {
 public:
  UdpMessage() = default;
  UdpMessage(const UdpMessage&) = delete;
  UdpMessage& operator=(const UdpMessage&) = delete;

  /// Prepares to send `payload` from `from` (unspecified: the system chooses).
  void SetOutgoing(const Endpoint& to, const IpAddress& from, ByteView payload);
  /// After SetOutgoing(): with this time to live or hop limit.
  void SetHopLimit(const Endpoint& to, uint8_t hop_limit);
  /// After SetOutgoing(): sends `pieces`, which outlive this, as datagrams of
  /// `size` bytes each (UDP_SEGMENT); the last one may be shorter.
  void SetSegments(std::span<iovec> pieces, size_t size);
  /// Prepares to receive into `buffer`.
  void SetIncoming(MutableBytes buffer);

  /// Takes over what recvmmsg wrote into its own copy of the header.
  void Absorb(const msghdr& received) { header_ = received; }

  /// The sender, after a receive.
  [[nodiscard]] std::optional<Endpoint> remote() const;
  /// The destination address the sender used, after a receive.
  [[nodiscard]] std::optional<IpAddress> destination() const;

  [[nodiscard]] bool is_truncated() const {
    return (header_.msg_flags & MSG_TRUNC) != 0;
  }

  [[nodiscard]] const msghdr& header() const { return header_; }

 private:
  static constexpr size_t kControlSize = 128;

  void AttachSource(const IpAddress& from);
  template <class Info>
  void AttachControl(int level, int type, const Info& info);

  msghdr header_{};
  iovec piece_{};
  SockAddr address_;
  alignas(cmsghdr) std::array<uint8_t, kControlSize> control_{};
};

}  // namespace natkit::io
