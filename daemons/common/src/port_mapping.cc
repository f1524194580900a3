#include "natkit/shell/port_mapping.h"

#include <utility>

#include "natkit/io/default_gateway.h"

namespace natkit::shell {

namespace {

Instant Now() {
  return io::EventLoop::Now();
}

std::optional<nat::PortMapperGateway> FindGateway(uint32_t fwmark) {
  const auto found = io::FindDefaultGateway(AddressFamily::kIpv4, fwmark);
  if (!found) {
    return std::nullopt;
  }
  return nat::PortMapperGateway{.router = found->router, .local = found->local};
}

std::optional<io::UdpSocket> TryBind(io::EventLoop& loop, const Endpoint& local,
                                     const io::UdpOptions& options = {}) {
  auto socket = io::UdpSocket::Bind(loop, local, options);
  return socket ? std::optional(std::move(*socket)) : std::nullopt;
}

}  // namespace

PortMapping::PortMapping(io::EventLoop& loop, Rng& rng,
                         const nat::PortMapperConfig& config, Handler on_event,
                         std::optional<nat::PcpNonceKey> nonce_key)
    : loop_(loop),
      mapper_(config, rng, std::move(nonce_key)),
      on_event_(std::move(on_event)),
      upnp_(std::make_shared<UpnpDevice>()),
      work_(loop),
      timer_(loop,
             [this] {
               mapper_.HandleTimeout(Now());
               if (mapper_.leaving() == nullptr) {
                 old_socket_.reset();  // here: not inside its own handler
               }
               Pump();
             }),
      limit_(loop, [this] {
        if (on_done_) {
          std::exchange(on_done_, nullptr)();
        }
      }) {}

PortMapping::~PortMapping() {
  upnp_->Stop();
}

void PortMapping::SetFwmark(uint32_t fwmark) {
  fwmark_ = fwmark;
  upnp_->SetFwmark(fwmark);
}

void PortMapping::Refresh() {
  auto gateway = FindGateway(fwmark_);
  if (gateway != mapper_.gateway()) {
    old_socket_ = std::move(socket_);
    socket_.reset();
    announcements_.reset();
    if (gateway) {
      OpenSockets(*gateway);
    }
    if (!socket_) {
      gateway.reset();
    }
  }
  mapper_.SetGateway(Now(), gateway);
  Pump();
}

void PortMapping::OpenSockets(const nat::PortMapperGateway& gateway) {
  const auto receive = [this](PacketBatch& batch) { Receive(batch); };
  socket_ = TryBind(loop_, {gateway.local, 0},
                    {.fwmark = fwmark_, .reports_icmp_errors = true});
  if (!socket_) {
    return;
  }
  socket_->SetReceiveHandler(receive);
  socket_->SetIcmpHandler(
      [this](const io::IcmpError& error) { HandleIcmp(error); });
  // Another program may have it; then a lost mapping is noticed later.
  announcements_ = TryBind(
      loop_, {IpAddress::V4(224, 0, 0, 1), nat::kPortMappingClientPort});
  if (announcements_) {
    announcements_->SetReceiveHandler(receive);
  }
}

void PortMapping::Map(const nat::PortMappingKey& key) {
  (void)mapper_.Map(Now(), key);
  Pump();
}

void PortMapping::SetReflexiveAddresses(std::vector<IpAddress> addresses) {
  mapper_.SetReflexiveAddresses(Now(), std::move(addresses));
  Pump();
}

void PortMapping::SetInboundReach(const nat::PortMappingKey& key,
                                  const Endpoint& external,
                                  nat::InboundReach reach) {
  mapper_.SetInboundReach(Now(), key, external, reach);
  Pump();
}

void PortMapping::Shutdown(Duration limit, std::function<void()> on_done) {
  on_done_ = std::move(on_done);
  limit_.Arm(Now() + limit);
  mapper_.Shutdown(Now());
  Pump();
}

void PortMapping::Receive(const PacketBatch& batch) {
  for (size_t i = 0; i < batch.size(); ++i) {
    (void)mapper_.HandleDatagram(Now(), batch.meta(i).remote, batch.bytes(i));
  }
  Pump();
}

/// "Port unreachable", from the router itself.
void PortMapping::HandleIcmp(const io::IcmpError& error) {
  constexpr uint8_t kUnreachable = 3;
  constexpr uint8_t kPortUnreachable = 3;
  const bool is_of_router = mapper_.gateway() &&
                            error.from == mapper_.gateway()->router &&
                            error.to.address == mapper_.gateway()->router;
  if (is_of_router && error.type == kUnreachable &&
      error.code == kPortUnreachable) {
    mapper_.HandleUnreachable(Now());
    Pump();
  }
}

void PortMapping::Do(const nat::UpnpRequest& request) {
  const auto result = std::make_shared<nat::UpnpResult>();
  work_.Run(
      [device = upnp_, request, result] { *result = device->Do(request); },
      [this, result] {
        mapper_.HandleUpnpResult(Now(), *result);
        Pump();
      });
}

void PortMapping::Pump() {
  while (const auto transmit = mapper_.PollTransmit()) {
    const auto* leaving = mapper_.leaving();
    auto& socket = leaving != nullptr && leaving->router == transmit->to.address
                       ? old_socket_
                       : socket_;
    if (socket) {
      socket->SendTo(transmit->to, transmit->payload);
    }
  }
  while (const auto request = mapper_.PollUpnpRequest()) {
    Do(*request);
  }
  while (const auto event = mapper_.PollEvent()) {
    on_event_(*event);
  }
  timer_.Arm(mapper_.NextTimeout());
  CheckDone();
}

void PortMapping::CheckDone() {
  if (on_done_ && mapper_.is_finished()) {
    limit_.Arm(Now());  // not inside the call
  }
}

}  // namespace natkit::shell
