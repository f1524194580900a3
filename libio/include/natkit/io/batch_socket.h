#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/io/unique_fd.h"

namespace natkit::io {

struct BatchSocketOptions {
  /// SO_REUSEPORT: several sockets share the address.
  bool shares_port = false;
  size_t receive_buffer = 0;  ///< SO_RCVBUF, bytes; 0: the system's default
  size_t send_buffer = 0;     ///< SO_SNDBUF, bytes; 0: the system's default
};

/// Counted since the socket was made. Datagrams.
struct BatchSocketCounters {
  uint64_t truncated = 0;    ///< longer than kMaxRequestSize; not delivered
  uint64_t send_errors = 0;  ///< not sent; the buffer was full, or unreachable
};

/// A UDP socket for servers that answer each datagram at most once and at
/// once. It takes up to 64 requests with one system call, lends a buffer for
/// the response to each, and sends all responses with one system call, those of
/// one size for one client as one train (UDP_SEGMENT); nothing is copied or
/// allocated on the way. No event loop: a thread of its own polls
/// fd(). The local address is asked for by datagram (IP_PKTINFO) only on a
/// wildcard. IPv4 datagrams up to 1200 bytes go out with DF, longer ones may be
/// fragmented.
class BatchSocket {
 public:
  static constexpr size_t kMaxBatch = 64;
  static constexpr size_t kMaxRequestSize = 2304;
  static constexpr size_t kMaxResponseSize = 2048;

  /// Binds, not blocking; port 0 lets the system choose. Errors:
  /// kAddressInUse, kAddressNotAvailable, kPermissionDenied, kUnsupported (no
  /// such address family), kIo.
  [[nodiscard]] static Result<BatchSocket> Bind(
      const Endpoint& local, const BatchSocketOptions& options = {});
  /// Takes a socket that is bound already. Errors: kUnsupported (not UDP over
  /// IP), kIo.
  [[nodiscard]] static Result<BatchSocket> Adopt(UniqueFd fd);
  ~BatchSocket();
  BatchSocket(BatchSocket&&) noexcept;
  BatchSocket& operator=(BatchSocket&&) noexcept;

  /// Lets the kernel choose among the `count` sockets that share the port, in
  /// the order in which they were bound, by a hash of the source address (IPv6:
  /// of the /64), so that each source always has the same socket. `salt` keeps
  /// others from knowing which. To be called once, on any of them, after all
  /// were bound. Errors: kUnsupported, kIo.
  [[nodiscard]] Result<void> SteerBySource(uint32_t count, uint32_t salt);

  /// Receives what is there; returns how many requests. Views and responses of
  /// the last round are gone.
  [[nodiscard]] size_t Receive();

  /// Request `index` of the last Receive().
  [[nodiscard]] ByteView payload(size_t index) const;
  [[nodiscard]] Endpoint remote(size_t index) const;
  /// Where it was sent to; on a wildcard the address may be unspecified.
  [[nodiscard]] Endpoint local(size_t index) const;

  /// kMaxResponseSize bytes for the next response, until the next Answer() or
  /// Receive().
  [[nodiscard]] MutableBytes response();
  /// Sends the first `size` bytes of response() with the next Flush(), from
  /// where request `index` went to where it came from. Once for each request.
  void Answer(size_t index, size_t size);
  /// Sends all answers. What cannot be sent is counted and dropped.
  void Flush();

  /// Sends one datagram at once; false if it was not sent. Thread-safe. An
  /// unspecified `from` leaves the source address to the system.
  bool SendTo(const Endpoint& to, ByteView payload,
              const IpAddress& from = IpAddress()) const;

  [[nodiscard]] int fd() const;
  /// The bound address with the actual port.
  [[nodiscard]] const Endpoint& local_endpoint() const;
  [[nodiscard]] const BatchSocketCounters& counters() const;
  /// Whether SO_REUSEPORT is set.
  [[nodiscard]] bool shares_port() const;

 private:
  class Impl;

  explicit BatchSocket(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace natkit::io
