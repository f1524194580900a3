#include "natkit/nat/port_mapper.h"

#include <algorithm>
#include <utility>

#include "natkit/base/queue.h"

namespace natkit::nat {

namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using State = PortMappingAttempt::State;

constexpr Duration kPatienceForPcp = milliseconds(250);
constexpr Duration kPatienceForBoth = seconds(1);
constexpr Duration kCheckInterval = minutes(10);
constexpr Duration kSilenceLimit = seconds(30);

constexpr std::array kByPreference = {PortMappingService::kPcp,
                                      PortMappingService::kNatPmp,
                                      PortMappingService::kUpnp};

/// What another service of the same router may do better.
bool IsWorthAnotherService(PortMappingError error) {
  switch (error) {
    case PortMappingError::kUnsupportedVersion:
    case PortMappingError::kUnsupported:
    case PortMappingError::kRefused:
    case PortMappingError::kProtocol:
    case PortMappingError::kAddressMismatch:
      return true;
    case PortMappingError::kNoAnswer:
    case PortMappingError::kNoExternalAddress:
    case PortMappingError::kNoResources:
    case PortMappingError::kQuotaExceeded:
    case PortMappingError::kConflict:
    case PortMappingError::kExpired:
      break;
  }
  return false;
}

}  // namespace

PortMapper::PortMapper(PortMapperConfig config, Rng& rng,
                       std::optional<PcpNonceKey> nonce_key)
    : config_(std::move(config)), rng_(rng), nonce_key_(std::move(nonce_key)) {
  Reset();
}

void PortMapper::SetGateway(Instant now,
                            const std::optional<PortMapperGateway>& gateway) {
  last_now_ = now;
  if (gateway == gateway_) {
    Refresh(now);
    return;
  }
  gateway_ = gateway;
  Reset();
  for (auto& [key, wanted] : wanted_) {
    if (wanted.mapping) {
      events_.emplace_back(PortNotMapped{key, wanted.mapping->service,
                                         PortMappingError::kExpired});
    }
    wanted = {};
  }
  if (gateway_ && !is_shut_down_) {
    const bool is_v4 = gateway_->router.is_v4();
    if (config_.uses_pcp) {
      clients_.pcp.emplace(PcpClientConfig{.server = gateway_->router,
                                           .client = gateway_->local,
                                           .lifetime = config_.lifetime},
                           rng_, nonce_key_ ? &*nonce_key_ : nullptr);
    }
    if (config_.uses_nat_pmp && is_v4) {
      clients_.nat_pmp.emplace(gateway_->router, rng_, config_.lifetime);
    }
    if (config_.uses_upnp && is_v4) {
      clients_.upnp.emplace(gateway_->router, gateway_->local,
                            config_.description, rng_, config_.lifetime);
    }
    Probe(now);
  }
  Drain(now);
}

void PortMapper::Reset() {
  clients_.pcp.reset();
  clients_.nat_pmp.reset();
  clients_.upnp.reset();
  for (size_t i = 0; i < kServices; ++i) {
    attempts_[i] = {.service = kByPreference[i]};
  }
  selected_.reset();
  router_address_.reset();
  check_at_.reset();
  silent_at_.reset();
  verdict_at_.reset();
  has_told_none_ = false;
  is_selecting_ = false;
}

/// Asks every service; mappings that exist stay until their end.
void PortMapper::Probe(Instant now) {
  probed_at_ = now;
  is_selecting_ = true;
  check_at_ = now + kCheckInterval;
  verdict_at_ = now + kSilenceLimit;
  silent_at_.reset();
  for (const PortMappingService service : kByPreference) {
    StartService(now, service);
  }
}

void PortMapper::StartService(Instant now, PortMappingService service) {
  const auto start = [&](auto& client) {
    if (client) {
      attempt(service).state = State::kAsking;
      client->Start(now);
    }
  };
  switch (service) {
    case PortMappingService::kPcp:
      start(clients_.pcp);
      break;
    case PortMappingService::kNatPmp:
      start(clients_.nat_pmp);
      break;
    case PortMappingService::kUpnp:
      start(clients_.upnp);
      break;
  }
}

void PortMapper::Refresh(Instant now) {
  last_now_ = now;
  if (!gateway_ || is_shut_down_) {
    return;
  }
  if (!selected_) {
    Probe(now);
  } else {
    check_at_ = now + kCheckInterval;
    silent_at_ = now + kSilenceLimit;
    StartService(now, *selected_);
  }
  Drain(now);
}

