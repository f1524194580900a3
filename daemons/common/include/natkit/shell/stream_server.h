#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/stream.h"
#include "natkit/io/tcp.h"
#include "natkit/shell/outcome.h"
#include "natkit/shell/secure_stream.h"
#include "natkit/tls/context.h"

namespace natkit::shell {

/// Listens on several addresses and hands accepted streams on, each with a TLS
/// channel of its own if the server has a certificate.
class StreamServer {
 public:
  /// One accepted connection; make a SecureStream of it, or drop it.
  struct Accepted {
    io::TcpStream tcp;
    std::optional<tls::Channel> channel;
  };

  using AcceptHandler = std::function<void(Accepted accepted)>;

  /// `tls` null: plain. It must outlive this object; a Reload() of it holds for
  /// the connections after it.
  StreamServer(io::EventLoop& loop, const tls::ServerContext* tls,
               const io::StreamOptions& options, AcceptHandler on_accept);

  /// Adds one address. The error names it and says what to do.
  [[nodiscard]] Outcome<void> Listen(const Endpoint& local);

  /// The bound addresses with their actual ports.
  [[nodiscard]] std::vector<Endpoint> local_endpoints() const;

  /// Stops listening; streams that exist go on.
  void Stop() { listeners_.clear(); }

 private:
  void OnAccept(io::TcpStream tcp);

  io::EventLoop& loop_;
  const tls::ServerContext* tls_;
  io::StreamOptions options_;
  AcceptHandler on_accept_;
  std::vector<io::TcpListener> listeners_;
};

/// "cannot listen on TCP 0.0.0.0:443: address in use; ..." for a failure of
/// Listen or Bind.
[[nodiscard]] std::string DescribeListenFailure(const char* protocol,
                                                const Endpoint& local,
                                                const Error& error);

}  // namespace natkit::shell
