#include "natkit/shell/discovery_shell.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

namespace natkit::shell {
namespace {

using std::chrono::seconds;

constexpr auto kProgressEvery = seconds(10);

}  // namespace

DiscoverySockets::DiscoverySockets(io::EventLoop& loop,
                                   nat::BehaviorDiscovery& discovery,
                                   uint32_t fwmark)
    : loop_(loop), fwmark_(fwmark), discovery_(discovery), timer_(loop, [this] {
        discovery_.HandleTimeout(io::EventLoop::Now());
        Pump();
      }) {}

void DiscoverySockets::Close() {
  timer_.Disarm();
  sockets_.clear();
  streams_.clear();
}

DiscoveryShell::DiscoveryShell(io::EventLoop& loop, nat::BehaviorConfig config,
                               Rng& rng, uint32_t fwmark)
    : loop_(loop),
      discovery_(std::move(config), rng),
      sockets_(loop, discovery_, fwmark) {}

const nat::BehaviorReport& DiscoveryShell::Run(
    Duration limit, const std::function<void(Duration)>& on_progress) {
  const Instant start = io::EventLoop::Now();
  discovery_.Start(start);
  sockets_.Pump();
  while (!discovery_.is_finished()) {
    const Duration passed = io::EventLoop::Now() - start;
    if (limit > Duration{} && passed >= limit) {
      discovery_.Abort(io::EventLoop::Now());
      break;
    }
    Duration slice = kProgressEvery;
    if (limit > Duration{}) {
      slice = std::min(slice, limit - passed);
    }
    if (!loop_.RunUntil([this] { return discovery_.is_finished(); }, slice)) {
      on_progress(io::EventLoop::Now() - start);
    }
  }
  sockets_.Close();
  return discovery_.report();
}

void DiscoverySockets::Pump() {
  while (const auto action = discovery_.PollAction()) {
    if (const auto* open = std::get_if<nat::OpenSocket>(&*action)) {
      Open(*open);
    } else if (const auto* close = std::get_if<nat::CloseSocket>(&*action)) {
      sockets_.erase(close->socket);
      streams_.erase(close->socket);
    } else if (const auto* send = std::get_if<nat::SendDatagram>(&*action)) {
      Send(*send);
    } else if (const auto* connect = std::get_if<nat::OpenStream>(&*action)) {
      Connect(*connect);
    } else if (const auto* write = std::get_if<nat::SendOnStream>(&*action)) {
      const auto found = streams_.find(write->socket);
      if (found != streams_.end()) {
        found->second.Write(write->bytes);
      }
    }
  }
  timer_.Arm(discovery_.NextTimeout());
}

void DiscoverySockets::Open(const nat::OpenSocket& wish) {
  io::UdpOptions options;
  options.reports_icmp_errors = true;
  options.fwmark = fwmark_;
  auto bound = io::UdpSocket::Bind(loop_, wish.local, options);
  if (!bound) {
    discovery_.HandleSocketOpened(io::EventLoop::Now(), wish.socket,
                                  std::unexpected(bound.error()));
    return;
  }
  auto socket = std::make_unique<io::UdpSocket>(std::move(*bound));
  socket->SetReceiveHandler([this, number = wish.socket](PacketBatch& batch) {
    for (size_t i = 0; i < batch.size(); ++i) {
      discovery_.HandleDatagram(io::EventLoop::Now(), number,
                                batch.meta(i).remote, batch.bytes(i));
    }
    Pump();
  });
  socket->SetIcmpHandler(
      [this, number = wish.socket](const io::IcmpError& error) {
        discovery_.HandleIcmpError(io::EventLoop::Now(), number,
                                   {.from = error.from,
                                    .to = error.to,
                                    .type = error.type,
                                    .code = error.code});
        Pump();
      });
  const Endpoint local = socket->local_endpoint();
  sockets_.emplace(wish.socket, std::move(socket));
  discovery_.HandleSocketOpened(io::EventLoop::Now(), wish.socket, local);
}

void DiscoverySockets::Connect(const nat::OpenStream& wish) {
  io::StreamHandlers handlers;
  handlers.on_connected = [this, number = wish.socket] {
    const Endpoint local = streams_.at(number).local_endpoint();
    discovery_.HandleSocketOpened(io::EventLoop::Now(), number, local);
    Pump();
  };
  handlers.on_data = [this, number = wish.socket](ByteView bytes) {
    discovery_.HandleStreamData(io::EventLoop::Now(), number, bytes);
    Pump();
  };
  handlers.on_closed = [this, number = wish.socket](Errc reason) {
    // Is ignored if the connection has been up.
    discovery_.HandleSocketOpened(io::EventLoop::Now(), number, Fail(reason));
    Pump();
  };
  io::StreamOptions options;
  options.local = wish.local;
  options.fwmark = fwmark_;
  streams_.emplace(
      wish.socket,
      io::TcpStream::Connect(loop_, wish.to, std::move(handlers), options));
}

void DiscoverySockets::Send(const nat::SendDatagram& datagram) {
  const auto found = sockets_.find(datagram.socket);
  if (found == sockets_.end()) {
    return;
  }
  io::UdpSocket& socket = *found->second;
  if (datagram.ttl != 0 && !socket.SetHopLimit(datagram.ttl)) {
    return;  // better lost than sent further than it should go
  }
  socket.SendTo(datagram.to, datagram.payload);
  if (datagram.ttl != 0) {
    static_cast<void>(socket.SetHopLimit(0));
  }
}

}  // namespace natkit::shell