void PortMapper::SetReflexiveAddresses(Instant now,
                                       std::vector<IpAddress> addresses) {
  last_now_ = now;
  reflexive_ = std::move(addresses);
  for (auto& [key, wanted] : wanted_) {
    if (wanted.mapping) {
      Publish(wanted, PortMapping(*wanted.mapping));
    }
  }
}

bool PortMapper::Map(Instant now, const PortMappingKey& key) {
  last_now_ = now;
  const bool is_new = !wanted_.contains(key);
  if (key.internal_port == 0 || is_shut_down_ ||
      (is_new && wanted_.size() >= kMaxKeys)) {
    return false;
  }
  wanted_.try_emplace(key);
  if (selected_) {
    MapAt(now, *selected_, key);
    Drain(now);
  }
  return true;
}

void PortMapper::Unmap(Instant now, const PortMappingKey& key) {
  last_now_ = now;
  if (wanted_.erase(key) != 0) {
    UnmapEverywhere(now, key);
    Drain(now);
  }
}

void PortMapper::Shutdown(Instant now) {
  last_now_ = now;
  is_shut_down_ = true;
  check_at_.reset();
  silent_at_.reset();
  verdict_at_.reset();
  is_selecting_ = false;
  for (const auto& [key, wanted] : std::exchange(wanted_, {})) {
    UnmapEverywhere(now, key);
  }
  Drain(now);
}

bool PortMapper::HandleDatagram(Instant now, const Endpoint& from,
                                ByteView datagram) {
  last_now_ = now;
  const bool is_pcp =
      clients_.pcp && clients_.pcp->HandleDatagram(now, from, datagram);
  const bool is_pmp =
      clients_.nat_pmp && clients_.nat_pmp->HandleDatagram(now, from, datagram);
  if (is_pcp || is_pmp) {
    Drain(now);
  }
  return is_pcp || is_pmp;
}

void PortMapper::HandleUnreachable(Instant now) {
  last_now_ = now;
  if (clients_.pcp) {
    clients_.pcp->HandleUnreachable(now);
  }
  if (clients_.nat_pmp) {
    clients_.nat_pmp->HandleUnreachable(now);
  }
  Drain(now);
}

void PortMapper::HandleUpnpResult(Instant now, const UpnpResult& result) {
  last_now_ = now;
  if (clients_.upnp) {
    clients_.upnp->HandleResult(now, result);
    Drain(now);
  }
}

void PortMapper::HandleTimeout(Instant now) {
  last_now_ = now;
  if (clients_.pcp) {
    clients_.pcp->HandleTimeout(now);
  }
  if (clients_.nat_pmp) {
    clients_.nat_pmp->HandleTimeout(now);
  }
  if (clients_.upnp) {
    clients_.upnp->HandleTimeout(now);
  }
  Drain(now);
  if (silent_at_ && now >= *silent_at_) {
    Use(now, std::nullopt);
    Probe(now);
  } else if (check_at_ && now >= *check_at_) {
    Refresh(now);
  }
  if (verdict_at_ && now >= *verdict_at_) {
    GiveUpSilentServices();
  }
  Select(now);
  Drain(now);
}

/// Their late answers count all the same.
void PortMapper::GiveUpSilentServices() {
  verdict_at_.reset();
  for (PortMappingAttempt& one : attempts_) {
    if (one.state == State::kAsking) {
      one.state = State::kFailed;
      one.error = PortMappingError::kNoAnswer;
    }
  }
  TellIfNoneIsLeft();
}

bool PortMapper::is_none_left() const {
  return gateway_ && !selected_ &&
         std::ranges::none_of(attempts_, [](const PortMappingAttempt& one) {
           return one.state == State::kAsking || one.state == State::kAnswered;
         });
}

void PortMapper::TellIfNoneIsLeft() {
  if (is_none_left() && !std::exchange(has_told_none_, true)) {
    events_.emplace_back(PortMappingServiceChanged{std::nullopt});
  }
}

/// How long better services are waited for.
Duration PortMapper::PatienceBefore(PortMappingService service) const {
  bool has_better = false;
  for (const PortMappingAttempt& better : attempts_) {
    has_better |= better.service < service && better.state == State::kAsking;
  }
  if (!has_better) {
    return Duration{};
  }
  return service == PortMappingService::kNatPmp ? kPatienceForPcp
                                                : kPatienceForBoth;
}

std::optional<PortMappingService> PortMapper::BestAnswered() const {
  for (const PortMappingAttempt& attempt : attempts_) {
    if (attempt.state == State::kAnswered) {
      return attempt.service;
    }
  }
  return std::nullopt;
}

