#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "natkit/base/rng.h"
#include "natkit/io/event_loop.h"
#include "natkit/io/tcp.h"
#include "natkit/io/timer.h"
#include "natkit/io/udp_socket.h"
#include "natkit/nat/behavior_discovery.h"

namespace natkit::shell {

/// Sockets and time for a BehaviorDiscovery; decides nothing.
class DiscoverySockets {
 public:
  /// `discovery` must live whenever the loop runs. `fwmark`: of all that is
  /// sent (SO_MARK), 0: none.
  DiscoverySockets(io::EventLoop& loop, nat::BehaviorDiscovery& discovery,
                   uint32_t fwmark = 0);
  DiscoverySockets(const DiscoverySockets&) = delete;
  DiscoverySockets& operator=(const DiscoverySockets&) = delete;

  /// Does what the discovery wants; to be called after inputs that do not come
  /// from here.
  void Pump();
  /// Closes everything.
  void Close();

 private:
  void Open(const nat::OpenSocket& wish);
  void Send(const nat::SendDatagram& datagram);
  void Connect(const nat::OpenStream& wish);

  io::EventLoop& loop_;
  uint32_t fwmark_;
  nat::BehaviorDiscovery& discovery_;
  io::Timer timer_;
  std::map<nat::SocketNumber, std::unique_ptr<io::UdpSocket>> sockets_;
  std::map<nat::SocketNumber, io::TcpStream> streams_;
};

/// Runs a BehaviorDiscovery to its end.
class DiscoveryShell {
 public:
  /// `fwmark`: of all that it sends (SO_MARK), 0: none.
  DiscoveryShell(io::EventLoop& loop, nat::BehaviorConfig config, Rng& rng,
                 uint32_t fwmark = 0);

  /// Runs until all is known, or for `limit`; zero: no limit. `on_progress` is
  /// called now and then with the time that has passed.
  const nat::BehaviorReport& Run(
      Duration limit, const std::function<void(Duration)>& on_progress);

 private:
  io::EventLoop& loop_;
  nat::BehaviorDiscovery discovery_;
  DiscoverySockets sockets_;
};

}  // namespace natkit::shell
