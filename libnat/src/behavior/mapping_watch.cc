#include "behavior/mapping_watch.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace natkit::nat::behavior {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Tries until packets are not lost and addresses are equal.
constexpr int kTries = 48;
/// Tries until a mapping is one that nobody had before: NATs further out may
/// still hold the state of its predecessor.
constexpr int kFreshTries = 8;
/// A partner's own mapping lives longer than this everywhere.
constexpr auto kPartnerFreshness = seconds(8);
constexpr int kRefusals = 4;
constexpr auto kAnswerWait = milliseconds(1000);
/// Copies to one mapping: others that are as old tell more...
constexpr size_t kMaxCopies = 3;
/// ... but there are few others after so long a silence.
constexpr auto kLongSilence = seconds(300);
/// How improbable an accident has to be.
constexpr double kAccident = 1e-6;
/// Losses that few requests do not show.
constexpr double kLeastLoss = 0.001;
constexpr double kMostLoss = 0.3;

}  // namespace

Task<std::optional<WatchedMapping>> MappingWatch::Make(Priming priming) {
  std::optional<WatchedMapping> mapping;
  for (int i = 0; i < kTries && !mapping && !session_.lab().IsSilent(); ++i) {
    Task<std::optional<WatchedMapping>> making =
        priming == Priming::kUnreplied     ? MakeUnreplied()
        : priming == Priming::kOneExchange ? MakeOneExchange()
                                           : MakeAssured();
    mapping = co_await making;
    if (mapping && i < kFreshTries &&
        session_.lab().WasAnothers(mapping->mapped, mapping->socket.local())) {
      mapping.reset();
    }
  }
  if (mapping) {
    mapping->received = session_.lab().ReceivedAt(mapping->socket.number());
  }
  co_return mapping;
}

/// The answer to the only packet goes to a partner: it tells where it came
/// from.
Task<std::optional<WatchedMapping>> MappingWatch::MakeUnreplied() {
  Task<PartnerPtr> finding = FindPartner(std::nullopt);
  const PartnerPtr partner = co_await finding;
  Task<std::optional<Socket>> opening = session_.lab().Open(0, 0);
  std::optional<Socket> socket = co_await opening;
  if (partner == nullptr || !socket) {
    co_return std::nullopt;
  }
  Task<Exchange> asking = AskFor(partner, &*socket);
  const Exchange exchange = co_await asking;
  if (!exchange.mapped() ||
      exchange.arrival->socket != partner->socket.number()) {
    co_return std::nullopt;
  }
  co_return WatchedMapping{.socket = std::move(*socket),
                           .mapped = *exchange.mapped(),
                           .last_packet = exchange.sent_at.back()};
}

/// A second copy would be another packet, so there is none.
Task<Exchange> MappingWatch::AskFor(PartnerPtr partner, const Socket* socket) {
  Request request = Lab::From(*socket, session_.targets.a1p1);
  request.response_port = partner->mapped.port;
  request.attempts = 1;
  request.interval = kAnswerWait;
  Task<Exchange> asking = session_.lab().Transact(std::move(request));
  Exchange exchange = co_await asking;
  co_return exchange;
}

Task<std::optional<Instant>> MappingWatch::Send(WatchedMapping* mapping) {
  Task<PartnerPtr> finding = FindPartner(mapping->mapped.address);
  const PartnerPtr partner = co_await finding;
  if (partner == nullptr) {
    co_return std::nullopt;
  }
  Task<Exchange> asking = AskFor(partner, &mapping->socket);
  Exchange exchange = co_await asking;
  exchange.probe.note = "the answer goes to another socket";
  session_.Keep(axis_, exchange.probe);
  if (exchange.mapped() != mapping->mapped ||
      exchange.arrival->socket != partner->socket.number()) {
    co_return std::nullopt;
  }
  co_return exchange.sent_at.back();
}

Task<std::optional<WatchedMapping>> MappingWatch::MakeOneExchange() {
  Task<std::optional<Socket>> opening = session_.lab().Open(0, 0);
  std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return std::nullopt;
  }
  Request request = Lab::From(*socket, session_.targets.a1p1);
  request.attempts = 1;
  request.interval = kAnswerWait;
  Task<Exchange> asking = session_.lab().Transact(std::move(request));
  const Exchange exchange = co_await asking;
  if (!exchange.mapped()) {
    co_return std::nullopt;
  }
  co_return WatchedMapping{.socket = std::move(*socket),
                           .mapped = *exchange.mapped(),
                           .last_packet = exchange.arrival->at};
}