void PortMapper::Select(Instant now) {
  const auto best = BestAnswered();
  if (is_selecting_ && best && now >= probed_at_ + PatienceBefore(*best)) {
    is_selecting_ = false;
    Use(now, best);
  }
}

void PortMapper::Use(Instant now, std::optional<PortMappingService> service) {
  if (service == selected_) {
    return;
  }
  selected_ = service;
  has_told_none_ = !service;
  events_.emplace_back(PortMappingServiceChanged{service});
  if (!service) {
    check_at_ = now + kSilenceLimit;
    return;
  }
  for (const auto& [key, wanted] : wanted_) {
    // First, since a router may keep one mapping for all services.
    for (const PortMappingService other : kByPreference) {
      if (other != *service) {
        UnmapAt(now, other, key);
      }
    }
    MapAt(now, *service, key);
  }
}

void PortMapper::MapAt(Instant now, PortMappingService service,
                       const PortMappingKey& key) {
  switch (service) {
    case PortMappingService::kPcp:
      (void)clients_.pcp->Map(now, key);
      break;
    case PortMappingService::kNatPmp:
      (void)clients_.nat_pmp->Map(now, key);
      break;
    case PortMappingService::kUpnp:
      (void)clients_.upnp->Map(now, key);
      break;
  }
}

void PortMapper::UnmapAt(Instant now, PortMappingService service,
                         const PortMappingKey& key) {
  const auto unmap = [&](auto& client) {
    if (client) {
      client->Unmap(now, key);
    }
  };
  switch (service) {
    case PortMappingService::kPcp:
      unmap(clients_.pcp);
      break;
    case PortMappingService::kNatPmp:
      unmap(clients_.nat_pmp);
      break;
    case PortMappingService::kUpnp:
      unmap(clients_.upnp);
      break;
  }
}

void PortMapper::UnmapEverywhere(Instant now, const PortMappingKey& key) {
  for (const PortMappingService service : kByPreference) {
    UnmapAt(now, service, key);
  }
}

/// What one client reports may make another one report.
void PortMapper::Drain(Instant now) {
  for (bool is_moving = true; is_moving;) {
    is_moving = false;
    const auto drain = [&](auto& client, PortMappingService service) {
      while (client) {
        const auto event = client->PollEvent();
        if (!event) {
          break;
        }
        is_moving = true;
        Handle(now, service, *event);
      }
    };
    drain(clients_.pcp, PortMappingService::kPcp);
    drain(clients_.nat_pmp, PortMappingService::kNatPmp);
    drain(clients_.upnp, PortMappingService::kUpnp);
  }
}

void PortMapper::Handle(Instant now, PortMappingService service,
                        const PortMappingClientEvent& event) {
  if (is_shut_down_) {
    return;
  }
  if (std::holds_alternative<ServiceAnswered>(event)) {
    NoteAnswered(now, service);
  } else if (const auto* failure = std::get_if<ServiceFailed>(&event)) {
    NoteServiceFailed(now, service, failure->error);
  } else if (const auto* address = std::get_if<GatewayAddress>(&event)) {
    NoteAddress(address->address);
  } else if (const auto* granted = std::get_if<MappingGranted>(&event)) {
    NoteGranted(service, *granted);
  } else if (const auto* failed = std::get_if<MappingFailed>(&event)) {
    NoteFailed(now, service, *failed);
  }
}

void PortMapper::NoteAnswered(Instant now, PortMappingService service) {
  PortMappingAttempt& one = attempt(service);
  // Once it has refused, an answer alone is no reason to come back to it.
  if (one.state != State::kFailed || one.error == PortMappingError::kNoAnswer) {
    one.state = State::kAnswered;
  }
  if (service == selected_) {
    silent_at_.reset();
  }
  Select(now);
}

void PortMapper::NoteServiceFailed(Instant now, PortMappingService service,
                                   PortMappingError error) {
  attempt(service).state = State::kFailed;
  attempt(service).error = error;
  if (service == selected_) {
    is_selecting_ = true;
    Use(now, std::nullopt);
  }
  Select(now);
  TellIfNoneIsLeft();
}

void PortMapper::NoteGranted(PortMappingService service,
                             const MappingGranted& granted) {
  const auto found = wanted_.find(granted.key);
  if (found == wanted_.end() || service != selected_) {
    return;
  }
  found->second.error.reset();
  Publish(
      found->second,
      {.key = granted.key, .service = service, .external = granted.external});
}

