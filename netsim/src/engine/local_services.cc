#include "engine/local_service.h"
#include "portmap/lease_book.h"
#include "portmap/port_control.h"
#include "portmap/upnp_service.h"

namespace natkit::netsim::engine {

std::vector<std::unique_ptr<LocalService>> MakeLocalServices(
    const NatConfig& config, ForwardControl& control, Instant start) {
  const PortMappingServices& wanted = config.services;
  std::vector<std::unique_ptr<LocalService>> out;
  const auto leases =
      std::make_shared<portmap::LeaseBook>(control, wanted.max_per_host);
  if (wanted.nat_pmp || wanted.pcp) {
    out.push_back(
        std::make_unique<portmap::PortControl>(config, leases, start));
  }
  if (wanted.upnp) {
    out.push_back(
        std::make_unique<portmap::UpnpService>(config, leases, start));
  }
  return out;
}

}  // namespace natkit::netsim::engine
