#pragma once

#include <deque>

#include "natkit/base/endpoint.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/result.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/udp_socket.h"
#include "natkit/nat/stun_server.h"

namespace natkit::stunsrv {

/// One StunServer behind any number of UDP sockets. Each answer leaves from
/// the address that was asked.
class ServerShell {
 public:
  ServerShell(io::EventLoop& loop, stun::ServerConfig config, Rng& rng);

  /// Serves one more address; returns it with the actual port. Errors as
  /// UdpSocket::Bind.
  [[nodiscard]] Result<Endpoint> Listen(const Endpoint& local);

  [[nodiscard]] const stun::ServerCounters& counters() const {
    return server_.counters();
  }

 private:
  void Answer(io::UdpSocket& socket, const PacketBatch& requests);

  io::EventLoop& loop_;
  stun::StunServer server_;
  PacketBatch responses_;
  std::deque<io::UdpSocket> sockets_;  // a deque: handlers keep references
};

}  // namespace natkit::stunsrv
