#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/mesh/coord/coordinator.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/secure_stream.h"
#include "natkit/shell/stream_server.h"
#include "natkit/tls/context.h"

namespace natkit::coordd {

/// Both clocks, read now.
[[nodiscard]] mesh::ServerTime Now();

/// What bounds the memory of connections.
struct ServerLimits {
  size_t max_connections = 100'000;
  /// Connections in their TLS handshake. When there are more, the oldest goes.
  size_t max_half_open = 4096;
  /// How long a TLS handshake may take.
  Duration handshake_budget = std::chrono::seconds(10);
};

/// What a CoordServer counts; only ever grows.
struct SettleCounters {
  uint64_t count = 0;  ///< rounds that were settled
  Duration sum{};      ///< how long they took, commits included
  Duration longest{};
  uint64_t joined = 0;  ///< nodes that got in
};

/// What a CoordServer asks its owner.
struct ServerHandlers {
  /// Before what was changed is committed.
  std::function<void()> before_settle;
  /// It is committed.
  std::function<void()> after_settle;
  /// The store failed: nothing more goes out. Ends the process.
  std::function<void()> on_store_failure;
};

/// Binds a mesh::Coordinator to TLS streams and to time. Decides nothing about
/// the protocol.
///
/// Inputs of one round of the loop are settled together, by one commit, at the
/// end of it; what follows from them leaves after that.
class CoordServer {
 public:
  /// All references must outlive this object.
  CoordServer(io::EventLoop& loop, const tls::ServerContext& tls,
              mesh::Coordinator& coordinator, const ServerLimits& limits,
              ServerHandlers handlers);
  CoordServer(const CoordServer&) = delete;
  CoordServer& operator=(const CoordServer&) = delete;

  [[nodiscard]] shell::Outcome<void> Listen(const Endpoint& local);

  [[nodiscard]] std::vector<Endpoint> local_endpoints() const {
    return server_.local_endpoints();
  }

  /// After verbs on the registry: settles in this round of the loop.
  void Wake();
  /// Settles at once. False: the store failed, and the owner was told.
  bool Settle();

  /// Stops listening, says goodbye to every node and closes every stream in
  /// good order; `on_stopped` is called when all are closed, after three
  /// seconds at the latest.
  void Stop(std::function<void()> on_stopped);

  [[nodiscard]] size_t connections() const { return streams_.size(); }

  [[nodiscard]] uint64_t refused() const { return refused_; }

  [[nodiscard]] const SettleCounters& settles() const { return settles_; }

 private:
  using Id = mesh::ConnectionId;

  struct Stream {
    Stream(io::EventLoop& loop, shell::StreamServer::Accepted accepted,
           shell::SecureStreamHandlers handlers)
        : secure(loop, std::move(accepted.tcp), std::move(accepted.channel),
                 std::move(handlers)) {}

    shell::SecureStream secure;
    Instant since{};          ///< accepted
    bool is_known = false;    ///< the coordinator was told
    bool is_closing = false;  ///< when all that it has for it is written
  };

  void OnAccept(shell::StreamServer::Accepted accepted);
  void OnOpen(Id id, const shell::PeerInfo& peer);
  void OnClosed(Id id);
  void DropHalfOpen(Id id);
  void CheckHalfOpen();
  void Measure(Instant began);
  void Drain();
  void Flush(Id id);
  void FinishStop();

  io::EventLoop& loop_;
  mesh::Coordinator& coordinator_;
  ServerLimits limits_;
  ServerHandlers handlers_;
  std::unordered_map<Id, Stream> streams_;
  std::set<std::pair<Instant, Id>> half_open_;
  Id last_id_ = 0;
  uint64_t refused_ = 0;
  SettleCounters settles_;
  bool is_awake_ = false;
  bool has_failed_ = false;
  std::vector<uint8_t> scratch_;
  std::function<void()> on_stopped_;
  io::Timer core_timer_;
  io::Timer handshake_timer_;
  io::Timer settle_timer_;
  io::Timer stop_timer_;
  shell::StreamServer server_;
};

}  // namespace natkit::coordd
