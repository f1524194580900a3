#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/http_requests.h"
#include "api/service.h"
#include "natkit/base/endpoint.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/timer.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/secure_stream.h"
#include "natkit/shell/stream_server.h"
#include "natkit/tls/context.h"

namespace natkit::coordd {

/// Serves an ApiService over HTTP/1.1 and TLS.
///
/// A connection's requests are answered one after the other. Connections are
/// bounded in number (the oldest without a token goes first, then the
/// oldest that rests) and in time: 15 s
/// for a request to arrive, 60 s of silence between two. A client that sends
/// much ahead of its answers, or does not read them, is dropped.
class ApiServer {
 public:
  /// After something was done: settles, then calls Release().
  using Wake = std::function<void()>;

  /// All must outlive this object.
  ApiServer(io::EventLoop& loop, const tls::ServerContext& tls,
            ApiService& service, Wake wake);
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  [[nodiscard]] shell::Outcome<void> Listen(const Endpoint& local);

  [[nodiscard]] std::vector<Endpoint> local_endpoints() const {
    return server_.local_endpoints();
  }

  /// What was asked for is durable: sends the responses that there are.
  void Release();

  /// Stops listening and drops all connections.
  void Stop();

  [[nodiscard]] size_t connections() const { return connections_.size(); }

  [[nodiscard]] uint64_t dropped() const { return dropped_; }

 private:
  using Id = uint64_t;
  class Connection;

  void OnAccept(shell::StreamServer::Accepted accepted);
  /// Drops one if there are too many. False: all are at work.
  [[nodiscard]] bool MakeRoom();

  io::EventLoop& loop_;
  ApiService& service_;
  Wake wake_;
  Id last_id_ = 0;
  uint64_t dropped_ = 0;
  std::map<Id, std::unique_ptr<Connection>> connections_;
  shell::StreamServer server_;
};

}  // namespace natkit::coordd
