#include "natkit/nat/stun_discovery.h"

#include <algorithm>

namespace natkit::stun {

std::optional<DiscoveryEndpoints::Slot> DiscoveryEndpoints::Find(
    const Endpoint& local) const {
  const auto address = std::ranges::find(addresses, local.address);
  const auto port = std::ranges::find(ports, local.port);
  if (address == addresses.end() || port == ports.end()) {
    return std::nullopt;
  }
  return Slot{.address = static_cast<size_t>(address - addresses.begin()),
              .port = static_cast<size_t>(port - ports.begin())};
}

Endpoint DiscoveryEndpoints::Advertised(Slot slot) const {
  Endpoint endpoint = Local(slot);
  if (!advertised[slot.address].is_unspecified()) {
    endpoint.address = advertised[slot.address];
  }
  return endpoint;
}

bool DiscoveryEndpoints::is_valid() const {
  const auto& [a1, a2] = addresses;
  return a1 != a2 && a1.family() == a2.family() && !a1.is_unspecified() &&
         !a2.is_unspecified() && ports[0] != ports[1] && ports[0] != 0 &&
         ports[1] != 0;
}

}  // namespace natkit::stun
