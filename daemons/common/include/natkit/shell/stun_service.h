#pragma once

#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/packet_batch.h"
#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/udp_socket.h"
#include "natkit/nat/stun_server.h"
#include "natkit/shell/outcome.h"

namespace natkit::shell {

/// STUN beside the relay: binds a stun::StunServer to UDP sockets.
class StunService {
 public:
  /// `rng` is used by the constructor alone.
  StunService(io::EventLoop& loop, stun::ServerConfig config, Rng& rng);
  StunService(const StunService&) = delete;
  StunService& operator=(const StunService&) = delete;

  /// Adds one address. The error names it and says what to do.
  [[nodiscard]] Outcome<void> Listen(const Endpoint& local);

  /// The bound addresses with their actual ports.
  [[nodiscard]] std::vector<Endpoint> local_endpoints() const;

 private:
  io::EventLoop& loop_;
  stun::StunServer server_;
  PacketBatch responses_;
  std::vector<io::UdpSocket> sockets_;
};

}  // namespace natkit::shell
