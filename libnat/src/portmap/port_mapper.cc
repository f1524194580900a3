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
constexpr Duration kFirstSearchAgain = minutes(1);
/// A router that answers at all answers a request sooner.
constexpr Duration kRequestLimit = seconds(10);
/// What deleting mappings at an old gateway may take.
constexpr Duration kFarewell = seconds(10);

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

std::string_view MappingStandingName(MappingStanding standing) {
  switch (standing) {
    case MappingStanding::kUnverified:
      return "unverified";
    case MappingStanding::kNotProbed:
      return "not-probed";
    case MappingStanding::kVerified:
      return "verified";
    case MappingStanding::kUnreachable:
      return "unreachable";
    case MappingStanding::kBehindNat:
      return "behind-nat";
  }
  return "";
}

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
  if (gateway) {
    LeaveGateway(now);
  }
  if (leaving_ && gateway &&
      leaving_->clients.gateway().router == gateway->router) {
    // The same router, or one that has its address: a late deletion would meet
    // the new mapping.
    leaving_.reset();
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
    clients_.emplace(*gateway_, config_, rng_,
                     nonce_key_ ? &*nonce_key_ : nullptr);
    Probe(now);
  }
  Drain(now);
}

/// Whoever is left has to be told: his mapping may live for hours.
void PortMapper::LeaveGateway(Instant now) {
  if (!clients_) {
    return;
  }
  leaving_.emplace(Leaving{std::move(*clients_), now + kFarewell});
  for (const auto& [key, wanted] : wanted_) {
    leaving_->clients.UnmapEverywhere(now, key);
  }
  DrainLeaving(now);
}

void PortMapper::DrainLeaving(Instant now) {
  if (!leaving_) {
    return;
  }
  while (leaving_->clients.PollEvent()) {
  }
  if (leaving_->clients.is_idle() || now >= leaving_->until) {
    leaving_.reset();
  }
}

void PortMapper::Reset() {
  clients_.reset();
  for (size_t i = 0; i < kServices; ++i) {
    attempts_[i] = {.service = kByPreference[i]};
  }
  selected_.reset();
  router_address_.reset();
  check_at_.reset();
  silent_at_.reset();
  verdict_at_.reset();
  request_ends_at_.reset();
  has_told_none_ = false;
  is_selecting_ = false;
  next_search_ = kFirstSearchAgain;
}

/// Asks every service; mappings that exist stay until their end.
void PortMapper::Probe(Instant now) {
  probed_at_ = now;
  is_selecting_ = true;
  check_at_ = now + next_search_;
  next_search_ = std::min(2 * next_search_, kCheckInterval);
  verdict_at_ = now + kSilenceLimit;
  silent_at_.reset();
  for (const PortMappingService service : kByPreference) {
    StartService(now, service);
  }
}

void PortMapper::StartService(Instant now, PortMappingService service) {
  const auto state = attempt(service).state;
  attempt(service).state = State::kAsking;
  if (!clients_->Start(now, service)) {
    attempt(service).state = state;  // it is off
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
  const auto has = [](const std::vector<IpAddress>& all, const IpAddress& one) {
    return std::ranges::find(all, one) != all.end();
  };
  bool is_any_lost = false;
  for (const auto& [key, wanted] : wanted_) {
    is_any_lost |= wanted.mapping && !addresses.empty() &&
                   has(reflexive_, wanted.mapping->external.address) &&
                   !has(addresses, wanted.mapping->external.address);
  }
  reflexive_ = std::move(addresses);
  for (auto& [key, wanted] : wanted_) {
    if (wanted.mapping) {
      Publish(wanted, PortMapping(*wanted.mapping));
    }
  }
  if (is_any_lost && selected_ && clients_) {
    // The router has another address, which it may not announce.
    clients_->NoteNewAddress(now, *selected_);
    Drain(now);
  }
}

void PortMapper::SetInboundReach(Instant now, const PortMappingKey& key,
                                 const Endpoint& external, InboundReach reach) {
  last_now_ = now;
  const auto found = wanted_.find(key);
  if (found == wanted_.end() || !found->second.mapping ||
      found->second.mapping->external != external) {
    return;
  }
  found->second.reach = reach;
  Publish(found->second, PortMapping(*found->second.mapping));
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
    clients_->Map(now, *selected_, key);
    request_ends_at_ = now + kRequestLimit;
    Drain(now);
  }
  return true;
}

void PortMapper::Unmap(Instant now, const PortMappingKey& key) {
  last_now_ = now;
  if (wanted_.erase(key) != 0 && clients_) {
    clients_->UnmapEverywhere(now, key);
    Drain(now);
  }
}

void PortMapper::Shutdown(Instant now) {
  last_now_ = now;
  is_shut_down_ = true;
  check_at_.reset();
  silent_at_.reset();
  verdict_at_.reset();
  request_ends_at_.reset();
  is_selecting_ = false;
  for (const auto& [key, wanted] : std::exchange(wanted_, {})) {
    if (clients_) {
      clients_->UnmapEverywhere(now, key);
    }
  }
  Drain(now);
}