void PortMapper::NoteFailed(Instant now, PortMappingService service,
                            const MappingFailed& failed) {
  const auto found = wanted_.find(failed.key);
  if (found == wanted_.end()) {
    return;
  }
  Wanted& wanted = found->second;
  const bool is_its = wanted.mapping && wanted.mapping->service == service;
  if (service != selected_ && !is_its) {
    return;
  }
  if (is_its || wanted.error != failed.error) {
    wanted.mapping.reset();
    wanted.error = failed.error;
    events_.emplace_back(PortNotMapped{failed.key, service, failed.error});
  }
  if (service == selected_ && IsWorthAnotherService(failed.error)) {
    attempt(service).state = State::kFailed;
    attempt(service).error = failed.error;
    if (const auto other = BestAnswered()) {
      Use(now, other);
    } else {
      is_selecting_ = true;  // whoever answers later
    }
  }
}

void PortMapper::NoteAddress(const IpAddress& address) {
  if (router_address_ != address) {
    router_address_ = address;
    events_.emplace_back(RouterAddressChanged{address});
  }
}

void PortMapper::Publish(Wanted& wanted, const PortMapping& mapping) {
  PortMapping next = mapping;
  next.standing = StandingOf(next.external.address);
  if (wanted.mapping != next) {
    wanted.mapping = next;
    events_.emplace_back(PortMapped{next});
  }
}

MappingStanding PortMapper::StandingOf(const IpAddress& external) const {
  const bool is_seen =
      std::ranges::find(reflexive_, external) != reflexive_.end();
  if (is_seen) {
    return MappingStanding::kVerified;
  }
  return reflexive_.empty() && !external.is_private()
             ? MappingStanding::kUnverified
             : MappingStanding::kBehindNat;
}

PortMappingAttempt& PortMapper::attempt(PortMappingService service) {
  return attempts_[static_cast<size_t>(service)];
}

std::optional<Transmit> PortMapper::PollTransmit() {
  if (clients_.pcp) {
    if (auto transmit = clients_.pcp->PollTransmit()) {
      return transmit;
    }
  }
  return clients_.nat_pmp ? clients_.nat_pmp->PollTransmit() : std::nullopt;
}

std::optional<UpnpRequest> PortMapper::PollUpnpRequest() {
  return clients_.upnp ? clients_.upnp->PollRequest() : std::nullopt;
}

std::optional<PortMapperEvent> PortMapper::PollEvent() {
  return TakeFront(events_);
}

std::optional<Instant> PortMapper::NextTimeout() const {
  if (!events_.empty()) {
    return last_now_;
  }
  std::optional<Instant> next;
  const auto consider = [&](const std::optional<Instant>& at) {
    if (at && (!next || *at < *next)) {
      next = at;
    }
  };
  consider(check_at_);
  consider(silent_at_);
  consider(verdict_at_);
  if (const auto best = BestAnswered(); is_selecting_ && best) {
    consider(probed_at_ + PatienceBefore(*best));
  }
  consider(clients_.pcp ? clients_.pcp->NextTimeout() : std::nullopt);
  consider(clients_.nat_pmp ? clients_.nat_pmp->NextTimeout() : std::nullopt);
  consider(clients_.upnp ? clients_.upnp->NextTimeout() : std::nullopt);
  return next;
}

bool PortMapper::is_finished() const {
  return is_shut_down_ && (!clients_.pcp || clients_.pcp->is_idle()) &&
         (!clients_.nat_pmp || clients_.nat_pmp->is_idle()) &&
         (!clients_.upnp || clients_.upnp->is_idle());
}

std::vector<PortMapping> PortMapper::mappings() const {
  std::vector<PortMapping> out;
  for (const auto& [key, wanted] : wanted_) {
    if (wanted.mapping) {
      out.push_back(*wanted.mapping);
    }
  }
  return out;
}

std::optional<PortMappingError> PortMapper::error() const {
  for (const auto& [key, wanted] : wanted_) {
    if (!wanted.mapping && wanted.error) {
      return wanted.error;
    }
  }
  if (wanted_.empty() || !is_none_left() || !mappings().empty()) {
    return std::nullopt;
  }
  // What answered at all says more.
  for (const PortMappingAttempt& one : attempts_) {
    if (one.state == State::kFailed &&
        one.error != PortMappingError::kNoAnswer) {
      return one.error;
    }
  }
  return PortMappingError::kNoAnswer;
}

std::vector<PortMappingAttempt> PortMapper::attempts() const {
  return {attempts_.begin(), attempts_.end()};
}

}  // namespace natkit::nat
