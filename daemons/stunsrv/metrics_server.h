#pragma once

#include <functional>
#include <list>
#include <optional>
#include <string>

#include "natkit/base/endpoint.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/tcp.h"
#include "natkit/io/timer.h"
#include "natkit/shell/outcome.h"

namespace natkit::stunsrv {

/// Answers `GET /metrics` over HTTP/1.1, one request for each connection; at
/// most 16 connections of at most 10 s.
class MetricsServer {
 public:
  MetricsServer(io::EventLoop& loop, std::function<std::string()> content);
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  /// Listens at another address, or (nullopt) nowhere. On error nothing has
  /// changed.
  [[nodiscard]] shell::Outcome<void> Listen(
      const std::optional<Endpoint>& local);

  [[nodiscard]] std::optional<Endpoint> local_endpoint() const;

 private:
  struct Connection;
  using Connections = std::list<Connection>;

  void OnAccept(io::TcpStream tcp);
  void OnData(Connections::iterator connection, ByteView bytes);

  io::EventLoop& loop_;
  std::function<std::string()> content_;
  std::optional<Endpoint> wanted_;
  std::optional<io::TcpListener> listener_;
  Connections connections_;
};

}  // namespace natkit::stunsrv
