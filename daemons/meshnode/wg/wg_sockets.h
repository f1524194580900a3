#pragma once

#include <cstdint>
#include <optional>

#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/udp_socket.h"

namespace natkit::meshnode {

/// The UDP sockets of one interface: IPv4 and IPv6 on the same port. A host
/// without one of the families has one socket.
class WgSockets {
 public:
  WgSockets(io::EventLoop& loop, io::UdpSocket::ReceiveHandler on_receive);

  /// Moves to `port`; 0 chooses a free one. Returns the port. Errors as
  /// UdpSocket::Bind; the old sockets then stay.
  [[nodiscard]] Result<uint16_t> Bind(uint16_t port);

  /// Marks what is sent, also by later sockets. Errors: kPermissionDenied.
  [[nodiscard]] Result<void> SetFwmark(uint32_t mark);

  /// Sends each datagram from the socket of its family.
  void Send(const PacketBatch& batch);

  [[nodiscard]] uint16_t port() const { return port_; }

 private:
  struct Pair {
    std::optional<io::UdpSocket> v4;
    std::optional<io::UdpSocket> v6;
    uint16_t port = 0;
  };

  [[nodiscard]] Result<Pair> BindPair(uint16_t port);
  [[nodiscard]] Result<std::optional<io::UdpSocket>> BindOne(
      const IpAddress& any, uint16_t port);
  void SendMixed(const PacketBatch& batch);

  io::EventLoop& loop_;
  io::UdpSocket::ReceiveHandler on_receive_;
  uint32_t fwmark_ = 0;
  uint16_t port_ = 0;
  std::optional<io::UdpSocket> v4_;
  std::optional<io::UdpSocket> v6_;
  PacketBatch v4_batch_;
  PacketBatch v6_batch_;
};

}  // namespace natkit::meshnode
