#pragma once

#include <optional>
#include <string>

#include "natkit/base/bytes.h"
#include "natkit/base/datagram.h"
#include "natkit/base/endpoint.h"
#include "natkit/base/rng.h"
#include "natkit/base/time.h"
#include "natkit/nat/nat_pmp_client.h"
#include "natkit/nat/pcp_client.h"
#include "natkit/nat/port_mapping.h"
#include "natkit/nat/upnp_client.h"
#include "natkit/nat/upnp_request.h"

namespace natkit::nat {

/// The router that this host's packets leave by, and our address toward it.
struct PortMapperGateway {
  IpAddress router;
  IpAddress local;

  bool operator==(const PortMapperGateway&) const = default;
};

struct PortMapperConfig {
  bool uses_pcp = true;
  bool uses_nat_pmp = true;  ///< IPv4 alone
  bool uses_upnp = true;     ///< IPv4 alone
  /// What routers show in their lists (UPnP).
  std::string description = "natkit";
  /// What mappings are asked for; whole seconds. Routers may give less.
  Duration lifetime = kPortMappingLifetime;
};

/// The clients of all services at one gateway, as a PortMapper drives them.
/// Pure; `rng` and `nonce_key` must outlive it.
class PortMappingClients {
 public:
  struct Event {
    PortMappingService service = PortMappingService::kPcp;
    PortMappingClientEvent event;
  };

  PortMappingClients(const PortMapperGateway& gateway,
                     const PortMapperConfig& config, Rng& rng,
                     const PcpNonceKey* nonce_key);

  // Inputs. After each one, drain all outputs.
  /// False if this service is not used here.
  bool Start(Instant now, PortMappingService service);
  /// The router may have another address: all of them ask for it, some with
  /// each mapping.
  void NoteNewAddress(Instant now, PortMappingService service);
  void Map(Instant now, PortMappingService service, const PortMappingKey& key);
  void Unmap(Instant now, PortMappingService service,
             const PortMappingKey& key);
  void UnmapEverywhere(Instant now, const PortMappingKey& key);
  bool HandleDatagram(Instant now, const Endpoint& from, ByteView datagram);
  void HandleUnreachable(Instant now);
  void HandleUpnpResult(Instant now, const UpnpResult& result);
  void HandleTimeout(Instant now);

  // Outputs.
  [[nodiscard]] std::optional<Transmit> PollTransmit();
  [[nodiscard]] std::optional<UpnpRequest> PollUpnpRequest();
  [[nodiscard]] std::optional<Event> PollEvent();
  [[nodiscard]] std::optional<Instant> NextTimeout() const;

  /// Nothing is to be deleted.
  [[nodiscard]] bool is_idle() const;

  [[nodiscard]] const PortMapperGateway& gateway() const { return gateway_; }

 private:
  /// Calls `function` with the client of `service` if there is one.
  template <class Function>
  void With(PortMappingService service, Function function);

  PortMapperGateway gateway_;
  std::optional<PcpClient> pcp_;
  std::optional<NatPmpClient> nat_pmp_;
  std::optional<UpnpClient> upnp_;
};

}  // namespace natkit::nat
