#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"
#include "natkit/io/event_loop.h"

namespace natkit::io {

/// What a stream tells its owner. Every handler may destroy the stream.
struct StreamHandlers {
  /// The connection is up; only for streams made by Connect().
  std::function<void()> on_connected;
  /// Bytes arrived; the view is valid during the call only.
  std::function<void(ByteView bytes)> on_data;
  /// The queue fell to half the high-water mark after having been over it.
  std::function<void()> on_drained;
  /// The stream is over; called once, never inside a call into the stream.
  /// kClosed: either side ended it in good order. Others: kConnectionRefused,
  /// kUnreachable, kTimedOut, kConnectionReset, kPermissionDenied, kNotFound
  /// (no such Unix socket), kIo.
  std::function<void(Errc reason)> on_closed;
};

struct StreamOptions {
  /// When is_writable() turns false. The queue itself is not bounded: an owner
  /// that goes on writing has to look at pending_bytes().
  size_t high_water = size_t{256} * 1024;
  Duration connect_timeout = std::chrono::seconds(10);
  /// How long Close() waits for the peer to take what is queued and to close.
  Duration linger = std::chrono::seconds(5);
  Duration user_timeout{};  ///< TCP_USER_TIMEOUT; 0: the system's default
  Duration keepalive{};     ///< idle time before TCP keepalives; 0: none
  uint32_t fwmark = 0;      ///< SO_MARK for connecting sockets; 0: none
  /// TCP: where connections come from; port 0: any. Several may come from one
  /// port, to different destinations (SO_REUSEADDR and SO_REUSEPORT).
  std::optional<Endpoint> local;
};

/// A connected byte stream over a socket; TcpStream and UnixStream say which.
/// TCP_NODELAY is always set on TCP.
///
/// Life: connecting (Connect only), open, perhaps closing, closed. When the
/// peer ends its side, what is queued is still written, then on_closed(kClosed)
/// follows. Destroying the stream closes at once and calls no handler.
class ByteStream {
 public:
  ~ByteStream();
  ByteStream(ByteStream&&) noexcept;
  ByteStream& operator=(ByteStream&&) noexcept;

  /// Sets or replaces the handlers and starts reading; an accepted stream
  /// reads nothing before this. May be called inside a handler.
  void SetHandlers(StreamHandlers handlers);

  /// Writes what the socket takes and queues the rest. While connecting, all
  /// is queued; after Close() or the end, bytes are discarded.
  void Write(ByteView bytes);

  /// Bytes queued: not yet taken by the system.
  [[nodiscard]] size_t pending_bytes() const;
  /// pending_bytes() is below the high-water mark.
  [[nodiscard]] bool is_writable() const;
  /// False once the stream is over or Close() was called.
  [[nodiscard]] bool is_open() const;

  /// Stops on_data until ResumeReading(): backpressure towards the peer.
  void PauseReading();
  void ResumeReading();

  /// Ends in good order: writes the queue, sends the end of stream, drops
  /// what still arrives until the peer closes or the linger time is over, then
  /// on_closed. There is no on_data after this call.
  void Close();
  /// Ends now; queued bytes are dropped, a TCP peer sees a reset. on_closed
  /// follows with kClosed.
  void Abort();

  class Impl;

 protected:
  explicit ByteStream(std::shared_ptr<Impl> impl);

  [[nodiscard]] const Impl& impl() const { return *impl_; }

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace natkit::io
