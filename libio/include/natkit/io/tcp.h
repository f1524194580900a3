#pragma once

#include <functional>
#include <memory>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/stream.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

/// A TCP connection.
class TcpStream : public ByteStream {
 public:
  /// Starts to connect. It always returns a stream: whatever goes wrong, also
  /// at once, arrives by on_closed.
  [[nodiscard]] static TcpStream Connect(EventLoop& loop, const Endpoint& to,
                                         StreamHandlers handlers,
                                         const StreamOptions& options = {});

  [[nodiscard]] const Endpoint& remote_endpoint() const;
  /// Unspecified until connected.
  [[nodiscard]] const Endpoint& local_endpoint() const;

 private:
  friend class TcpListener;
  explicit TcpStream(std::shared_ptr<Impl> impl);
};

/// Accepts TCP connections. SO_REUSEADDR is set; IPv6 listeners carry IPv6
/// only.
///
/// When the process is out of file descriptors, accepting rests for 100 ms.
class TcpListener {
 public:
  using AcceptHandler = std::function<void(TcpStream stream)>;

  /// Listens; port 0 lets the system choose. Accepted streams get `options`.
  /// Errors: kAddressInUse, kAddressNotAvailable, kPermissionDenied,
  /// kUnsupported, kIo.
  [[nodiscard]] static Result<TcpListener> Listen(
      EventLoop& loop, const Endpoint& local, AcceptHandler on_accept,
      const StreamOptions& options = {});
  /// Takes a socket that listens already. Errors: kUnsupported (it does not,
  /// or is not TCP over IP), kIo.
  [[nodiscard]] static Result<TcpListener> Adopt(
      EventLoop& loop, UniqueFd listening, AcceptHandler on_accept,
      const StreamOptions& options = {});
  ~TcpListener();
  TcpListener(TcpListener&&) noexcept;
  TcpListener& operator=(TcpListener&&) noexcept;

  /// The bound address with the actual port.
  [[nodiscard]] const Endpoint& local_endpoint() const;

  class Impl;

 private:
  explicit TcpListener(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
