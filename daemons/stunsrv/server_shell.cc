#include "server_shell.h"

#include <utility>

namespace natkit::stunsrv {

ServerShell::ServerShell(io::EventLoop& loop, stun::ServerConfig config,
                         Rng& rng)
    : loop_(loop), server_(std::move(config), rng) {}

Result<Endpoint> ServerShell::Listen(const Endpoint& local) {
  auto bound = io::UdpSocket::Bind(loop_, local);
  if (!bound) {
    return std::unexpected(bound.error());
  }
  io::UdpSocket& socket = sockets_.emplace_back(*std::move(bound));
  socket.SetReceiveHandler(
      [this, &socket](PacketBatch& batch) { Answer(socket, batch); });
  return socket.local_endpoint();
}

void ServerShell::Answer(io::UdpSocket& socket, const PacketBatch& requests) {
  responses_.Clear();
  server_.HandleDatagrams(io::EventLoop::Now(), requests, responses_);
  socket.Send(responses_);
}

}  // namespace natkit::stunsrv
