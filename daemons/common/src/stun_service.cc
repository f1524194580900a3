#include "natkit/shell/stun_service.h"

#include <utility>

#include "natkit/shell/stream_server.h"

namespace natkit::shell {

StunService::StunService(io::EventLoop& loop, stun::ServerConfig config,
                         Rng& rng)
    : loop_(loop), server_(std::move(config), rng) {}

Outcome<void> StunService::Listen(const Endpoint& local) {
  auto socket = io::UdpSocket::Bind(loop_, local);
  if (!socket) {
    return std::unexpected(DescribeListenFailure("UDP", local, socket.error()));
  }
  const size_t index = sockets_.size();
  sockets_.push_back(std::move(*socket));
  sockets_.back().SetReceiveHandler([this, index](PacketBatch& requests) {
    responses_.Clear();
    server_.HandleDatagrams(io::EventLoop::Now(), requests, responses_);
    sockets_[index].Send(responses_);
  });
  return {};
}

std::vector<Endpoint> StunService::local_endpoints() const {
  std::vector<Endpoint> endpoints;
  for (const auto& socket : sockets_) {
    endpoints.push_back(socket.local_endpoint());
  }
  return endpoints;
}

}  // namespace natkit::shell
