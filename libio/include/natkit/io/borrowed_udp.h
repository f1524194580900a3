#pragma once

#include <cstdint>
#include <optional>

#include "natkit/base/bytes.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/base/time.h"

namespace natkit::io {

/// Somebody else's UDP socket, used for a while without a loop: its flags,
/// options and what it is connected to stay as they are.
class BorrowedUdp {
 public:
  struct Received {
    Endpoint from;
    ByteView data;  ///< in the caller's buffer, cut to what fits
  };

  /// Errors: kUnsupported (no UDP socket, or none over IP).
  [[nodiscard]] static Result<BorrowedUdp> Of(int fd);

  /// Sends one datagram or loses it, as a network may: a full buffer and an
  /// ICMP error of an earlier datagram are no failures. An IPv6 socket that
  /// carries IPv4, too, reaches IPv4. Errors: those that the next try would
  /// have as well: kUnreachable, kUnsupported (another address family),
  /// kPermissionDenied, kAddressNotAvailable, kIo.
  [[nodiscard]] Result<void> Send(const Endpoint& to, ByteView data) const;

  /// Blocks until there is something to receive, at most `longest`, rounded up
  /// to whole milliseconds; a signal or an ICMP error, which it takes, may end
  /// it earlier. Errors: kClosed (the socket was closed meanwhile).
  [[nodiscard]] Result<void> Wait(Duration longest) const;

  /// What has come in, without blocking; nullopt if nothing has. IPv4-mapped
  /// senders are IPv4.
  [[nodiscard]] std::optional<Received> Receive(MutableBytes buffer) const;

 private:
  BorrowedUdp(int fd, AddressFamily family) : fd_(fd), family_(family) {}

  int fd_;
  AddressFamily family_;
};

}  // namespace natkit::io