Task<std::optional<WatchedMapping>> MappingWatch::MakeAssured() {
  constexpr int kExchanges = 3;
  constexpr auto kBetween = milliseconds(2500);
  Task<std::optional<Socket>> opening = session_.lab().Open(0, 0);
  std::optional<Socket> socket = co_await opening;
  if (!socket) {
    co_return std::nullopt;
  }
  std::optional<Endpoint> mapped;
  Instant last_packet;
  for (int i = 0; i < kExchanges; ++i) {
    if (i > 0) {
      Lab::Sleeper pause(session_.lab(), session_.lab().now() + kBetween);
      co_await pause;
    }
    Task<Exchange> asking =
        session_.lab().Transact(Lab::From(*socket, session_.targets.a1p1));
    const Exchange exchange = co_await asking;
    if (!exchange.mapped() || (mapped && exchange.mapped() != mapped)) {
      co_return std::nullopt;
    }
    mapped = exchange.mapped();
    last_packet = exchange.arrival->at;
  }
  co_return WatchedMapping{.socket = std::move(*socket),
                           .mapped = *mapped,
                           .last_packet = last_packet};
}

Task<bool> MappingWatch::Refresh(PartnerPtr partner) {
  if (session_.lab().now() - partner->checked_at < kPartnerFreshness) {
    co_return true;
  }
  const Endpoint expected = partner->mapped;
  Task<Exchange> asking = session_.lab().Transact(
      Lab::From(partner->socket, session_.targets.a1p1));
  const Exchange exchange = co_await asking;
  if (!exchange.mapped() || exchange.mapped()->address != expected.address) {
    co_return false;
  }
  partner->mapped = *exchange.mapped();
  partner->checked_at = session_.lab().now();
  co_return true;
}

Task<MappingWatch::PartnerPtr> MappingWatch::FindPartner(
    std::optional<IpAddress> address) {
  for (int i = 0; i < kTries && !session_.lab().IsSilent(); ++i) {
    const auto known = address ? partners_.find(*address) : partners_.begin();
    if (known != partners_.end()) {
      const PartnerPtr partner = known->second;
      Task<bool> refreshing = Refresh(partner);
      if (co_await refreshing) {
        co_return partner;
      }
    }
    Task<std::optional<Socket>> opening = session_.lab().Open(0, 0);
    std::optional<Socket> socket = co_await opening;
    if (!socket) {
      co_return nullptr;
    }
    Task<Exchange> asking =
        session_.lab().Transact(Lab::From(*socket, session_.targets.a1p1));
    const Exchange exchange = co_await asking;
    if (!exchange.mapped()) {
      continue;
    }
    partners_[exchange.mapped()->address] =
        std::make_shared<Partner>(Partner{.socket = std::move(*socket),
                                          .mapped = *exchange.mapped(),
                                          .checked_at = session_.lab().now()});
  }
  co_return nullptr;
}

size_t MappingWatch::decisive() const {
  const double loss = std::clamp(session_.lab().loss(), kLeastLoss, kMostLoss);
  return static_cast<size_t>(std::ceil(std::log(kAccident) / std::log(loss)));
}

Task<Pulse> MappingWatch::Feel(WatchedMapping* mapping) {
  Pulse pulse;
  Task<PartnerPtr> finding = FindPartner(mapping->mapped.address);
  const PartnerPtr partner = co_await finding;
  const SocketNumber socket = mapping->socket.number();
  if (partner == nullptr ||
      session_.lab().ReceivedAt(socket) != mapping->received) {
    co_return pulse;
  }
  const Endpoint partner_mapped = partner->mapped;
  const Request control = Lab::From(partner->socket, session_.targets.a1p1);
  Request request = control;
  request.response_port = mapping->mapped.port;
  const bool was_long =
      session_.lab().now() - mapping->last_packet > kLongSilence;
  request.attempts = static_cast<uint32_t>(
      was_long ? decisive() : std::min<size_t>(decisive(), kMaxCopies));
  Exchange exchange;
  for (int i = 0; i < kRefusals; ++i) {
    Task<Exchange> asking = session_.lab().Transact(request);
    exchange = co_await asking;
    if (!exchange.arrival || !exchange.arrival->error) {
      break;  // else the server wants to be asked less often
    }
  }
  if (exchange.arrival && !exchange.ok()) {
    co_return pulse;
  }
  const uint64_t received = session_.lab().ReceivedAt(socket);
  const uint64_t got = received - std::exchange(mapping->received, received);
  pulse.is_alive = exchange.ok() && exchange.arrival->socket == socket;
  for (const Instant sent : exchange.sent_at) {
    pulse.misses.push_back(sent - mapping->last_packet);
  }
  pulse.silence = pulse.misses.back();
  if (pulse.is_alive) {
    pulse.misses.pop_back();
  }
  exchange.probe.note =
      "silent for " +
      std::to_string(
          std::chrono::duration_cast<seconds>(pulse.silence).count()) +
      " s";
  session_.Keep(axis_, exchange.probe);
  pulse.is_known = got == (pulse.is_alive ? 1 : 0);
  if (!pulse.is_alive && pulse.is_known) {
    Task<Exchange> controlling = session_.lab().Transact(control);
    // Had the partner's own mapping moved, the copies would have gone astray.
    pulse.is_known = (co_await controlling).mapped() == partner_mapped;
  }
  co_return pulse;
}

}  // namespace natkit::nat::behavior
