#include "partner_shell.h"

#include <algorithm>
#include <array>
#include <utility>

#include "natkit/io/event_loop.h"
#include "natkit/shell/stream_server.h"

namespace natkit::stunsrv {

shell::Outcome<std::shared_ptr<PartnerShell>> PartnerShell::Make(
    const PartnerSettings& settings) {
  const auto secret = LoadPartnerSecret(settings.secret_file);
  if (!secret) {
    return std::unexpected(secret.error());
  }
  auto socket = io::BatchSocket::Bind(settings.link);
  if (!socket) {
    return std::unexpected(
        shell::DescribeListenFailure("UDP", settings.link, socket.error()));
  }
  return std::make_shared<PartnerShell>(settings, *std::move(socket), *secret);
}

PartnerShell::PartnerShell(const PartnerSettings& settings,
                           io::BatchSocket socket,
                           const stun::PartnerSecret& secret)
    : settings_(settings),
      socket_(std::move(socket)),
      sender_(secret.Clone(), settings.side),
      receiver_(secret.Clone(), settings.side) {}

bool PartnerShell::Has(const IpAddress& address) const {
  return std::ranges::find(settings_.addresses, address) !=
         settings_.addresses.end();
}

IpAddress PartnerShell::OwnAddress(AddressFamily family) const {
  const auto& own = settings_.own_addresses;
  const auto found = std::ranges::find(own, family, &IpAddress::family);
  return found == own.end() ? IpAddress() : *found;
}

bool PartnerShell::Send(const stun::PartnerOrder& order) {
  std::array<uint8_t, stun::StunServer::kMaxResponseSize +
                          stun::PartnerSender::kOverhead>
      out;
  const std::scoped_lock lock(mutex_);
  const auto size = sender_.Seal(io::EventLoop::UnixNow(), order, out);
  if (!size ||
      !socket_.SendTo(settings_.remote_link, ByteView(out).first(*size))) {
    return false;
  }
  ++counters_.sent;
  return true;
}

std::optional<stun::PartnerOrder> PartnerShell::Open(ByteView datagram) {
  const auto order = receiver_.Open(io::EventLoop::UnixNow(), datagram);
  if (!order) {
    ++counters_.refused;
    return std::nullopt;
  }
  ++counters_.received;
  return *order;
}

}  // namespace natkit::stunsrv