bool PortMapper::HandleDatagram(Instant now, const Endpoint& from,
                                ByteView datagram) {
  last_now_ = now;
  const bool is_ours =
      clients_ && clients_->HandleDatagram(now, from, datagram);
  const bool is_old =
      leaving_ && leaving_->clients.HandleDatagram(now, from, datagram);
  if (is_ours || is_old) {
    Drain(now);
  }
  return is_ours || is_old;
}

void PortMapper::HandleUnreachable(Instant now) {
  last_now_ = now;
  if (clients_) {
    clients_->HandleUnreachable(now);
  }
  Drain(now);
}

void PortMapper::HandleUpnpResult(Instant now, const UpnpResult& result) {
  last_now_ = now;
  if (clients_) {
    clients_->HandleUpnpResult(now, result);
  }
  if (leaving_) {
    leaving_->clients.HandleUpnpResult(now, result);
  }
  Drain(now);
}

void PortMapper::HandleTimeout(Instant now) {
  last_now_ = now;
  if (clients_) {
    clients_->HandleTimeout(now);
  }
  if (leaving_) {
    leaving_->clients.HandleTimeout(now);
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
  if (request_ends_at_ && now >= *request_ends_at_) {
    GiveUpUnansweredRequests(now);
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

/// Some daemons answer everything but a request that they may not grant. They
/// are asked on, and a late answer counts.
void PortMapper::GiveUpUnansweredRequests(Instant now) {
  request_ends_at_.reset();
  bool is_any_unanswered = false;
  for (auto& [key, wanted] : wanted_) {
    constexpr auto kNoAnswer = PortMappingError::kNoAnswer;
    if (!selected_ || wanted.mapping ||
        wanted.error.value_or(kNoAnswer) != kNoAnswer) {
      continue;
    }
    is_any_unanswered = true;
    if (!wanted.error) {
      wanted.error = kNoAnswer;
      events_.emplace_back(PortNotMapped{key, *selected_, kNoAnswer});
    }
  }
  if (!is_any_unanswered) {
    return;
  }
  attempt(*selected_).state = State::kFailed;
  attempt(*selected_).error = PortMappingError::kNoAnswer;
  if (const auto other = BestAnswered()) {
    Use(now, other);
  } else {
    is_selecting_ = true;  // whoever answers later
  }
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
  next_search_ = kFirstSearchAgain;
  if (!service) {
    check_at_ = now + kSilenceLimit;
    return;
  }
  check_at_ = now + kCheckInterval;
  for (const auto& [key, wanted] : wanted_) {
    // First, since a router may keep one mapping for all services.
    for (const PortMappingService other : kByPreference) {
      if (other != *service) {
        clients_->Unmap(now, other, key);
      }
    }
    clients_->Map(now, *service, key);
  }
  request_ends_at_ = now + kRequestLimit;
}

/// What one client reports may make another one report.
void PortMapper::Drain(Instant now) {
  DrainLeaving(now);
  while (clients_) {
    const auto next = clients_->PollEvent();
    if (!next) {
      break;
    }
    Handle(now, next->service, next->event);
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
  if (!wanted.mapping || wanted.mapping->external != next.external) {
    wanted.reach = InboundReach::kUnknown;
  }
  next.standing = StandingOf(next.external.address, wanted.reach);
  if (wanted.mapping != next) {
    wanted.mapping = next;
    events_.emplace_back(PortMapped{next});
  }
}

MappingStanding PortMapper::StandingOf(const IpAddress& external,
                                       InboundReach reach) const {
  if (std::ranges::find(reflexive_, external) == reflexive_.end()) {
    return reflexive_.empty() && !external.is_private()
               ? MappingStanding::kUnverified
               : MappingStanding::kBehindNat;
  }
  switch (reach) {
    case InboundReach::kArrived:
      return MappingStanding::kVerified;
    case InboundReach::kNotArrived:
      return MappingStanding::kUnreachable;
    case InboundReach::kUnknown:
    case InboundReach::kNotProbed:
      break;
  }
  return MappingStanding::kNotProbed;
}

PortMappingAttempt& PortMapper::attempt(PortMappingService service) {
  return attempts_[static_cast<size_t>(service)];
}

std::optional<Transmit> PortMapper::PollTransmit() {
  if (leaving_) {
    if (auto transmit = leaving_->clients.PollTransmit()) {
      return transmit;
    }
  }
  return clients_ ? clients_->PollTransmit() : std::nullopt;
}

std::optional<UpnpRequest> PortMapper::PollUpnpRequest() {
  if (leaving_) {
    if (auto request = leaving_->clients.PollUpnpRequest()) {
      return request;
    }
  }
  return clients_ ? clients_->PollUpnpRequest() : std::nullopt;
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
  consider(request_ends_at_);
  if (const auto best = BestAnswered(); is_selecting_ && best) {
    consider(probed_at_ + PatienceBefore(*best));
  }
  if (clients_) {
    consider(clients_->NextTimeout());
  }
  if (leaving_) {
    consider(leaving_->clients.NextTimeout());
    consider(leaving_->until);
  }
  return next;
}

bool PortMapper::is_finished() const {
  return is_shut_down_ && !leaving_ && (!clients_ || clients_->is_idle());
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
