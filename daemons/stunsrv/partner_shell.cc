#include "partner_shell.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <utility>

#include "natkit/io/event_loop.h"
#include "natkit/shell/logging.h"
#include "natkit/shell/stream_server.h"

namespace natkit::stunsrv {

namespace {

constexpr Duration kLogInterval = std::chrono::minutes(1);

std::string Explain(Errc reason) {
  switch (reason) {
    case Errc::kBadIntegrity:
      return "it is forged, or partner_secret_file differs on the other "
             "machine";
    case Errc::kTimedOut:
      return "the clocks of the two machines differ by more than 10 s";
    case Errc::kInvalidState:
      return "both machines take themselves for the same one; "
             "partner_addresses must be what the other machine has as "
             "discovery_advertised, or discovery_addresses without that";
    case Errc::kAlreadyExists:
      return "an order came twice, or was made before the start";
    default:
      return "it is no order of the other machine";
  }
}

}  // namespace

shell::Outcome<std::shared_ptr<PartnerShell>> PartnerShell::Make(
    const PartnerSettings& settings,
    const std::shared_ptr<PartnerShell>& before) {
  const auto secret = LoadPartnerSecret(settings.secret_file);
  if (!secret) {
    return std::unexpected(secret.error());
  }
  if (before != nullptr && before->settings_ == settings &&
      before->secret_.EqualsConstantTime(*secret)) {
    return before;
  }
  std::shared_ptr<PartnerShell> made(new PartnerShell(settings, *secret));
  made->counters_ =
      before != nullptr ? before->counters_ : std::make_shared<Counters>();
  if (before != nullptr && before->settings_.link == settings.link) {
    made->socket_ = before->socket_;
    return made;
  }
  auto socket = io::BatchSocket::Bind(settings.link);
  if (!socket) {
    return std::unexpected(
        shell::DescribeListenFailure("UDP", settings.link, socket.error()));
  }
  made->socket_ = std::make_shared<io::BatchSocket>(*std::move(socket));
  return made;
}

PartnerShell::PartnerShell(const PartnerSettings& settings,
                           const stun::PartnerSecret& secret)
    : settings_(settings),
      secret_(secret.Clone()),
      sender_(secret.Clone(), settings.side),
      receiver_(io::EventLoop::UnixNow(), secret.Clone(), settings.side) {}

bool PartnerShell::Has(const IpAddress& address) const {
  return std::ranges::find(settings_.addresses, address) !=
         settings_.addresses.end();
}

IpAddress PartnerShell::OwnAddress(AddressFamily family) const {
  const auto& own = settings_.own_addresses;
  const auto found = std::ranges::find(own, family, &IpAddress::family);
  return found == own.end() ? IpAddress() : *found;
}

void PartnerShell::Send(const stun::PartnerOrder& order) {
  std::array<uint8_t, stun::StunServer::kMaxResponseSize +
                          stun::PartnerSender::kOverhead>
      out;
  const std::scoped_lock lock(mutex_);
  const auto size = sender_.Seal(io::EventLoop::UnixNow(), order, out);
  if (!size ||
      !socket_->SendTo(settings_.remote_link, ByteView(out).first(*size))) {
    ++counters_->unsent;
    return;
  }
  ++counters_->sent;
}

std::optional<stun::PartnerOrder> PartnerShell::Open(ByteView datagram) {
  const auto order = receiver_.Open(io::EventLoop::UnixNow(), datagram);
  if (!order) {
    ++counters_->refused;
    LogRefusal(order.error().code);
    return std::nullopt;
  }
  ++counters_->received;
  return *order;
}

void PartnerShell::LogRefusal(Errc reason) {
  const Instant now = io::EventLoop::Now();
  if (refusal_logged_ && now < *refusal_logged_ + kLogInterval) {
    return;
  }
  refusal_logged_ = now;
  shell::Log(LogLevel::kWarning, "refused what came to partner_listen " +
                                     settings_.link.ToString() + ": " +
                                     Explain(reason));
}

}  // namespace natkit::stunsrv
