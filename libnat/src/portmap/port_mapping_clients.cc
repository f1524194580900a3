#include "natkit/nat/port_mapping_clients.h"

#include <array>

namespace natkit::nat {

namespace {

constexpr std::array kServices = {PortMappingService::kPcp,
                                  PortMappingService::kNatPmp,
                                  PortMappingService::kUpnp};

}  // namespace

PortMappingClients::PortMappingClients(const PortMapperGateway& gateway,
                                       const PortMapperConfig& config, Rng& rng,
                                       const PcpNonceKey* nonce_key)
    : gateway_(gateway) {
  const bool is_v4 = gateway.router.is_v4();
  if (config.uses_pcp) {
    pcp_.emplace(PcpClientConfig{.server = gateway.router,
                                 .client = gateway.local,
                                 .lifetime = config.lifetime},
                 rng, nonce_key);
  }
  if (config.uses_nat_pmp && is_v4) {
    nat_pmp_.emplace(gateway.router, rng, config.lifetime);
  }
  if (config.uses_upnp && is_v4) {
    upnp_.emplace(gateway.router, gateway.local, config.description, rng,
                  config.lifetime);
  }
}

template <class Function>
void PortMappingClients::With(PortMappingService service, Function function) {
  const auto call = [&](auto& client) {
    if (client) {
      function(*client);
    }
  };
  switch (service) {
    case PortMappingService::kPcp:
      call(pcp_);
      break;
    case PortMappingService::kNatPmp:
      call(nat_pmp_);
      break;
    case PortMappingService::kUpnp:
      call(upnp_);
      break;
  }
}

bool PortMappingClients::Start(Instant now, PortMappingService service) {
  bool is_used = false;
  With(service, [&](auto& client) {
    is_used = true;
    client.Start(now);
  });
  return is_used;
}

void PortMappingClients::NoteNewAddress(Instant now,
                                        PortMappingService service) {
  if (service == PortMappingService::kPcp && pcp_) {
    pcp_->Renew(now);
  } else {
    (void)Start(now, service);
  }
}

void PortMappingClients::Map(Instant now, PortMappingService service,
                             const PortMappingKey& key) {
  With(service, [&](auto& client) { (void)client.Map(now, key); });
}

void PortMappingClients::Unmap(Instant now, PortMappingService service,
                               const PortMappingKey& key) {
  With(service, [&](auto& client) { client.Unmap(now, key); });
}

void PortMappingClients::UnmapEverywhere(Instant now,
                                         const PortMappingKey& key) {
  for (const PortMappingService service : kServices) {
    Unmap(now, service, key);
  }
}

bool PortMappingClients::HandleDatagram(Instant now, const Endpoint& from,
                                        ByteView datagram) {
  const bool is_pcp = pcp_ && pcp_->HandleDatagram(now, from, datagram);
  const bool is_pmp = nat_pmp_ && nat_pmp_->HandleDatagram(now, from, datagram);
  return is_pcp || is_pmp;
}

void PortMappingClients::HandleUnreachable(Instant now) {
  if (pcp_) {
    pcp_->HandleUnreachable(now);
  }
  if (nat_pmp_) {
    nat_pmp_->HandleUnreachable(now);
  }
}

void PortMappingClients::HandleUpnpResult(Instant now,
                                          const UpnpResult& result) {
  if (upnp_) {
    upnp_->HandleResult(now, result);
  }
}

void PortMappingClients::HandleTimeout(Instant now) {
  for (const PortMappingService service : kServices) {
    With(service, [now](auto& client) { client.HandleTimeout(now); });
  }
}

std::optional<Transmit> PortMappingClients::PollTransmit() {
  if (pcp_) {
    if (auto transmit = pcp_->PollTransmit()) {
      return transmit;
    }
  }
  return nat_pmp_ ? nat_pmp_->PollTransmit() : std::nullopt;
}

std::optional<UpnpRequest> PortMappingClients::PollUpnpRequest() {
  return upnp_ ? upnp_->PollRequest() : std::nullopt;
}

std::optional<PortMappingClients::Event> PortMappingClients::PollEvent() {
  std::optional<Event> found;
  for (const PortMappingService service : kServices) {
    With(service, [&](auto& client) {
      if (found) {
        return;
      }
      if (auto event = client.PollEvent()) {
        found = Event{service, *event};
      }
    });
  }
  return found;
}

std::optional<Instant> PortMappingClients::NextTimeout() const {
  std::optional<Instant> next;
  const auto consider = [&](const auto& client) {
    const auto at = client ? client->NextTimeout() : std::nullopt;
    if (at && (!next || *at < *next)) {
      next = at;
    }
  };
  consider(pcp_);
  consider(nat_pmp_);
  consider(upnp_);
  return next;
}

bool PortMappingClients::is_idle() const {
  return (!pcp_ || pcp_->is_idle()) && (!nat_pmp_ || nat_pmp_->is_idle()) &&
         (!upnp_ || upnp_->is_idle());
}

}  // namespace natkit::nat
