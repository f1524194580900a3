#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/derp/server_core.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/secure_stream.h"
#include "natkit/shell/stream_server.h"
#include "natkit/tls/context.h"

namespace natkit::shell {

/// What bounds the memory of connections.
struct RelayLimits {
  size_t max_connections = 50'000;
  /// Connections that have not logged in. When there are more, the oldest of
  /// them goes: under a flood those who log in quickly still get through.
  size_t max_half_open = 2'000;
};

/// Binds a derp::ServerCore to TCP or TLS streams. Decides nothing about the
/// protocol: it moves bytes and time.
class RelayServer {
 public:
  /// `tls` null: plain. `tls` and `rng` must outlive this object.
  RelayServer(io::EventLoop& loop, const tls::ServerContext* tls,
              derp::ServerConfig config, const RelayLimits& limits, Rng& rng);
  RelayServer(const RelayServer&) = delete;
  RelayServer& operator=(const RelayServer&) = delete;

  [[nodiscard]] Outcome<void> Listen(const Endpoint& local);

  [[nodiscard]] std::vector<Endpoint> local_endpoints() const {
    return server_.local_endpoints();
  }

  /// Stops listening, announces the restart to all clients, closes every
  /// stream in good order; `on_stopped` is called when all are closed, after
  /// two seconds at the latest.
  void Stop(std::function<void()> on_stopped);

  [[nodiscard]] const derp::ServerCore& core() const { return core_; }

 private:
  using Id = derp::ConnectionId;

  void OnAccept(StreamServer::Accepted accepted);
  void OnBytes(Id id, ByteView bytes);
  void OnClosed(Id id, const StreamEnd& end);
  void EvictOldestHalfOpen();
  /// Moves everything the core has to say; after every input.
  void Pump();
  void FlushOutput(Id id);
  void OnEvent(const derp::ConnectionClosed& event);
  void OnEvent(const derp::ClientRegistered& event);
  void OnEvent(const derp::ClientGone& event);
  /// Says in one line what was refused since the last time.
  void ReportRefusals();
  void FinishStop();

  io::EventLoop& loop_;
  derp::ServerCore core_;
  RelayLimits limits_;
  std::unordered_map<uint64_t, SecureStream> streams_;
  std::set<uint64_t> half_open_;  ///< oldest first
  uint64_t next_id_ = 1;
  std::array<uint8_t, size_t{16} * 1024> scratch_{};
  std::map<std::string, uint64_t> refusals_;  ///< by reason, since reported
  std::function<void()> on_stopped_;
  io::Timer core_timer_;
  io::Timer report_timer_;
  io::Timer stop_timer_;
  StreamServer server_;
};

}  // namespace natkit::shell
