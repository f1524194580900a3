#pragma once

#include <map>
#include <vector>

#include "natkit/base/packet_batch.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/udp_socket.h"
#include "natkit/mesh/node_event.h"

namespace natkit::meshnode {

/// The UDP sockets that a node asks for beside its own, to get through a hard
/// NAT (mesh::SocketCommand). Each is bound to one address of this host.
class PunchSockets {
 public:
  PunchSockets(io::EventLoop& loop, io::UdpSocket::ReceiveHandler on_receive)
      : loop_(loop), on_receive_(std::move(on_receive)) {}

  /// Binds as many as it can and starts to receive; returns their addresses.
  /// `fwmark` as for UdpPair.
  std::vector<Endpoint> Open(const mesh::SocketsOpen& command, uint32_t fwmark);
  void Close(const mesh::SocketsClose& command);

  /// Sends what leaves by one of these sockets, and returns the rest; it is
  /// valid until the next call.
  const PacketBatch& Send(const PacketBatch& batch);
  /// The same for packets with the hop limit that is their Meta::tag.
  const PacketBatch& SendOpeners(const PacketBatch& batch);

 private:
  template <class SendOne>
  const PacketBatch& Split(const PacketBatch& batch, SendOne send_one);

  io::EventLoop& loop_;
  io::UdpSocket::ReceiveHandler on_receive_;
  std::map<Endpoint, io::UdpSocket> sockets_;
  PacketBatch rest_;
};

}  // namespace natkit::meshnode
