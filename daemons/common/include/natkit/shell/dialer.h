#pragma once

#include <functional>
#include <map>
#include <vector>

#include "natkit/base/endpoint.h"
#include "natkit/base/result.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/stream.h"
#include "natkit/io/tcp.h"
#include "natkit/io/timer.h"

namespace natkit::shell {

/// Connects to the first of several endpoints that answers (RFC 8305, section
/// 5): the next attempt starts 250 ms after the last, or when one fails.
class Dialer {
 public:
  struct Handlers {
    /// An attempt won; the others are dropped.
    std::function<void(io::TcpStream stream)> on_connected;
    /// All failed; `reason` is the last one's.
    std::function<void(Errc reason)> on_failed;
  };

  /// `endpoints` in order of preference. One of the handlers is called once,
  /// never inside this call; it may destroy the dialer.
  Dialer(io::EventLoop& loop, std::vector<Endpoint> endpoints,
         const io::StreamOptions& options, Handlers handlers);
  Dialer(const Dialer&) = delete;
  Dialer& operator=(const Dialer&) = delete;

 private:
  void StartNext();
  void OnConnected(size_t index);
  void OnFailed(size_t index, Errc reason);

  io::EventLoop& loop_;
  std::vector<Endpoint> endpoints_;
  io::StreamOptions options_;
  Handlers handlers_;
  io::Timer stagger_;
  size_t next_ = 0;
  std::map<size_t, io::TcpStream> attempts_;
};

/// The endpoints of `addresses` with `port`, families alternating and IPv6
/// first (RFC 8305, section 4).
[[nodiscard]] std::vector<Endpoint> InterleaveFamilies(
    const std::vector<IpAddress>& addresses, uint16_t port);

}  // namespace natkit::shell
